#![doc = include_str!("../README.md")]

mod chain;
mod commit;
mod entry;
mod store;
mod verify;

pub use commit::{When, commit};
pub use entry::{Entry, Log, Outcome, PLATFORM};
pub use store::{PageQuery, Recorded, list};
pub use verify::{AuditError, Head, logs, verify};
