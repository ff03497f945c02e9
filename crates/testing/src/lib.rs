#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "what fails here fails the test that called it")]
#![expect(clippy::indexing_slicing, reason = "what fails here fails the test that called it")]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test that called it")]

mod database;
mod hostile_urls;
mod hrana_server;
mod http_server;
mod mcp_server;
mod person;
mod provider_server;
mod raw_server;
mod redaction;
mod request;
mod transit_server;

pub use database::{MASTER_KEY, NOW, OTHER_MASTER_KEY, database, migrated};
pub use hostile_urls::hostile_urls;
pub use hrana_server::{Fault, HranaOptions, HranaServer};
pub use http_server::HttpServer;
pub use mcp_server::{McpFault, McpServer, Wrong};
pub use person::{ISSUER, Person};
pub use provider_server::{
    PROVIDER_MODELS, ProviderFault, ProviderReply, ProviderRequest, ProviderServer, ProviderWire,
};
pub use raw_server::{RawRequest, RawServer, Step};
pub use redaction::redact;
pub use request::{Answer, Client};
pub use transit_server::{Condition, TransitServer};
