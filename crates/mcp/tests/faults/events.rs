//! Wrong events in place of the one with the list of tools.

use std::time::Duration;

use mcp::McpError;
use testing::{Step, Wrong};

use super::{Expected, Fault, INTERRUPTED, MALFORMED, TIMEOUT, TOO_MUCH, fault, write};

/// An event with an answer that has this in place of `id`, `result` and `error`.
fn answer(rest: &str) -> Vec<Step> {
    data(&format!(r#"{{"jsonrpc":"2.0",{rest}}}"#))
}

fn data(text: &str) -> Vec<Step> {
    vec![write(&format!("data: {text}\n\n"))]
}

/// An answer with a list of tools.
fn tools(id: u64, tools: &str, more: &str) -> Vec<Step> {
    answer(&format!(r#""id":{id},"result":{{"tools":[{tools}]{more}}}"#))
}

fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","inputSchema":{{}}}}"#)
}

fn flood(text: &str) -> Vec<Step> {
    vec![Step::Repeat(text.into(), usize::MAX)]
}

/// A fault with a function that makes the steps from the request's id.
macro_rules! events {
    ($name:literal, $steps:expr, $expected:expr) => {
        fault($name, "tools/list", Wrong::Events($steps), $expected)
    };
}

pub fn of_events() -> Vec<Fault> {
    [transfers(), floods(), messages(), errors(), lists()].concat()
}

fn transfers() -> Vec<Fault> {
    vec![
        events!("silence", |_| vec![Step::Hold], TIMEOUT),
        events!(
            "comments as signs of life",
            |_| vec![Step::Drip(":\n".repeat(99).into(), Duration::from_millis(20))],
            TIMEOUT
        ),
        events!(
            "a drip",
            |_| vec![Step::Drip(
                b"data: {\"jsonrpc\":\"2.0\",\"method\":\"m\"}\n\n".repeat(9),
                Duration::from_millis(20)
            )],
            TIMEOUT
        ),
        events!("the end", |_| vec![Step::Close], INTERRUPTED),
        events!(
            "the end within an event",
            |_| vec![write("data: {\"jsonrpc"), Step::Close],
            INTERRUPTED
        ),
        events!(
            "the end before the empty line",
            |id| vec![
                write(&format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"tools\":[]}}}}\n"
                )),
                Step::Close
            ],
            INTERRUPTED
        ),
        events!(
            "UTF-16",
            |_| vec![
                Step::Write("data: {}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
                Step::Close
            ],
            INTERRUPTED
        ),
        events!(
            "bytes that are no UTF-8",
            |_| vec![Step::Write(b"data: \xFF\xFE\x80\n\n".to_vec())],
            MALFORMED
        ),
        events!(
            "a byte order mark before JSON",
            |id| data(&format!(
                "\u{FEFF}{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"tools\":[]}}}}"
            )),
            MALFORMED
        ),
        events!("HTML", |_| data("<!doctype html><title>Sign in</title>"), MALFORMED),
        events!("an empty event", |_| vec![write("data\n\n"), Step::Close], INTERRUPTED),
    ]
}

fn floods() -> Vec<Fault> {
    const NOTIFICATION: &str =
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n";
    const PING: &str = "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n";
    const SAMPLING: &str = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n\n";
    vec![
        events!("a line without an end", |_| flood(&"x".repeat(65536)), TOO_MUCH),
        events!(
            "an event without an end",
            |_| flood(&format!("data: {}\n", "x".repeat(1000))),
            TOO_MUCH
        ),
        events!(
            "a name without an end",
            |_| flood(&format!("event: {}", "x".repeat(1000))),
            TOO_MUCH
        ),
        events!("comments without end", |_| flood(&":\n".repeat(1000)), TOO_MUCH),
        events!("empty lines without end", |_| flood(&"\n".repeat(1000)), TOO_MUCH),
        events!("notifications without end", |_| flood(NOTIFICATION), TOO_MUCH),
        events!("events of another name without end", |_| flood("event: x\ndata: y\n\n"), TOO_MUCH),
        events!("empty events without end", |_| flood("data\n\n"), TOO_MUCH),
        events!("pings without end", |_| flood(PING), TOO_MUCH),
        events!("requests without end", |_| flood(SAMPLING), TOO_MUCH),
        events!(
            "late answers without end",
            |_| flood("data: {\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{}}\n\n"),
            TOO_MUCH
        ),
        events!(
            "an array of 100,000",
            |_| answer(&format!("\"id\":9,\"result\":[{}0]", "0,".repeat(100_000))),
            MALFORMED
        ),
    ]
}

fn messages() -> Vec<Fault> {
    vec![
        events!(
            "the id of a request to come",
            |id| answer(&format!(r#""id":{},"result":{{}}"#, id + 1)),
            MALFORMED
        ),
        events!(
            "the id as a string",
            |id| answer(&format!(r#""id":"{id}","result":{{}}"#)),
            MALFORMED
        ),
        events!(
            "the id as a fraction",
            |id| answer(&format!(r#""id":{id}.0,"result":{{}}"#)),
            MALFORMED
        ),
        events!("an id beyond all numbers", |_| answer(r#""id":1e999,"result":{}"#), MALFORMED),
        events!("no id", |_| answer(r#""result":{}"#), MALFORMED),
        events!(
            "the id twice",
            |id| answer(&format!(r#""id":{id},"id":{id},"result":{{}}"#)),
            MALFORMED
        ),
        events!("neither result nor error", |id| answer(&format!(r#""id":{id}"#)), MALFORMED),
        events!(
            "result and error",
            |id| answer(&format!(r#""id":{id},"result":{{}},"error":{{"code":1,"message":""}}"#)),
            MALFORMED
        ),
        events!(
            "another JSON-RPC",
            |id| data(&format!(r#"{{"jsonrpc":"1.0","id":{id},"result":{{}}}}"#)),
            MALFORMED
        ),
        events!(
            "a batch",
            |id| data(&format!(r#"[{{"jsonrpc":"2.0","id":{id},"result":{{}}}}]"#)),
            MALFORMED
        ),
        events!("an empty batch", |_| data("[]"), MALFORMED),
        events!(
            "depth",
            |id| answer(&format!(
                "\"id\":{id},\"result\":{}{}",
                "[".repeat(100_000),
                "]".repeat(100_000)
            )),
            MALFORMED
        ),
        events!(
            "a request with an id that is none",
            |_| answer(r#""id":[1],"method":"ping""#),
            MALFORMED
        ),
    ]
}

fn errors() -> Vec<Fault> {
    let refused = |message: String| Expected::Error(McpError::Refused { code: -32603, message });
    vec![
        events!(
            "an error",
            |id| answer(&format!(r#""id":{id},"error":{{"code":-32603,"message":"no"}}"#)),
            refused("no".to_owned())
        ),
        events!(
            "an error for nobody",
            |_| answer(r#""error":{"code":-32603,"message":"no"}"#),
            refused("no".to_owned())
        ),
        events!(
            "a long error",
            |id| answer(&format!(
                r#""id":{id},"error":{{"code":-32603,"message":"{}"}}"#,
                r"\u001b".repeat(10_000)
            )),
            refused(" ".repeat(500))
        ),
    ]
}

fn lists() -> Vec<Fault> {
    vec![
        events!(
            "no list",
            |id| answer(&format!(r#""id":{id},"result":{{"tools":{{}}}}"#)),
            MALFORMED
        ),
        events!("a tool without a schema", |id| tools(id, r#"{"name":"a"}"#, ""), MALFORMED),
        events!(
            "a schema that is none",
            |id| tools(id, r#"{"name":"a","inputSchema":"x"}"#, ""),
            MALFORMED
        ),
        events!("a tool without a name", |id| tools(id, &tool(""), ""), MALFORMED),
        events!("a tool twice", |id| tools(id, &format!("{0},{0}", tool("a")), ""), MALFORMED),
        events!(
            "too many tools",
            |id| tools(
                id,
                &(0..257).map(|n| tool(&n.to_string())).collect::<Vec<_>>().join(","),
                ""
            ),
            TOO_MUCH
        ),
        events!(
            "a giant tool",
            |id| tools(
                id,
                &tool("a").replace("{}", &format!(r#"{{"a":"{}"}}"#, "x".repeat(150_000))),
                ""
            ),
            TOO_MUCH
        ),
        events!(
            "pages without end",
            |id| tools(id, "", &format!(r#","nextCursor":"{id}""#)),
            TOO_MUCH
        ),
        events!("pages in a circle", |id| tools(id, "", r#","nextCursor":"again""#), MALFORMED),
        events!(
            "a giant cursor",
            |id| tools(id, "", &format!(r#","nextCursor":"{}""#, "x".repeat(5000))),
            MALFORMED
        ),
    ]
}
