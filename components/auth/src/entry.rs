//! The component's entry on a host: Spin or our own.

use std::sync::OnceLock;

use ambient::{Afterwards, Clock, Entropy};
use axum::Router;
use axum::response::Response;
use database::Database;
use settings::{AuthSettings, SettingsError, Variables};
use spin_sdk::http::{IntoResponse, Request};

/// The router of this instance.
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
    release(routes::answer(&ROUTER, request, start()).await)
}

async fn start() -> Result<Router, StartError> {
    ambient::log::to_standard_error(Clock::system());
    let settings = AuthSettings::new(&Variables::read(&AuthSettings::NAMES).await?)?;
    Ok(crate::router(Database::exclusive("default"), settings, Clock::system(), Entropy::system())?)
}

/// The answer, with the work that it does not wait for begun: the host goes on with an instance until all of its tasks have ended.
fn release(mut response: Response) -> Response {
    if let Some(work) = response.extensions_mut().remove::<Afterwards>() {
        spin_sdk::wasip3::spawn(work.run());
    }
    response
}
