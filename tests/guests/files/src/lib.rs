//! A conformance guest that reads the files mounted for it, and tries for more.
#![cfg(target_family = "wasm")]

use std::fs;
use std::io;

use guest_http::{Answer, Request};
use serde_json::{Value, json};
use spin_sdk::http_service;

/// Performs the operation the route names on `path`, and says what came of it.
#[http_service]
async fn handle(request: Request) -> Answer {
    let path = guest_http::parameter(&request, "path").unwrap_or_default();
    let outcome = match guest_http::route(&request).as_str() {
        "/read" => fs::read_to_string(&path).map(Value::String),
        "/list" => list(&path),
        "/write" => fs::write(&path, "written by the guest").map(|()| Value::Null),
        "/append" => append(&path),
        "/create-dir" => fs::create_dir(&path).map(|()| Value::Null),
        "/remove" => fs::remove_file(&path).map(|()| Value::Null),
        "/rename" => fs::rename(&path, format!("{path}.moved")).map(|()| Value::Null),
        "/truncate" => {
            fs::OpenOptions::new().write(true).truncate(true).open(&path).map(|_| Value::Null)
        }
        other => return guest_http::text(404, &format!("files has no {other}")),
    };
    match outcome {
        Ok(value) => guest_http::json(200, &json!({ "ok": value })),
        Err(error) => {
            let (kind, message) = (format!("{:?}", error.kind()), error.to_string());
            guest_http::json(200, &json!({ "error": kind, "message": message }))
        }
    }
}

fn list(path: &str) -> io::Result<Value> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(json!(names))
}

fn append(path: &str) -> io::Result<Value> {
    use io::Write as _;
    fs::OpenOptions::new().append(true).open(path)?.write_all(b"more")?;
    Ok(Value::Null)
}
