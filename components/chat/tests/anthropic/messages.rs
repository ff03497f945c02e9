//! Requests as an SDK sends them, and what it reads of the answers.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testing::Client;

use crate::calls::{Reply, send};

pub const MESSAGES: &str = "/v1/messages";

/// What the SDKs say about themselves.
const VERSION: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

pub async fn ask(client: &Client, body: &Value) -> Reply {
    send(client, Method::POST, MESSAGES, &VERSION, Some(body)).await
}

/// A question to a model.
pub fn question(model: &str) -> Value {
    json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "How are you?"}]})
}

/// The type of an error and its code. The error has the form that Anthropic's SDKs expect, and belongs to this answer.
pub fn refusal(reply: &Reply) -> (StatusCode, String, String) {
    let body = reply.json();
    assert_eq!(reply.headers["content-type"], "application/json", "{body}");
    assert_eq!(body["type"], "error", "{body}");
    assert_eq!(reply.headers["x-request-id"], body["request_id"].as_str().unwrap());
    assert_eq!(reply.headers["request-id"], reply.headers["x-request-id"]);
    let text = |pointer| body.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    assert!(!text("/error/message").is_empty(), "{body}");
    (reply.status, text("/error/type"), text("/error/details/error_code"))
}

/// What an error says to people.
pub fn message(reply: &Reply) -> String {
    reply.json()["error"]["message"].as_str().unwrap().to_owned()
}

/// The events, each named as its data is, and in the order that Anthropic's have.
pub fn events(reply: &Reply) -> Vec<Value> {
    let blocks = reply.text.split("\n\n").filter(|block| !block.is_empty());
    let events: Vec<Value> = blocks
        .map(|block| {
            let (name, data) = block.split_once("\ndata: ").unwrap();
            let event: Value = serde_json::from_str(data).unwrap();
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str(), "{block}");
            event
        })
        .collect();
    check_order(&events);
    events
}

/// One message, one block after another, each begun and ended; an error may end it anywhere.
fn check_order(events: &[Value]) {
    let (last, before) = events.split_last().unwrap();
    let is_whole = last["type"] == "message_stop";
    assert!(is_whole || last["type"] == "error", "{events:#?}");
    let (mut begun, mut open, mut ended) = (0, None, false);
    for (n, event) in before.iter().enumerate() {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "message_start" => assert_eq!(n, 0, "{events:#?}"),
            "content_block_start" => {
                assert_eq!((open, index, ended), (None, Some(begun), false), "{events:#?}");
                (begun, open) = (begun + 1, index);
            }
            "content_block_delta" => assert!(index.is_some() && index == open, "{events:#?}"),
            "content_block_stop" => {
                assert!(index.is_some() && index == open, "{events:#?}");
                open = None;
            }
            "message_delta" => {
                assert_eq!((open, ended), (None, false), "{events:#?}");
                ended = true;
            }
            "ping" => assert_ne!(n, 0, "{events:#?}"),
            other => panic!("{other}: {events:#?}"),
        }
    }
    assert!(!is_whole || ended, "{events:#?}");
}

/// The message that an SDK puts together from events.
pub fn put_together(events: &[Value]) -> Value {
    let mut message = events[0]["message"].clone();
    let mut written = String::new();
    for event in &events[1..] {
        let at = usize::try_from(event["index"].as_u64().unwrap_or_default()).unwrap();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                written.clear();
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                let block = &mut message["content"][at];
                if delta["type"] == "text_delta" {
                    let text = block["text"].as_str().unwrap().to_owned();
                    block["text"] = json!(text + delta["text"].as_str().unwrap());
                } else {
                    assert_eq!(delta["type"], "input_json_delta");
                    written.push_str(delta["partial_json"].as_str().unwrap());
                    block["input"] = serde_json::from_str(&written).unwrap();
                }
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                message["usage"] = event["usage"].clone();
            }
            _ => {}
        }
    }
    message
}

/// What the blocks of text of a message say.
pub fn text(message: &Value) -> String {
    let blocks = message["content"].as_array().unwrap();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}
