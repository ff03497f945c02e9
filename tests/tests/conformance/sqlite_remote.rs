//! spin:sqlite on a libSQL server: the guest cannot tell the difference.

use e2e::conformance::{Application, Connection, Running, eventually, wire};
use serde_json::{Value, json};
use testing::{HranaOptions, HranaServer};

const GRANTED: &str = r#"sqlite_databases = ["default"]"#;

async fn application(url: &str, token: &str) -> Running {
    Application::of("sqlite", GRANTED)
        .runtime_config(&format!(
            "[sqlite_database.default]\ntype = \"libsql\"\nurl = \"{url}\"\ntoken = \"{token}\""
        ))
        .start()
        .await
}

async fn server(tokens: bool) -> HranaServer {
    HranaServer::start(HranaOptions { tokens, ..HranaOptions::default() }).await.unwrap()
}

async fn run(application: &Running, query: &str, statements: Value) -> Vec<Value> {
    let answer = application.client().post(&format!("/sqlite/run?{query}"), &statements).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["outcomes"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

#[tokio::test]
async fn every_type_of_value_passes_over_the_network() {
    let server = server(true).await;
    let application = application(&server.url(), &server.token().unwrap()).await;
    let values = json!([
        { "integer": i64::MAX },
        { "integer": i64::MIN },
        { "real": "1.5" },
        { "text": "Zwölf \u{1F94A}" },
        { "text": "" },
        { "blob": "00ff7f80" },
        { "blob": "" },
        { "null": true },
    ]);
    for mode in ["sync", "async"] {
        let outcomes = run(
            &application,
            &format!("mode={mode}"),
            json!([{ "sql": "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", "parameters": values }]),
        )
        .await;
        assert_eq!(outcomes[0]["rows"], json!([values]), "{mode}: {outcomes:?}");
    }
}

#[tokio::test]
async fn what_is_written_is_read_by_the_next_request() {
    let server = server(true).await;
    let application = application(&server.url(), &server.token().unwrap()).await;
    let outcomes = run(
        &application,
        "",
        json!([
            { "sql": "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT UNIQUE) STRICT" },
            { "sql": "INSERT INTO note VALUES (7, 'a'), (8, 'b')" },
            { "sql": "INSERT INTO note VALUES (9, 'a')" },
        ]),
    )
    .await;
    assert_eq!(outcomes[1]["changes"], 2, "{outcomes:?}");
    assert_eq!(outcomes[1]["last_insert_rowid"], 8, "{outcomes:?}");
    assert_eq!(outcomes[2]["error"], "io");
    let message = outcomes[2]["message"].as_str().unwrap();
    assert!(message.contains("UNIQUE constraint failed: note.text"), "{message}");
    let outcomes = run(&application, "", json!([{ "sql": "SELECT text FROM note" }])).await;
    assert_eq!(outcomes[0]["columns"], json!(["text"]));
    assert_eq!(outcomes[0]["rows"], json!([[{ "text": "a" }], [{ "text": "b" }]]));
}

#[tokio::test]
async fn transactions_hold_over_several_statements() {
    let server = server(false).await;
    let application = application(&server.url(), "").await;
    let outcomes = run(
        &application,
        "",
        json!([
            { "sql": "CREATE TABLE note (text TEXT) STRICT" },
            { "sql": "BEGIN" },
            { "sql": "INSERT INTO note VALUES ('kept')" },
            { "sql": "COMMIT" },
            { "sql": "BEGIN" },
            { "sql": "INSERT INTO note VALUES ('lost')" },
            { "sql": "SELECT count(*) FROM note" },
            { "sql": "ROLLBACK" },
            { "sql": "SELECT count(*) FROM note" },
        ]),
    )
    .await;
    assert_eq!(outcomes[6]["rows"], json!([[{ "integer": 2 }]]), "{outcomes:?}");
    assert_eq!(outcomes[8]["rows"], json!([[{ "integer": 1 }]]), "{outcomes:?}");
    eventually("no stream is left open", || async { server.open_streams() == 0 }).await;
}

#[tokio::test]
async fn a_client_that_leaves_gives_the_transaction_up() {
    let server = server(false).await;
    let application = application(&server.url(), "").await;
    run(&application, "", json!([{ "sql": "CREATE TABLE note (text TEXT)" }])).await;
    let address = application.address();
    let statements =
        json!([{ "sql": "BEGIN IMMEDIATE" }, { "sql": "INSERT INTO note VALUES ('held')" }]);
    let mut connection = Connection::open(address).await;
    let body = wire::full(statements.to_string());
    let response = connection.answer(wire::post(address, "/sqlite/hold?then=wait", body)).await;
    let mut body = response.into_body();
    assert_eq!(wire::next(&mut body).await.unwrap().unwrap(), "held");
    drop(connection);
    eventually("no stream is left open", || async { server.open_streams() == 0 }).await;
    let outcomes = run(&application, "", json!([{ "sql": "SELECT count(*) FROM note" }])).await;
    assert_eq!(outcomes[0]["rows"], json!([[{ "integer": 0 }]]), "{outcomes:?}");
}

#[tokio::test]
async fn tens_of_thousands_of_rows_are_streamed() {
    let server = server(false).await;
    let application = application(&server.url(), "").await;
    let rows = json!({
        "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                SELECT i FROM n",
    });
    let answer = application.client().post("/sqlite/count", &rows).await;
    assert_eq!(answer.body["rows"], 100_000, "{answer:?}");
    assert_eq!(answer.body["sum"], 5_000_050_000_i64);
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_and_not_the_end() {
    let mut server = server(false).await;
    let application = application(&server.url(), "").await;
    server.go_away().await;
    let outcomes = run(&application, "", json!([{ "sql": "SELECT 1" }])).await;
    assert_eq!(outcomes[0]["error"], "io", "{outcomes:?}");
    server.come_back().await.unwrap();
    let outcomes = run(&application, "", json!([{ "sql": "SELECT 1" }])).await;
    assert_eq!(outcomes[0]["rows"], json!([[{ "integer": 1 }]]), "{outcomes:?}");
}

#[tokio::test]
async fn a_wrong_token_is_an_error_that_does_not_show_it() {
    let server = server(true).await;
    let application = application(&server.url(), "not-the-token").await;
    let outcomes = run(&application, "", json!([{ "sql": "SELECT 1" }])).await;
    assert_eq!(outcomes[0]["error"], "io", "{outcomes:?}");
    assert!(!outcomes[0]["message"].as_str().unwrap().contains("not-the-token"), "{outcomes:?}");
}
