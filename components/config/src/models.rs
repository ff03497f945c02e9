//! Models: those of accounts, those of the platform, and which one is active.

mod draft;
pub mod entry;
pub mod http;
pub mod primary;
pub mod service;
pub mod store;
mod test;
