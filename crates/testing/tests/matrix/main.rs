//! Every route of every component, as every kind of caller, with every kind of id: who gets in, who is told what, and that no answer
//! holds a byte of another account.
//!
//! What is expected follows from the route tables alone, and is computed here a second time, by other code than the gates'. A new route is
//! in the matrix from its first day; a new kind of thing in a path needs a line in `world.rs`, and the test says so.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod callers;
mod cells;
mod expected;
mod half_way;
mod things;
mod tricks;
mod world;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use routes::Declaration;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::callers::CALLERS;
use crate::cells::{Cell, cells};
use crate::expected::{Expected, expected};
use crate::world::World;

/// Every component's routes with the schemas of their bodies.
fn components() -> Vec<(Vec<Declaration>, Value)> {
    let schemas = |text: &str| serde_json::from_str(text).unwrap();
    vec![
        (auth::declarations(), schemas(auth::schemas())),
        (conversations::declarations(), schemas(conversations::schemas())),
        (config::declarations(), schemas(config::schemas())),
        (files::declarations(), schemas(files::schemas())),
        (chat::declarations(), schemas(chat::schemas())),
    ]
}

#[test]
fn every_component_is_in_the_matrix() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../components");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), components().len());
}

/// What came back: the status, the headers and the body as text.
struct Seen {
    status: u16,
    text: String,
}

async fn send(world: &World, cell: &Cell<'_>) -> Seen {
    let mut request = Request::builder().method(cell.route.method.clone()).uri(&cell.path);
    if let Some(credential) = world.credential(cell.caller) {
        request = request.header("authorization", format!("Bearer {credential}"));
    }
    if cell.body.is_some() || cell.route.method == Method::POST {
        request = request.header("content-type", "application/json");
    }
    let body = cell.body.clone().unwrap_or_default();
    let router = world.router(cell.component);
    let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let mut headers = parts.headers;
    headers.remove("x-request-id");
    headers.remove("request-id");
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Seen {
        status: parts.status.as_u16(),
        text: format!("{headers:?}\n{}", without_request_id(&text)),
    }
}

/// Only the request's id may differ between two refusals.
fn without_request_id(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut members)) if members.contains_key("request_id") => {
            members.remove("request_id");
            Value::Object(members).to_string()
        }
        _ => text.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_further_than_the_tables_say() {
    let components = components();
    let all: BTreeSet<_> =
        components.iter().flat_map(|(routes, _)| routes).map(|route| route.operation_id).collect();
    let mut world = World::new().await;
    let (mut count, mut failures) = (0, Vec::new());
    let (mut unauthorized, mut not_found) = (BTreeSet::new(), BTreeSet::new());
    for (component, (declarations, schemas)) in components.iter().enumerate() {
        for route in declarations {
            for caller in &CALLERS {
                for cell in cells(component, route, schemas, caller) {
                    if world.is_changed() {
                        world = World::new().await;
                    }
                    let cell = cell.placed(&world);
                    let seen = send(&world, &cell).await;
                    count += 1;
                    world.note(route, seen.status);
                    let wanted = expected(&cell);
                    if !wanted.admits(seen.status) {
                        failures.push(format!(
                            "{cell}: {}, not {wanted:?}\n    {}",
                            seen.status, seen.text
                        ));
                    }
                    failures.extend(
                        world
                            .leaks(&cell, &seen.text)
                            .map(|leak| format!("{cell}: shows {leak}\n    {}", seen.text)),
                    );
                    // Clients of the OpenAI and Anthropic interfaces are told the same in the form that they know.
                    let form = ["/v1/messages", "/v1/"].map(|start| cell.path.starts_with(start));
                    match wanted {
                        Expected::Unauthorized => drop(unauthorized.insert((form, seen.text))),
                        Expected::NotFound => drop(not_found.insert((form, seen.text))),
                        _ => {}
                    }
                }
            }
        }
    }
    println!(
        "routes {}, callers {}, cells {count}, failures {}",
        all.len(),
        CALLERS.len(),
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(unauthorized.len(), 3, "401s can be told apart: {unauthorized:#?}");
    assert_eq!(not_found.len(), 2, "404s can be told apart: {not_found:#?}");
}

#[tokio::test]
async fn what_no_table_declares_is_not_there() {
    let world = World::new().await;
    for (component, (declarations, _)) in components().iter().enumerate() {
        let paths: BTreeSet<_> = declarations.iter().map(|route| route.path).collect();
        for path in paths {
            let own = world.fill(path, &CALLERS[CALLERS.len() - 1]);
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if declarations.iter().any(|route| route.path == path && route.method == method) {
                    continue;
                }
                let request = Request::builder().method(method.clone()).uri(&own);
                let request = request.body(Body::empty()).unwrap();
                let response = world.router(component).oneshot(request).await.unwrap();
                assert_eq!(response.status().as_u16(), 405, "{method} {path}");
            }
        }
    }
}

/// Routers are made in one place, so that no route can come into being beside the tables.
#[test]
fn nothing_but_the_table_makes_routes() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../components");
    let mut folders = vec![std::path::PathBuf::from(root)];
    let mut offences = Vec::new();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    folders.push(path);
                }
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for word in ["Router::new(", ".route(\"", ".nest(", ".merge(", "axum::routing"] {
                if text.contains(word) {
                    offences.push(format!("{} says {word}", path.display()));
                }
            }
        }
    }
    assert!(10 < files, "the walk found only {files} files");
    assert_eq!(offences, [""; 0]);
}
