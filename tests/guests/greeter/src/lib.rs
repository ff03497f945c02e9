//! A library component for the conformance guest that has a dependency.
#![cfg(target_family = "wasm")]

use spin_sdk::sqlite::wit::sqlite::{Connection, Error};

#[expect(
    unsafe_code,
    clippy::same_length_and_capacity,
    reason = "the generated exports hand memory across the component's border"
)]
mod bindings {
    use super::Greeter;

    spin_sdk::wit_bindgen::generate!({
        world: "greeter",
        path: "wit",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
    });

    export!(Greeter);
}

struct Greeter;

impl bindings::exports::conformance::greeting::greet::Guest for Greeter {
    fn greet(name: String) -> String {
        format!("Hello, {name}.")
    }

    #[expect(clippy::disallowed_methods, reason = "it shows what a library component may open")]
    fn try_database(name: String) -> String {
        let outcome = match Connection::open(&name) {
            Ok(_) => "ok",
            Err(Error::NoSuchDatabase) => "no-such-database",
            Err(Error::AccessDenied) => "access-denied",
            Err(Error::InvalidConnection) => "invalid-connection",
            Err(Error::DatabaseFull) => "database-full",
            Err(Error::Io(_)) => "io",
        };
        outcome.to_owned()
    }
}
