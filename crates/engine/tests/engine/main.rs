//! The engine through its public interface, on real files.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints its seed"
)]

mod cache;
mod durability;
mod fixture;
mod groups;
mod key_value;
mod opening;
mod processes;
mod refusals;
mod sessions;
mod streams;
mod transactions;
mod values;
