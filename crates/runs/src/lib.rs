#![doc = include_str!("../README.md")]

mod abandoned;
mod event;
mod moments;
mod run;
mod store;

pub use abandoned::{close_abandoned, close_some, delete_old_events};
pub use event::{Batch, EVENTS_MAX, Event, Frame, skip_events};
pub use moments::{End, Producer, Start, Step, Waiting};
pub use run::{Approval, Failure, FailureCode, OnDisconnect, Run, RunStatus};
pub use store::{EventPage, find, read_events, request_cancel};

/// Why what is kept cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    #[error("a stored id is damaged")]
    StoredId(#[from] ids::ParseIdError),
    #[error("JSON could not be written or a stored document is damaged")]
    Json(#[from] serde_json::Error),
    #[error("no randomness")]
    Entropy(#[from] ambient::EntropyError),
    #[error("the database failed")]
    Database(#[from] database::DatabaseError),
}
