#![doc = include_str!("../README.md")]

mod cursor;
#[cfg(target_family = "wasm")]
mod entry;
mod error;
mod http;
mod lifetime;
mod routes;
mod search_query;
mod service;
mod snippet;
mod store;

use ambient::{Clock, Entropy};
use axum::Router;
use database::Database;
use settings::ConversationsSettings;

pub use routes::{declarations, schemas};

/// The router of the component.
pub fn router(
    database: Database,
    settings: ConversationsSettings,
    clock: Clock,
    entropy: Entropy,
) -> Router {
    let state = service::Conversations { database, clock, entropy };
    routes::router(state, settings)
}
