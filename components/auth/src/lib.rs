#![doc = include_str!("../README.md")]

mod accounts;
mod admin;
mod api_keys;
mod attempt;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod http;
mod identity;
mod keys;
mod mail;
mod page;
mod routes;
mod service;
mod store;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::AuthSettings;

pub use routes::{declarations, schemas};

/// The router of the component.
///
/// # Errors
/// [`credentials::PasswordHashError`] when password hashing is configured below the floor.
pub fn router(
    database: Database,
    settings: AuthSettings,
    clock: Clock,
    entropy: Entropy,
) -> Result<Router, credentials::PasswordHashError> {
    let state = service::Auth::new(database, settings, clock, entropy)?;
    Ok(routes::router(state))
}
