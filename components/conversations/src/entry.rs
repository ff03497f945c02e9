//! The component's entry on a host: Spin or our own.

use std::sync::OnceLock;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::{ConversationsSettings, SettingsError, Variables};
use spin_sdk::http::{IntoResponse, Request};

/// The router of this instance.
static ROUTER: OnceLock<Router> = OnceLock::new();

#[spin_sdk::http_service]
async fn handle(request: Request) -> impl IntoResponse {
    routes::answer(&ROUTER, request, start()).await
}

async fn start() -> Result<Router, SettingsError> {
    ambient::log::to_standard_error(Clock::system());
    let settings =
        ConversationsSettings::new(&Variables::read(&ConversationsSettings::NAMES).await?)?;
    Ok(crate::router(Database::exclusive("default"), settings, Clock::system(), Entropy::system()))
}
