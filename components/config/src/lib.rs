#![doc = include_str!("../README.md")]

mod document;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod given;
mod keys;
mod models;
mod owner;
mod routes;
mod servers;
mod service;
mod start;
mod text;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::ConfigSettings;

pub use error::SetupError;
pub use routes::{declarations, schemas};

/// The router of the component.
///
/// # Errors
/// [`SetupError`] when nothing can be sent from here.
pub fn router(
    database: Database,
    settings: ConfigSettings,
    clock: Clock,
    entropy: Entropy,
) -> Result<Router, SetupError> {
    let state = service::Config::new(database, settings, clock, entropy)?;
    Ok(routes::router(state))
}
