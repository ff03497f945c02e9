//! A conformance guest that runs the SQL it is sent, through every function of spin:sqlite.
#![cfg(target_family = "wasm")]

mod connection;
mod json;

use guest_http::{Answer, Request};
use serde_json::{Value, json};
use spin_sdk::http_service;
use spin_sdk::wasip3::spawn;

use crate::connection::{Connection, Mode};

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/run" => run(request).await,
        "/count" => count(request).await,
        "/hold" => hold(request).await,
        "/abandon" => abandon(request).await,
        "/together" => together(request).await,
        "/connections" => connections(&request).await,
        other => guest_http::text(404, &format!("sqlite has no {other}")),
    }
}

fn database(request: &Request) -> String {
    guest_http::parameter(request, "database").unwrap_or_else(|| "default".to_owned())
}

/// Runs the statements of the body in turn on one connection and answers with every outcome.
///
/// A statement that fails does not stop those after it: what a failed statement leaves of a
/// transaction is for the caller to see.
async fn run(request: Request) -> Answer {
    let (name, mode) = (database(&request), Mode::of(&request));
    let statements = guest_http::read_json(request).await?;
    let connection = match Connection::open(mode, &name).await {
        Ok(connection) => connection,
        Err(error) => return guest_http::json(200, &json!({ "open": json::error(&error) })),
    };
    let mut outcomes = Vec::new();
    for statement in statements.as_array().into_iter().flatten() {
        outcomes.push(outcome(&connection, statement).await);
    }
    guest_http::json(200, &json!({ "outcomes": outcomes }))
}

async fn outcome(connection: &Connection, statement: &Value) -> Value {
    let (sql, parameters) = json::statement(statement);
    match connection.execute(sql, parameters).await {
        Ok((columns, rows)) => json!({
            "columns": columns,
            "rows": rows.iter().map(json::row).collect::<Vec<_>>(),
            "last_insert_rowid": connection.last_insert_rowid().await,
            "changes": connection.changes().await,
        }),
        Err(error) => json::error(&error),
    }
}

/// Streams the rows of the one statement in the body, and counts instead of keeping them.
///
/// Answers with the rows, the sum of the first column, and the guest's own memory in bytes.
async fn count(request: Request) -> Answer {
    let name = database(&request);
    let statement = guest_http::read_json(request).await?;
    let (sql, parameters) = json::statement(&statement);
    let connection = Connection::open(Mode::Async, &name).await;
    let connection = connection.map_err(|error| guest_http::internal(&error))?;
    let (_, mut stream, result) = match connection.stream(sql, parameters).await {
        Ok(result) => result,
        Err(error) => return guest_http::json(200, &json::error(&error)),
    };
    let (mut rows, mut sum) = (0_u64, 0_i64);
    while let Some(row) = stream.next().await {
        rows += 1;
        sum = sum.wrapping_add(row.get(0).unwrap_or(0));
    }
    let memory_bytes = core::arch::wasm32::memory_size(0) * 65_536;
    let answer = json!({ "rows": rows, "sum": sum, "memory_bytes": memory_bytes });
    match result.await {
        Ok(()) => guest_http::json(200, &answer),
        Err(error) => guest_http::json(200, &json::error(&error)),
    }
}

/// Runs the statements of the body, says `held`, then holds the connection.
///
/// With `then=trap` the guest traps after the first byte has been read; with `then=wait` it waits
/// until it is ended; with `then=drop` it lets go of the connection and goes on waiting.
async fn hold(request: Request) -> Answer {
    let (name, mode) = (database(&request), Mode::of(&request));
    let then = guest_http::parameter(&request, "then").unwrap_or_default();
    let statements = guest_http::read_json(request).await?;
    let connection = match Connection::open(mode, &name).await {
        Ok(connection) => connection,
        Err(error) => return guest_http::json(200, &json!({ "open": json::error(&error) })),
    };
    for statement in statements.as_array().into_iter().flatten() {
        let (sql, parameters) = json::statement(statement);
        if let Err(error) = connection.execute(sql, parameters).await {
            return guest_http::json(200, &json::error(&error));
        }
    }
    guest_http::stream(200, &[], async move |mut writer| {
        writer.write_all(b"held".to_vec()).await;
        match then.as_str() {
            "trap" => core::arch::wasm32::unreachable(),
            "drop" => drop(connection),
            _ => std::mem::forget(connection),
        }
        spin_sdk::time::sleep(std::time::Duration::from_hours(1)).await;
    })
}

/// Begins to read the rows of the body's statement, lets go after the first, and runs another.
async fn abandon(request: Request) -> Answer {
    let name = database(&request);
    let statement = guest_http::read_json(request).await?;
    let (sql, parameters) = json::statement(&statement);
    let connection = Connection::open(Mode::Async, &name).await;
    let connection = connection.map_err(|error| guest_http::internal(&error))?;
    let (_, mut stream, result) = match connection.stream(sql, parameters).await {
        Ok(result) => result,
        Err(error) => return guest_http::json(200, &json::error(&error)),
    };
    let first = stream.next().await;
    drop((stream, result));
    match connection.execute("SELECT 'after'", Vec::new()).await {
        Ok((_, rows)) => guest_http::json(
            200,
            &json!({
                "first": first.map(|row| json::row(&row)),
                "after": rows.iter().map(json::row).collect::<Vec<_>>(),
            }),
        ),
        Err(error) => guest_http::json(200, &json::error(&error)),
    }
}

/// Runs the statements of the body at the same time, each on a connection of its own.
async fn together(request: Request) -> Answer {
    let (name, mode) = (database(&request), Mode::of(&request));
    let statements = guest_http::read_json(request).await?;
    let runs =
        statements.as_array().into_iter().flatten().map(async |statement| match Connection::open(
            mode, &name,
        )
        .await
        {
            Ok(connection) => outcome(&connection, statement).await,
            Err(error) => json::error(&error),
        });
    let outcomes = futures::future::join_all(runs).await;
    guest_http::json(200, &json!({ "outcomes": outcomes }))
}

/// Opens `count` connections and keeps them all; says how many could be had.
async fn connections(request: &Request) -> Answer {
    let (name, mode) = (database(request), Mode::of(request));
    let count = guest_http::number(request, "count", 1);
    let mut opened = Vec::new();
    let mut refused = Value::Null;
    for _ in 0..count {
        match Connection::open(mode, &name).await {
            Ok(connection) => opened.push(connection),
            Err(error) => {
                refused = json::error(&error);
                break;
            }
        }
    }
    let answer = json!({ "opened": opened.len(), "refused": refused });
    // The handles outlive the answer, so that the host must clean them up with the instance.
    spawn(async move { drop(opened) });
    guest_http::json(200, &answer)
}
