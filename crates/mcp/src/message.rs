//! JSON-RPC 2.0, as far as the protocol uses it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::McpError;

/// How much of what a server says about an error is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// How long the id of a server's request may be: it is sent back.
const ID_BYTES_MAX: usize = 256;

/// What JSON-RPC calls a method that there is not.
const METHOD_NOT_FOUND: i32 = -32601;

/// The result of a request, as its JSON, or the error.
pub type Answer = Result<Box<RawValue>, McpError>;

/// One message of a server's.
#[derive(Debug)]
pub enum Incoming {
    /// An answer to the request with this id.
    Answer(u64, Answer),
    /// An answer that names no request, since the server could not read it.
    Unaddressed(McpError),
    /// The server asks for something; this is what it gets.
    Request {
        reply: String,
    },
    Notification,
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<P>,
}

#[derive(Serialize)]
struct Reply<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    #[serde(flatten)]
    outcome: ReplyOutcome,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ReplyOutcome {
    Result {},
    Error { code: i32, message: &'static str },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<ErrorObject<'a>>,
}

#[derive(Deserialize)]
struct ErrorObject<'a> {
    code: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// The text of a request.
pub fn request(id: u64, method: &str, params: impl Serialize) -> Result<String, McpError> {
    write(&Request { jsonrpc: "2.0", id: Some(id), method, params: Some(params) })
}

/// The text of a notification.
pub fn notification(method: &str, params: Option<impl Serialize>) -> Result<String, McpError> {
    write(&Request { jsonrpc: "2.0", id: None, method, params })
}

/// Reads one message.
pub fn read(text: &str) -> Result<Incoming, McpError> {
    let envelope: Envelope = object(text)?;
    if envelope.jsonrpc != "2.0" {
        return Err(McpError::Malformed);
    }
    match envelope {
        Envelope { method: Some(method), id, result: None, error: None, .. } => match id {
            Some(id) => Ok(Incoming::Request { reply: reply(id, &method)? }),
            None => Ok(Incoming::Notification),
        },
        Envelope { method: None, id: Some(id), result: Some(result), error: None, .. } => {
            Ok(Incoming::Answer(own_id(id)?, Ok(result.to_owned())))
        }
        Envelope { method: None, id, result: None, error: Some(error), .. } => {
            let refused = error.refused();
            match id {
                Some(id) => Ok(Incoming::Answer(own_id(id)?, Err(refused))),
                None => Ok(Incoming::Unaddressed(refused)),
            }
        }
        _ => Err(McpError::Malformed),
    }
}

/// The texts of the messages in what may be a batch. The version of 2025-06-18 knows none.
pub fn split(text: &str, may_be_batch: bool) -> Result<Vec<&str>, McpError> {
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    if !may_be_batch {
        return Err(McpError::Malformed);
    }
    let messages: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| McpError::Malformed)?;
    if messages.is_empty() {
        return Err(McpError::Malformed);
    }
    Ok(messages.into_iter().map(RawValue::get).collect())
}

/// Reads a JSON object. A struct would else be read from an array as well.
pub fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, McpError> {
    if !json.trim_start().starts_with('{') {
        return Err(McpError::Malformed);
    }
    serde_json::from_str(json).map_err(|_| McpError::Malformed)
}

/// A text of a stranger's, short and without characters that steer terminals or break lines.
pub fn bounded(text: &str, chars_max: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect()
}

fn write(message: &impl Serialize) -> Result<String, McpError> {
    serde_json::to_string(message).map_err(|_| McpError::Malformed)
}

/// Our ids are whole numbers, and come back as they were sent.
fn own_id(id: &RawValue) -> Result<u64, McpError> {
    id.get().parse().map_err(|_| McpError::Malformed)
}

/// Nothing is offered to servers, so that all they may ask is whether somebody is there.
fn reply(id: &RawValue, method: &str) -> Result<String, McpError> {
    let is_id = id.get().starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    if !is_id || ID_BYTES_MAX < id.get().len() {
        return Err(McpError::Malformed);
    }
    let outcome = match method {
        "ping" => ReplyOutcome::Result {},
        _ => ReplyOutcome::Error { code: METHOD_NOT_FOUND, message: "Method not found" },
    };
    write(&Reply { jsonrpc: "2.0", id, outcome })
}

impl ErrorObject<'_> {
    fn refused(&self) -> McpError {
        McpError::Refused { code: self.code, message: bounded(&self.message, MESSAGE_CHARS_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply_to(text: &str) -> String {
        match read(text) {
            Ok(Incoming::Request { reply }) => reply,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            "{}",
            r#"{"jsonrpc":"1.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"1","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1.0,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":-1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":18446744073709551616,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}"#,
            r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
        ] {
            assert_eq!(read(text).unwrap_err(), McpError::Malformed, "{text}");
        }
        let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(255));
        assert_eq!(read(&long).unwrap_err(), McpError::Malformed);
        let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}"#, "[".repeat(100_000));
        assert_eq!(read(&deep).unwrap_err(), McpError::Malformed);
    }

    #[test]
    fn servers_may_ask_whether_somebody_is_there_and_nothing_else() {
        let ping = reply_to(r#"{"jsonrpc":"2.0","id":"a\"b","method":"ping"}"#);
        assert_eq!(ping, r#"{"jsonrpc":"2.0","id":"a\"b","result":{}}"#);
        for method in ["sampling/createMessage", "roots/list", "elicitation/create", "x"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{}}}}"#);
            let expected =
                r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found"}}"#;
            assert_eq!(reply_to(&text), expected);
        }
    }

    #[test]
    fn errors_keep_few_words() {
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":-32602,"message":"a\u001b[2J\n{}"}}}}"#,
            "ä".repeat(1000)
        );
        let Ok(Incoming::Answer(1, Err(McpError::Refused { code, message }))) = read(&text) else {
            panic!("it is an error");
        };
        assert_eq!(code, -32602);
        assert_eq!(message.chars().count(), MESSAGE_CHARS_MAX);
        assert!(message.starts_with("a [2J ä"));
    }

    #[test]
    fn batches_are_messages_where_the_version_has_them() {
        assert_eq!(split(r#"{"a":1}"#, false).unwrap(), [r#"{"a":1}"#]);
        assert_eq!(split(" [ {\"a\":1} , 2]", true).unwrap(), [r#"{"a":1}"#, "2"]);
        for (text, may_be_batch) in [("[{}]", false), ("[]", true), ("[{},]", true), ("[", true)] {
            assert_eq!(split(text, may_be_batch).unwrap_err(), McpError::Malformed, "{text}");
        }
    }
}
