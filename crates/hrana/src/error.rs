//! What can go wrong between a statement and its result.

use std::time::Duration;

use libsql_hrana::proto;

use crate::TransportError;

/// Longest text of the server's that an error carries, in characters.
const MESSAGE_CHARS_MAX: usize = 2000;

/// Why a statement gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HranaError {
    /// The database refused the statement. `message` is SQLite's, for example
    /// `UNIQUE constraint failed: user.email`; `code` is the server's, for example `SQLITE_CONSTRAINT`.
    #[error("{message}")]
    Rejected { code: String, message: String },
    /// The server wants a token, or another one (status 401).
    #[error("the database server does not accept the token: {message}")]
    Unauthorized { message: String },
    /// The token does not permit this, as a read-only one does not permit a write (status 403).
    #[error("the token does not permit this: {message}")]
    Forbidden { message: String },
    /// Any other status than success.
    #[error("the database server answered {status}: {message}")]
    Http { status: u16, message: String },
    /// There was no response. See [`HranaError::may_have_executed`].
    #[error("the database server cannot be reached")]
    Transport {
        #[source]
        source: TransportError,
    },
    /// No response came in time.
    #[error("the database server did not answer within {} ms", waited.as_millis())]
    Timeout { waited: Duration },
    /// The response is larger than the limit.
    #[error("the result is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// The response is none that Hrana 3 allows.
    #[error("the database server does not speak Hrana 3: {message}")]
    Protocol { message: String },
    /// The client refused to send this, so the server has not seen it.
    #[error("{message}")]
    Invalid { message: String },
    /// The interactive stream was idle for too long, and its transaction is rolled back.
    #[error("the transaction was idle for too long and has been rolled back")]
    StreamExpired,
    /// The interactive stream is closed, or an earlier call on it was interrupted.
    #[error("the transaction's stream is closed")]
    StreamClosed,
}

impl HranaError {
    /// Whether the server is away or overloaded rather than the statement wrong: another attempt may work later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Transport { source } => !matches!(source, TransportError::Denied { .. }),
            Self::Timeout { .. } => true,
            Self::Http { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether the statement may have taken effect in spite of the error.
    ///
    /// When true, only looking at the data tells what happened.
    pub fn may_have_executed(&self) -> bool {
        match self {
            Self::Transport { source } => !matches!(
                source,
                TransportError::Unreachable { .. } | TransportError::Denied { .. }
            ),
            Self::Timeout { .. } | Self::TooLarge { .. } | Self::Protocol { .. } => true,
            Self::Http { status, .. } => 500 <= *status,
            _ => false,
        }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol { message: message.into() }
    }

    /// A response that arrived with another status than success.
    pub(crate) fn from_status(status: u16, body: &[u8]) -> Self {
        if let Ok(error) = serde_json::from_slice::<proto::Error>(body) {
            if error.code == "STREAM_EXPIRED" {
                return Self::StreamExpired;
            }
            return Self::with_status(status, &error.message);
        }
        let message = match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(serde_json::Value::Object(object)) => {
                object.get("error").and_then(|error| error.as_str()).map(str::to_owned)
            }
            _ => None,
        };
        Self::with_status(status, message.as_deref().unwrap_or(&String::from_utf8_lossy(body)))
    }

    fn with_status(status: u16, message: &str) -> Self {
        let message = truncated(message.trim());
        match status {
            401 => Self::Unauthorized { message },
            403 => Self::Forbidden { message },
            _ => Self::Http { status, message },
        }
    }
}

impl From<proto::Error> for HranaError {
    fn from(error: proto::Error) -> Self {
        let message = truncated(words_of_sqlite(&error.message));
        Self::Rejected { code: truncated(&error.code), message }
    }
}

/// What SQLite said, without what the server puts around it, so that every backend gives the same words.
fn words_of_sqlite(message: &str) -> &str {
    if let Some(words) = message.strip_prefix("SQLite error: ") {
        return words;
    }
    let Some(words) = message.strip_prefix("SQL input error: ") else { return message };
    words.rsplit_once(" (at offset ").map_or(words, |(words, _)| words)
}

impl From<TransportError> for HranaError {
    fn from(source: TransportError) -> Self {
        match source {
            TransportError::Timeout { waited } => Self::Timeout { waited },
            TransportError::TooLarge { bytes_max } => Self::TooLarge { bytes_max },
            source => Self::Transport { source },
        }
    }
}

fn truncated(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_sqlite_stand_alone() {
        let error = |message: &str| {
            HranaError::from(proto::Error {
                message: message.into(),
                code: "SQLITE_CONSTRAINT".into(),
            })
        };
        assert_eq!(
            error("SQLite error: UNIQUE constraint failed: user.email").to_string(),
            "UNIQUE constraint failed: user.email"
        );
        assert_eq!(
            error("SQL input error: no such table: t (at offset 14)").to_string(),
            "no such table: t"
        );
        assert_eq!(error("no such SQLite error: x").to_string(), "no such SQLite error: x");
    }

    #[test]
    fn statuses_become_the_variants_that_callers_match_on() {
        let text = |status, body: &str| HranaError::from_status(status, body.as_bytes());
        assert_eq!(
            text(401, r#"{"error":"Authentication failed"}"#),
            HranaError::Unauthorized { message: "Authentication failed".into() }
        );
        assert_eq!(
            text(
                400,
                r#"{"message":"The stream has expired due to inactivity","code":"STREAM_EXPIRED"}"#
            ),
            HranaError::StreamExpired
        );
        assert_eq!(text(503, "  busy\n"), HranaError::Http { status: 503, message: "busy".into() });
        let long = text(500, &"é".repeat(10_000));
        assert!(
            matches!(long, HranaError::Http { message, .. } if message.chars().count() == 2000)
        );
    }

    #[test]
    fn only_errors_after_sending_leave_the_outcome_open() {
        let unreachable = TransportError::Unreachable { message: String::new() };
        assert!(HranaError::from(unreachable.clone()).is_unavailable());
        assert!(!HranaError::from(unreachable).may_have_executed());
        let interrupted = TransportError::Interrupted { message: String::new() };
        assert!(HranaError::from(interrupted).may_have_executed());
        let rejected = HranaError::Rejected { code: String::new(), message: String::new() };
        assert!(!rejected.may_have_executed() && !rejected.is_unavailable());
    }
}
