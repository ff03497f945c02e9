//! Wrong introductions and wrong openings of the older transport's stream.

use mcp::McpError;
use testing::{Step, Wrong};

use super::{
    Expected, Fault, INTERRUPTED, MALFORMED, REDIRECTED, TIMEOUT, TOO_MUCH, UNAUTHORIZED, fault,
    status, write,
};

const UNKNOWN_VERSION: Expected = Expected::Error(McpError::UnknownVersion);

fn head(text: &str) -> Vec<Step> {
    vec![write(&format!("HTTP/1.1 {text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))]
}

/// Wrong answers to `initialize`, and to the call of a tool.
pub fn of_beginnings() -> Vec<Fault> {
    let begin = |name, wrong, expected| fault(name, "initialize", wrong, expected);
    let call = |name, steps, expected| fault(name, "tools/call", Wrong::Events(steps), expected);
    vec![
        begin("the version of 2025-03-26", Wrong::Version("2025-03-26"), Expected::Fine),
        begin("the version of 2024-11-05", Wrong::Version("2024-11-05"), Expected::Fine),
        begin("a version to come", Wrong::Version("2031-01-01"), UNKNOWN_VERSION),
        begin("no version", Wrong::Version(""), UNKNOWN_VERSION),
        begin("silence", Wrong::Events(|_| vec![Step::Hold]), TIMEOUT),
        begin(
            "nobody",
            Wrong::Events(|id| {
                vec![write(&format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n\n"
                ))]
            }),
            MALFORMED,
        ),
        begin("401", Wrong::Http(|_| head("401 No")), UNAUTHORIZED),
        begin("404", Wrong::Http(|_| head("404 No")), status(404)),
        call("silence", |_| vec![Step::Hold], TIMEOUT),
        call("the end", |_| vec![Step::Close], INTERRUPTED),
        call(
            "content that is none",
            |id| {
                vec![write(&format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{{\"type\":\"spell\"}}]}}}}\n\n"
                ))]
            },
            MALFORMED,
        ),
        call(
            "a giant result",
            |id| {
                vec![write(&format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"content\":[{}]}}}}\n\n",
                    r#"{"type":"text","text":""},"#.repeat(50_000)
                ))]
            },
            TOO_MUCH,
        ),
    ]
}

macro_rules! opens {
    ($name:literal, $wrong:expr, $expected:expr) => {
        fault($name, "GET", $wrong, $expected)
    };
}

/// An endpoint that is none.
macro_rules! endpoint {
    ($name:literal, $url:literal) => {
        opens!(
            $name,
            Wrong::Events(|_| vec![
                write(concat!("event: endpoint\ndata: ", $url, "\n\n")),
                Step::Hold
            ]),
            MALFORMED
        )
    };
}

/// Wrong openings of the stream.
pub fn of_legacy() -> Vec<Fault> {
    vec![
        opens!("302", Wrong::Http(|_| head("302 Found\r\nlocation: /other")), REDIRECTED),
        opens!("401", Wrong::Http(|_| head("401 No")), UNAUTHORIZED),
        opens!("405", Wrong::Http(|_| head("405 No")), status(405)),
        opens!(
            "no events",
            Wrong::Http(|_| head("200 OK\r\ncontent-type: application/json")),
            MALFORMED
        ),
        opens!("silence", Wrong::Http(|_| vec![Step::Hold]), TIMEOUT),
        opens!("silence of the stream", Wrong::Events(|_| vec![Step::Hold]), TIMEOUT),
        opens!("the end", Wrong::Events(|_| vec![Step::Close]), MALFORMED),
        opens!(
            "something else first",
            Wrong::Events(|_| vec![write("data: /messages\n\n"), Step::Hold]),
            MALFORMED
        ),
        opens!(
            "comments without end",
            Wrong::Events(|_| vec![Step::Repeat(b":\n".repeat(1000), usize::MAX)]),
            TOO_MUCH
        ),
        opens!(
            "a giant endpoint",
            Wrong::Events(|_| vec![write(&format!(
                "event: endpoint\ndata: /{}\n\n",
                "x".repeat(3000)
            ))]),
            MALFORMED
        ),
        endpoint!("another host", "http://evil.example/messages"),
        endpoint!("another host without a scheme", "//evil.example/messages"),
        endpoint!("another port", "http://127.0.0.1:9/messages"),
        endpoint!("another scheme", "https://127.0.0.1/messages"),
        endpoint!("a file", "file:///etc/passwd"),
        endpoint!("backslashes", "\\\\\\\\evil.example/messages"),
        endpoint!("somebody's name", "http://user@127.0.0.1/messages"),
        endpoint!("spaces", "/mess ages"),
    ]
}
