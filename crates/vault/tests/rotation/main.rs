//! Replacing the key that wraps the keys of values: beside everything else, interrupted anywhere, and never half.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod keys;
mod killed;
mod world;
