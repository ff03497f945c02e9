#![doc = include_str!("../README.md")]

mod batch;
mod client;
mod cursor;
mod endpoint;
mod error;
#[cfg(feature = "hyper")]
mod hyper;
mod interactive;
mod secret;
mod statement;
mod transport;
mod value;
mod wire;

#[cfg(test)]
mod recorder;

pub use client::Client;
pub use cursor::Cursor;
pub use endpoint::{Endpoint, EndpointError, Plaintext};
pub use error::HranaError;
#[cfg(feature = "hyper")]
pub use hyper::{HyperBody, HyperOptions, HyperTransport};
pub use interactive::Interactive;
pub use secret::Secret;
pub use statement::{ResultSet, Stmt};
pub use transport::{
    Limits, Response, ResponseBody, StreamingResponse, StreamingTransport, Transport,
    TransportError,
};
pub use value::Value;
