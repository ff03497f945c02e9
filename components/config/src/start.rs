//! What a client needs to begin, in one answer.

pub mod http;
mod service;
mod store;
