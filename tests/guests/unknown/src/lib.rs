//! A conformance guest that imports an interface no host provides.
#![cfg(target_family = "wasm")]

use guest_http::{Answer, Request};
use spin_sdk::http_service;

#[expect(clippy::same_length_and_capacity, reason = "the macro writes it so")]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        inline: "
            package conformance:nowhere@1.0.0;
            interface oracle { ask: func(question: string) -> string; }
            world seeker { import oracle; }
        ",
        world: "seeker",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });
}

#[http_service]
async fn handle(request: Request) -> Answer {
    guest_http::text(200, &bindings::conformance::nowhere::oracle::ask(request.uri().path()))
}
