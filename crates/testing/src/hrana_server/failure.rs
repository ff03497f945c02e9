//! What a request can fail with, and which part of the response says so.

use bytes::Bytes;
use hyper::StatusCode;
use libsql_hrana::proto;
use serde_json::json;

/// Why a request of a pipeline has no response.
#[derive(Debug)]
pub enum Failure {
    /// The statement is at fault: the result of this request is an error, and the others run.
    Statement(proto::Error),
    /// The client is at fault: the whole HTTP request fails, and the stream is closed.
    Request(Answer),
}

/// A response without results.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Bytes,
}

impl Failure {
    pub fn statement(code: &str, message: impl Into<String>) -> Self {
        Self::Statement(proto::Error { message: message.into(), code: code.to_owned() })
    }

    /// A violation of the protocol: 400 with plain text.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::Request(Answer::text(StatusCode::BAD_REQUEST, message))
    }
}

impl From<Answer> for Failure {
    fn from(answer: Answer) -> Self {
        Self::Request(answer)
    }
}

impl Answer {
    pub fn text(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain", body: Bytes::from(message.into()) }
    }

    /// An error outside of the protocol, as the server words authorization and overload.
    pub fn error(status: StatusCode, message: &str) -> Self {
        Self::json(status, &json!({ "error": message }))
    }

    pub fn json(status: StatusCode, body: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status, content_type: "application/json", body: Bytes::from(body) },
            Err(error) => Self::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}
