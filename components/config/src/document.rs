//! Settings: one document for each account, on top of the platform's.

pub mod http;
mod merge;
pub mod service;
pub mod store;
