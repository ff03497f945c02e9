//! What the host promises, shown with the guests of `tests/guests`: one file for each part of the promise.
#![expect(
    clippy::expect_used,
    clippy::format_collect,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod chaining;
mod composition;
mod files;
mod isolation;
mod key_value;
mod limits;
mod outbound;
mod process;
mod requests;
mod sqlite;
mod sqlite_remote;
mod sqlite_transactions;
mod start;
mod streaming;
mod variables;
