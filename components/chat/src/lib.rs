#![doc = include_str!("../README.md")]

mod anthropic;
mod begin;
mod cancel;
mod context;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod follow;
mod http;
mod journal;
mod meter;
mod models;
mod openai;
mod quota;
mod relay;
mod routes;
mod service;
mod start;
mod tools;
mod work;

use ambient::{Clock, Entropy};
use axum::Router;
use chunks::ChunkStore;
use database::Database;
use settings::ChatSettings;

pub use error::SetupError;
pub use routes::{declarations, schemas};

/// The router of the component.
///
/// # Errors
/// [`SetupError`] when nothing can be sent from here.
pub fn router(
    database: Database,
    chunks: ChunkStore,
    settings: ChatSettings,
    clock: Clock,
    entropy: Entropy,
) -> Result<Router, SetupError> {
    let state = service::Chat::new(database, chunks, settings, clock, entropy)?;
    Ok(routes::router(state))
}
