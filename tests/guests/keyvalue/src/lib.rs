//! A conformance guest that calls every function of spin:key-value.
#![cfg(target_family = "wasm")]

use guest_http::{Answer, Request};
use serde_json::{Value, json};
use spin_sdk::http_service;
use spin_sdk::key_value::{Error, Store};

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/run" => run(request).await,
        "/stores" => stores(&request).await,
        other => guest_http::text(404, &format!("key-value has no {other}")),
    }
}

/// Performs the operations of the body in turn on the store `store`.
///
/// An operation is `["set", key, text]`, `["fill", key, bytes]`, or `get`, `delete`, `exists`
/// with a key, or `["get_keys"]`.
async fn run(request: Request) -> Answer {
    let label = guest_http::parameter(&request, "store").unwrap_or_else(|| "default".to_owned());
    let operations = guest_http::read_json(request).await?;
    let store = match Store::open(label).await {
        Ok(store) => store,
        Err(error) => return guest_http::json(200, &json!({ "open": failure(&error) })),
    };
    let mut outcomes = Vec::new();
    for operation in operations.as_array().into_iter().flatten() {
        outcomes.push(perform(&store, operation).await.unwrap_or_else(|error| failure(&error)));
    }
    guest_http::json(200, &json!({ "outcomes": outcomes }))
}

async fn perform(store: &Store, operation: &Value) -> Result<Value, Error> {
    let key = operation[1].as_str().unwrap_or_default();
    match operation[0].as_str().unwrap_or_default() {
        "set" => {
            let value = operation[2].as_str().unwrap_or_default();
            store.set(key, value).await.map(|()| Value::Null)
        }
        "fill" => {
            let length = operation[2].as_u64().unwrap_or(0);
            // Every byte value occurs, so that a store of text would be found out.
            let value: Vec<u8> =
                (0..length).map(|at| u8::try_from(at % 256).unwrap_or(0)).collect();
            store.set(key, value).await.map(|()| Value::Null)
        }
        "get" => store.get(key).await.map(|value| value.map_or(Value::Null, described)),
        "delete" => store.delete(key).await.map(|()| Value::Null),
        "exists" => store.exists(key).await.map(Value::Bool),
        "get_keys" => keys(store).await,
        other => Ok(json!({ "error": format!("no operation {other}") })),
    }
}

/// Text as text; other bytes as their number and whether they are what `fill` writes.
fn described(value: Vec<u8>) -> Value {
    match String::from_utf8(value) {
        Ok(text) => Value::String(text),
        Err(error) => {
            let bytes = error.into_bytes();
            let filled = bytes.iter().enumerate().all(|(at, byte)| at % 256 == usize::from(*byte));
            json!({ "bytes": bytes.len(), "filled": filled })
        }
    }
}

async fn keys(store: &Store) -> Result<Value, Error> {
    let (stream, result) = store.get_keys().await.into_inner();
    let mut keys: Vec<String> = stream.collect().await;
    result.await?;
    keys.sort();
    Ok(json!(keys))
}

/// Opens `count` stores and keeps them; says how many could be had.
async fn stores(request: &Request) -> Answer {
    let count = guest_http::number(request, "count", 1);
    let mut opened = Vec::new();
    let mut refused = Value::Null;
    for _ in 0..count {
        match Store::open_default().await {
            Ok(store) => opened.push(store),
            Err(error) => {
                refused = failure(&error);
                break;
            }
        }
    }
    guest_http::json(200, &json!({ "opened": opened.len(), "refused": refused }))
}

fn failure(error: &Error) -> Value {
    let message = match error {
        Error::Other(message) => message.as_str(),
        _ => "",
    };
    json!({ "error": guest_http::variant_name(error), "message": message })
}
