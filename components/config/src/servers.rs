//! Servers of the Model Context Protocol: what is known of them in `mcp_server`, their credentials sealed in the vault.

mod credentials;
mod draft;
pub mod entry;
pub mod http;
pub mod service;
mod store;
mod test;
