//! API keys: with which programs act for a person in one account.

pub mod http;
mod service;
mod store;
