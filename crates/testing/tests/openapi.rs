//! The OpenAPI document of all components together, which `auth` serves.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use routes::{Part, openapi};

/// Every component. One that is missing here is missing in the document, which the test of the matrix notices.
fn parts() -> Vec<Part> {
    [
        (auth::declarations(), auth::schemas()),
        (chat::declarations(), chat::schemas()),
        (config::declarations(), config::schemas()),
        (conversations::declarations(), conversations::schemas()),
        (files::declarations(), files::schemas()),
    ]
    .into_iter()
    .map(|(declarations, schemas)| Part {
        declarations,
        schemas: serde_json::from_str(schemas).unwrap(),
    })
    .collect()
}

/// With `UPDATE_DOCS=1` it writes the document instead.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the test")]
fn the_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../components/auth/openapi.json");
    let document = openapi(env!("CARGO_PKG_VERSION"), &parts()).unwrap();
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(written, text, "run: UPDATE_DOCS=1 cargo test -p testing --test openapi");
}

#[test]
fn every_route_says_what_it_does_and_what_its_bodies_are() {
    for route in parts().iter().flat_map(|part| &part.declarations) {
        assert!(route.summary.ends_with('.'), "{} {}", route.method, route.path);
        let has_no_body = matches!(route.outcome.status, 204 | 302);
        assert!(route.outcome.schema.is_some() || has_no_body, "{}", route.path);
    }
}

#[test]
fn no_operation_id_and_no_route_occurs_twice() {
    let parts = parts();
    let declarations: Vec<_> = parts.iter().flat_map(|part| &part.declarations).collect();
    for (n, one) in declarations.iter().enumerate() {
        for other in &declarations[n + 1..] {
            assert_ne!(one.operation_id, other.operation_id);
            assert!(one.method != other.method || one.path != other.path, "{}", one.path);
        }
    }
}
