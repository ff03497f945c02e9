//! A conformance guest that imports an interface another component exports.
#![cfg(target_family = "wasm")]

use guest_http::{Answer, Request};
use spin_sdk::http_service;

use crate::bindings::conformance::greeting::greet;

#[expect(clippy::same_length_and_capacity, reason = "the macro writes it so")]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        world: "greeted",
        path: "../greeter/wit",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

#[http_service]
async fn handle(request: Request) -> Answer {
    let name = guest_http::parameter(&request, "name").unwrap_or_default();
    match guest_http::route(&request).as_str() {
        "/greet" => guest_http::text(200, &greet::greet(&name)),
        "/database" => guest_http::text(200, &greet::try_database(&name)),
        other => guest_http::text(404, &format!("dependency has no {other}")),
    }
}
