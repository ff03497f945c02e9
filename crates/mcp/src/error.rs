use egress::EgressError;
use http::StatusCode;

/// Why there is no answer.
///
/// Their texts hold nothing of what the server said (SECURITY R72).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    #[error("the MCP server gave no answer")]
    Egress(#[source] EgressError),
    #[error("the MCP server did not accept the credentials")]
    Unauthorized,
    #[error("the MCP server answered with status {}", .0.as_u16())]
    Status(StatusCode),
    #[error("the MCP server has ended the session")]
    SessionLost,
    #[error("what answered does not speak MCP, or not correctly")]
    Malformed,
    #[error("the MCP server speaks no version that is known here")]
    UnknownVersion,
    #[error("the MCP server sent more than it may")]
    TooMuch,
    /// An error of JSON-RPC. The message is for the model that asked, at most 500 characters long.
    #[error("the MCP server refused the request with code {code}")]
    Refused { code: i64, message: String },
}

impl From<EgressError> for McpError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::TooLarge => Self::TooMuch,
            error => Self::Egress(error),
        }
    }
}

impl From<sse::TooLarge> for McpError {
    fn from(_: sse::TooLarge) -> Self {
        Self::TooMuch
    }
}
