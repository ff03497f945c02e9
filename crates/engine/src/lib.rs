#![doc = include_str!("../README.md")]

mod authorizer;
mod commit;
mod connection;
mod engine;
mod error;
mod group;
mod inline;
mod key_value;
mod learned;
mod lease;
mod metrics;
mod options;
mod queue;
mod readers;
mod run;
mod session;
mod stream;
mod writer;

pub use rusqlite::types::Value;

pub use engine::Engine;
pub use error::EngineError;
pub use key_value::{KeyStream, KeyValue};
pub use metrics::{GROUP_SIZE_BOUNDS, Metrics};
pub use options::{Options, Synchronous};
pub use run::QueryResult;
pub use session::Session;
pub use stream::{Chunk, RowStream};
