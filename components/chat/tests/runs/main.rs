//! Runs, from the request to what is kept, with a provider over a real socket.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod beginning;
mod cancelling;
mod faults;
mod keeping;
mod limits;
mod logging;
mod refusals;
mod resuming;
mod tools;
mod world;
