//! Keys of providers: what is known of them in `provider_key`, their values sealed in the vault.

mod draft;
pub mod http;
pub mod service;
mod store;
