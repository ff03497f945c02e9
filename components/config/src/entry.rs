//! The component's entry on a host: Spin or our own.

use std::sync::OnceLock;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::{ConfigSettings, SettingsError, Variables};
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
    routes::answer(&ROUTER, request, start()).await
}

async fn start() -> Result<Router, StartError> {
    ambient::log::to_standard_error(Clock::system());
    let settings = ConfigSettings::new(&Variables::read(&ConfigSettings::NAMES).await?)?;
    Ok(crate::router(Database::exclusive("default"), settings, Clock::system(), Entropy::system())?)
}
