//! What administrators of the platform do.

pub mod http;
mod service;
mod store;
