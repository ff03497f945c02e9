#![doc = include_str!("../README.md")]

mod accounts;
mod admin;
mod api_keys;
mod attempt;
mod browser;
mod device;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod external;
mod http;
mod identity;
mod keys;
mod login;
mod mail;
mod me;
mod password;
mod routes;
mod service;
mod session;
mod signup;
mod step_up;
mod store;
mod totp;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::AuthSettings;

pub use error::SetupError;
pub use routes::{declarations, schemas};

/// The router of the component.
///
/// # Errors
/// [`SetupError`] when password hashing is configured below the floor, or nothing can be sent from here.
pub fn router(
    database: Database,
    settings: AuthSettings,
    clock: Clock,
    entropy: Entropy,
) -> Result<Router, SetupError> {
    let state = service::Auth::new(database, settings, clock, entropy)?;
    Ok(routes::router(state))
}
