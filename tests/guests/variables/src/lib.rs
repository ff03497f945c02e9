//! A conformance guest that reads its variables and its environment.
#![cfg(target_family = "wasm")]

use std::collections::BTreeMap;

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
        other => guest_http::text(404, &format!("variables has no {other}")),
    }
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
