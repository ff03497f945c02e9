#![doc = include_str!("../README.md")]

mod chain;
mod checkpoint;
mod commit;
mod entry;
mod store;
mod verify;

pub use checkpoint::{Checkpoint, checkpoint, checkpoint_if_due};
pub use commit::{When, commit};
pub use entry::{Entry, Log, Outcome, PLATFORM};
pub use store::{PageQuery, Recorded, list};
pub use verify::{AuditError, Head, Verified, logs, verify, verify_signed};
