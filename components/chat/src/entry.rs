//! The component's entry on a host: Spin or our own.

use std::sync::OnceLock;

use ambient::{Clock, Entropy};
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use chunks::ChunkStore;
use database::Database;
use problem::Problem;
use settings::{ChatSettings, SettingsError, Variables};
use spin_sdk::http::{IntoResponse, Request};
use tower_service::Service as _;

/// The router of this instance. Settings do not change while an instance lives, and it holds no data of any request.
static ROUTER: OnceLock<Router> = OnceLock::new();

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Setup(#[from] crate::SetupError),
}

#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    match start().await {
        Ok(mut router) => match router.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => refuse(&error),
    }
}

/// The router, made by the first request. Requests that arrive together may each make one; the first to finish is kept.
async fn start() -> Result<Router, StartError> {
    if let Some(router) = ROUTER.get() {
        return Ok(router.clone());
    }
    ambient::log::to_standard_error(Clock::system());
    let settings = ChatSettings::new(&Variables::read(&ChatSettings::NAMES).await?)?;
    let router = crate::router(
        Database::named("default"),
        ChunkStore::named("default"),
        settings,
        Clock::system(),
        Entropy::system(),
    )?;
    Ok(ROUTER.get_or_init(|| router).clone())
}

/// Without settings there is no router, and so no request id; the log has the cause.
fn refuse(error: &StartError) -> Response {
    let problem = Problem::internal(error);
    problem.log("");
    problem.into_response()
}
