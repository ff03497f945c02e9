#![doc = include_str!("../README.md")]
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this crate is test code: what does not hold must stop the test"
)]

pub mod client;
pub mod conformance;
pub mod ledger;
pub mod people;
pub mod provider;
pub mod server;
pub mod tree;
pub mod volley;
pub mod walk;
pub mod workspace;

pub use client::{Answer, Bare, Client};
pub use people::{Person, Team};
pub use provider::Provider;
pub use server::{Policy, Server};
