//! A conformance guest that reads its variables, its environment and what is random.
#![cfg(target_family = "wasm")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use guest_http::{Answer, Request};
use serde_json::json;
use spin_sdk::http_service;
use spin_sdk::variables::Error;

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/get" => get(&request).await,
        "/environment" => {
            let environment: BTreeMap<String, String> = std::env::vars().collect();
            guest_http::json(200, &json!(environment))
        }
        "/arguments" => {
            let arguments: Vec<String> = std::env::args().collect();
            guest_http::json(200, &json!(arguments))
        }
        "/entropy" => match ambient::Entropy::system().bytes::<32>() {
            Ok(bytes) => {
                guest_http::json(200, &json!({ "before": answered_before(), "bytes": bytes }))
            }
            Err(_) => guest_http::text(500, "no randomness"),
        },
        other => guest_http::text(404, &format!("variables has no {other}")),
    }
}

/// How many requests this instance has answered before.
fn answered_before() -> u64 {
    static ANSWERED: AtomicU64 = AtomicU64::new(0);
    ANSWERED.fetch_add(1, Ordering::Relaxed)
}

/// The variable `name`.
async fn get(request: &Request) -> Answer {
    let name = guest_http::parameter(request, "name").unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "the guest is there to call the interface")]
    match spin_sdk::variables::get(name).await {
        Ok(value) => guest_http::json(200, &json!({ "value": value })),
        Err(error) => {
            let (Error::InvalidName(message)
            | Error::Undefined(message)
            | Error::Provider(message)
            | Error::Other(message)) = &error;
            let name = guest_http::variant_name(&error);
            guest_http::json(200, &json!({ "error": name, "message": message }))
        }
    }
}
