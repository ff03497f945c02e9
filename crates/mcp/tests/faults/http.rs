//! Wrong answers of HTTP in place of the one to `tools/list`.

use std::time::Duration;

use mcp::McpError;
use testing::{Step, Wrong};

use super::{
    Expected, Fault, INTERRUPTED, MALFORMED, REDIRECTED, TIMEOUT, TOO_MUCH, UNAUTHORIZED, fault,
    status, write,
};

/// An answer with a status and headers, and without a body.
fn head(text: &str) -> Vec<Step> {
    vec![write(&format!("HTTP/1.1 {text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))]
}

/// An answer with a body of this type.
fn body(media: &str, text: impl AsRef<[u8]>) -> Vec<Step> {
    let (text, head) = (text.as_ref(), format!("HTTP/1.1 200 OK\r\ncontent-type: {media}"));
    let head = format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    vec![Step::Write([head.as_bytes(), text].concat())]
}

fn empty_list(id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[]}}}}"#)
}

macro_rules! http {
    ($name:literal, $steps:expr, $expected:expr) => {
        fault($name, "tools/list", Wrong::Http($steps), $expected)
    };
}

/// What both transports answer a post with.
pub fn of_http() -> Vec<Fault> {
    let not_found = http!("404", |_| head("404 Not Found"), Expected::Error(McpError::SessionLost));
    vec![
        Fault { over_sse: status(404), ..not_found },
        http!("301", |_| head("301 Moved\r\nlocation: /json"), REDIRECTED),
        http!("307", |_| head("307 Go\r\nlocation: http://127.0.0.1:9/"), REDIRECTED),
        http!("304", |_| head("304 Not Modified"), REDIRECTED),
        http!("400", |_| head("400 Bad Request"), status(400)),
        http!("401", |_| head("401 Unauthorized\r\nwww-authenticate: Bearer"), UNAUTHORIZED),
        http!("403", |_| head("403 Forbidden"), UNAUTHORIZED),
        http!("405", |_| head("405 Method Not Allowed"), status(405)),
        http!("429", |_| head("429 Too Many Requests\r\nretry-after: 999999999"), status(429)),
        http!("500", |_| head("500 Oops"), status(500)),
        http!("503", |_| head("503 Later"), status(503)),
        http!("an unheard of status", |_| head("799 What"), status(799)),
        http!("nothing", |_| vec![Step::Close], INTERRUPTED),
        http!("silence", |_| vec![Step::Hold], TIMEOUT),
        http!("another protocol", |_| vec![write("SSH-2.0-OpenSSH_9.9\r\n")], INTERRUPTED),
        http!("half a head", |_| vec![write("HTTP/1.1 200 OK\r\ncontent-ty")], INTERRUPTED),
        http!(
            "a head that drips",
            |_| vec![Step::Drip(
                b"HTTP/1.1 200 OK\r\nx: y\r\n".repeat(9),
                Duration::from_millis(20)
            )],
            TIMEOUT
        ),
        http!(
            "headers without end",
            |_| vec![write("HTTP/1.1 200 OK\r\n"), Step::Repeat(b"x: y\r\n".to_vec(), usize::MAX)],
            TOO_MUCH
        ),
        http!(
            "10,000 headers",
            |_| head(&format!("200 OK{}", "\r\nx: y".repeat(10_000))),
            TOO_MUCH
        ),
        http!(
            "a giant header",
            |_| head(&format!("200 OK\r\nx: {}", "y".repeat(1_000_000))),
            TOO_MUCH
        ),
        http!(
            "a length that is none",
            |_| vec![write("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")],
            INTERRUPTED
        ),
        http!(
            "two lengths",
            |_| vec![write("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab")],
            INTERRUPTED
        ),
    ]
}

/// What only streamable HTTP takes as an answer.
pub fn of_streamable() -> Vec<Fault> {
    vec![
        http!("202", |_| head("202 Accepted"), MALFORMED),
        http!("204", |_| head("204 No Content"), MALFORMED),
        http!("HTML", |_| body("text/html", "<title>Sign in</title>"), MALFORMED),
        http!("no type", |_| head("200 OK"), MALFORMED),
        http!("almost the type", |id| body("application/jsonp", empty_list(id)), MALFORMED),
        http!("a type that is no text", |id| body("application/\u{fc}", empty_list(id)), MALFORMED),
        http!("JSON that is none", |_| body("application/json", "{"), MALFORMED),
        http!("JSON in UTF-16", |_| body("application/json", b"\xFF\xFE{\0}\0"), MALFORMED),
        http!("JSON in no encoding", |_| body("application/json", b"{\"\xFF\":1}"), MALFORMED),
        http!(
            "a byte order mark",
            |id| body("application/json", format!("\u{FEFF}{}", empty_list(id))),
            MALFORMED
        ),
        http!("JSON twice", |id| body("application/json", empty_list(id).repeat(2)), MALFORMED),
        http!("a batch", |id| body("application/json", format!("[{}]", empty_list(id))), MALFORMED),
        http!(
            "the answer to another",
            |id| body("application/json", empty_list(id - 1)),
            MALFORMED
        ),
        http!(
            "a notification",
            |_| body("application/json", r#"{"jsonrpc":"2.0","method":"m"}"#),
            MALFORMED
        ),
        http!(
            "what was never asked for",
            |_| body("application/json\r\ncontent-encoding: gzip", b"\x1F\x8B\x08\0"),
            MALFORMED
        ),
        http!(
            "a body that stops",
            |_| vec![write(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}"
            )],
            INTERRUPTED
        ),
        http!(
            "a body that stalls",
            |_| vec![
                write(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}"
                ),
                Step::Hold
            ],
            TIMEOUT
        ),
        http!(
            "a body without end",
            |_| vec![
                write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"),
                Step::Repeat(vec![b' '; 65536], usize::MAX)
            ],
            TOO_MUCH
        ),
    ]
}

/// Sessions that are none.
pub fn of_sessions() -> Vec<Fault> {
    vec![
        fault(
            "a session of strange letters",
            "initialize",
            Wrong::Http(|_| body("application/json\r\nmcp-session-id: a b", "{}")),
            MALFORMED,
        ),
        fault(
            "a session of no letters",
            "initialize",
            Wrong::Http(|_| body("application/json\r\nmcp-session-id: ", "{}")),
            MALFORMED,
        ),
        fault(
            "a giant session",
            "initialize",
            Wrong::Http(|_| {
                body(&format!("application/json\r\nmcp-session-id: {}", "x".repeat(1025)), "{}")
            }),
            MALFORMED,
        ),
    ]
}
