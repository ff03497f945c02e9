//! The component's entry on a host: Spin or our own.

use std::sync::OnceLock;

use ambient::{Clock, Entropy};
use axum::Router;
use chunks::ChunkStore;
use database::Database;
use egress::EgressError;
use settings::{ChatSettings, SettingsError, Variables};
use spin_sdk::http::{IntoResponse, Request};

/// The router of this instance.
static ROUTER: OnceLock<Router> = OnceLock::new();

#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    routes::answer(&ROUTER, request, start()).await
}

/// Why there is no router.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("outbound requests cannot be sent")]
    Egress(#[from] EgressError),
    #[error(transparent)]
    Setup(#[from] crate::SetupError),
}

async fn start() -> Result<Router, StartError> {
    ambient::log::to_standard_error(Clock::system());
    let settings = ChatSettings::new(&Variables::read(&ChatSettings::NAMES).await?)?;
    let chunks = ChunkStore::configured(settings.chunks.bucket.as_ref(), Clock::system())?;
    let database = Database::named("default");
    Ok(crate::router(database, chunks, settings, Clock::system(), Entropy::system())?)
}
