//! The faults, as tables: a name, where, what comes instead, and what becomes of it.

mod beginnings;
mod events;
mod http;

use ::http::StatusCode;
pub use beginnings::{of_beginnings, of_legacy};
use egress::EgressError;
pub use events::of_events;
pub use http::{of_http, of_sessions, of_streamable};
use mcp::McpError;
use testing::{Step, Wrong};

#[derive(Clone)]
pub struct Fault {
    pub name: &'static str,
    pub at: &'static str,
    pub wrong: Wrong,
    pub expected: Expected,
    /// The same, where the older transport makes no difference.
    pub over_sse: Expected,
}

#[derive(Clone)]
pub enum Expected {
    Fine,
    Error(McpError),
}

pub const MALFORMED: Expected = Expected::Error(McpError::Malformed);
pub const TOO_MUCH: Expected = Expected::Error(McpError::TooMuch);
pub const UNAUTHORIZED: Expected = Expected::Error(McpError::Unauthorized);
pub const TIMEOUT: Expected = Expected::Error(McpError::Egress(EgressError::Timeout));
pub const INTERRUPTED: Expected = Expected::Error(McpError::Egress(EgressError::Interrupted));
pub const REDIRECTED: Expected = Expected::Error(McpError::Egress(EgressError::Redirected));

pub fn status(code: u16) -> Expected {
    Expected::Error(McpError::Status(StatusCode::from_u16(code).unwrap()))
}

pub fn write(text: &str) -> Step {
    Step::Write(text.into())
}

/// A fault that comes to the same over both transports.
pub fn fault(name: &'static str, at: &'static str, wrong: Wrong, expected: Expected) -> Fault {
    Fault { name, at, wrong, over_sse: expected.clone(), expected }
}
