#![doc = include_str!("../README.md")]

mod content;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod http;
mod inspector;
mod media_type;
mod multipart;
mod name;
mod range;
mod routes;
mod service;
mod signed_url;
mod store;
mod writer;

use ambient::{Clock, Entropy};
use axum::Router;
use chunks::ChunkStore;
use database::Database;
use settings::FilesSettings;

pub use routes::{declarations, schemas};

/// The router of the component.
pub fn router(
    database: Database,
    chunks: ChunkStore,
    settings: FilesSettings,
    clock: Clock,
    entropy: Entropy,
) -> Router {
    let settings = std::sync::Arc::new(settings);
    routes::router(service::Files { database, chunks, settings, clock, entropy })
}
