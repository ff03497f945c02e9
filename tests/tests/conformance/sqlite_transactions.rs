//! spin:sqlite: transactions that a guest begins, and what becomes of them when it goes away.

use std::time::Duration;

use e2e::conformance::{Application, Connection, Running, eventually, wire};
use hyper::body::Incoming;
use serde_json::{Value, json};

const GRANTED: &str = r#"sqlite_databases = ["default"]"#;

async fn run(application: &Running, statements: Value) -> Vec<Value> {
    let answer = application.client().post("/sqlite/run", &statements).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["outcomes"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

async fn application() -> Running {
    let application = Application::of("sqlite", GRANTED).start().await;
    run(&application, json!([{ "sql": "CREATE TABLE note (text TEXT) STRICT" }])).await;
    application
}

async fn notes(application: &Running) -> Vec<String> {
    let outcomes =
        run(application, json!([{ "sql": "SELECT text FROM note ORDER BY text" }])).await;
    let rows = outcomes[0]["rows"].as_array().unwrap_or_else(|| panic!("{outcomes:?}"));
    rows.iter().map(|row| row[0]["text"].as_str().unwrap().to_owned()).collect()
}

/// Sends a guest into a transaction and gives the connection on which it sits in it.
async fn hold(application: &Running, then: &str) -> (Connection, Incoming) {
    let statements = json!([
        { "sql": "BEGIN IMMEDIATE" },
        { "sql": "INSERT INTO note VALUES ('held')" },
    ]);
    let mut connection = Connection::open(application.address()).await;
    let path = format!("/sqlite/hold?then={then}");
    let body = wire::full(statements.to_string());
    let response = connection.answer(wire::post(application.address(), &path, body)).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let said = wire::next(&mut body).await.unwrap().unwrap();
    assert_eq!(said, "held");
    (connection, body)
}

/// Whether a writer gets its turn; until it does, the one before still holds the database.
async fn can_write(application: &Running) -> bool {
    let statements = json!([{ "sql": "INSERT INTO note VALUES ('later')" }]);
    run(application, statements).await[0]["error"].is_null()
}

#[tokio::test]
async fn what_is_committed_stays_and_what_is_rolled_back_does_not() {
    let application = application().await;
    let outcomes = run(
        &application,
        json!([
            { "sql": "BEGIN" },
            { "sql": "INSERT INTO note VALUES ('kept')" },
            { "sql": "SELECT count(*) FROM note" },
            { "sql": "COMMIT" },
            { "sql": "BEGIN IMMEDIATE" },
            { "sql": "INSERT INTO note VALUES ('lost')" },
            { "sql": "SELECT count(*) FROM note" },
            { "sql": "ROLLBACK" },
            { "sql": "SAVEPOINT outer" },
            { "sql": "INSERT INTO note VALUES ('saved')" },
            { "sql": "SAVEPOINT inner" },
            { "sql": "INSERT INTO note VALUES ('undone')" },
            { "sql": "ROLLBACK TO inner" },
            { "sql": "RELEASE outer" },
        ]),
    )
    .await;
    assert!(outcomes.iter().all(|outcome| outcome["error"].is_null()), "{outcomes:?}");
    assert_eq!(outcomes[2]["rows"], json!([[{ "integer": 1 }]]), "a transaction sees its own");
    assert_eq!(outcomes[6]["rows"], json!([[{ "integer": 2 }]]), "a transaction sees its own");
    assert_eq!(notes(&application).await, ["kept", "saved"]);
}

#[tokio::test]
async fn a_failed_statement_leaves_the_transaction_to_the_guest() {
    let application = application().await;
    let outcomes = run(
        &application,
        json!([
            { "sql": "BEGIN" },
            { "sql": "INSERT INTO note VALUES ('kept')" },
            { "sql": "INSERT INTO note VALUES (1, 2)" },
            { "sql": "COMMIT" },
        ]),
    )
    .await;
    assert_eq!(outcomes[2]["error"], "io");
    assert!(outcomes[3]["error"].is_null(), "{outcomes:?}");
    assert_eq!(notes(&application).await, ["kept"]);
}

#[tokio::test]
async fn nobody_sees_a_transaction_before_its_commit() {
    let application = application().await;
    let (connection, _body) = hold(&application, "wait").await;
    assert!(notes(&application).await.is_empty());
    drop(connection);
}

#[tokio::test]
async fn a_client_that_leaves_rolls_the_transaction_back() {
    let application = application().await;
    let (connection, _body) = hold(&application, "wait").await;
    drop(connection);
    eventually("another writer has its turn", || can_write(&application)).await;
    assert!(!notes(&application).await.contains(&"held".to_owned()));
}

#[tokio::test]
async fn a_trap_rolls_the_transaction_back() {
    let application = application().await;
    let (_connection, mut body) = hold(&application, "trap").await;
    assert!(wire::next(&mut body).await.is_none_or(|rest| rest.is_err()));
    eventually("another writer has its turn", || can_write(&application)).await;
    assert!(!notes(&application).await.contains(&"held".to_owned()));
}

#[tokio::test]
async fn letting_go_of_the_connection_rolls_the_transaction_back() {
    let application = application().await;
    let (connection, _body) = hold(&application, "drop").await;
    eventually("another writer has its turn", || can_write(&application)).await;
    assert!(!notes(&application).await.contains(&"held".to_owned()));
    drop(connection);
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_makes_room_for_the_others() {
    let application = application().await;
    // The guest and its client stay; only the time limit can end this transaction.
    let (connection, _body) = hold(&application, "wait").await;
    eventually("another writer has its turn", || can_write(&application)).await;
    assert!(!notes(&application).await.contains(&"held".to_owned()));
    drop(connection);
}

#[tokio::test]
async fn an_unfinished_transaction_is_not_inherited_by_the_next_request() {
    let application = application().await;
    for _ in 0..4 {
        let outcomes = run(
            &application,
            json!([
                { "sql": "BEGIN IMMEDIATE" },
                { "sql": "INSERT INTO note VALUES ('unfinished')" },
            ]),
        )
        .await;
        assert!(outcomes.iter().all(|outcome| outcome["error"].is_null()), "{outcomes:?}");
    }
    assert!(notes(&application).await.is_empty());
    assert!(can_write(&application).await);
    assert_eq!(notes(&application).await, ["later"]);
}

#[tokio::test]
async fn writers_wait_for_a_short_transaction() {
    let application = application().await;
    let (connection, _body) = hold(&application, "wait").await;
    let waiting = tokio::spawn({
        let client = application.client();
        async move {
            let statements = json!([{ "sql": "INSERT INTO note VALUES ('waited')" }]);
            client.post("/sqlite/run", &statements).await
        }
    });
    // Long enough that the writer has begun to wait, were it to give up at once it would be done.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(connection);
    let answer = waiting.await.unwrap();
    assert!(answer.body["outcomes"][0]["error"].is_null(), "{answer:?}");
    assert_eq!(notes(&application).await, ["waited"]);
}

#[tokio::test]
async fn operators_see_how_many_writes_shared_a_commit() {
    let application = Application::of("sqlite", GRANTED).with_metrics().start().await;
    run(&application, json!([{ "sql": "CREATE TABLE note (text TEXT) STRICT" }])).await;
    let insert = json!([{ "sql": "INSERT INTO note VALUES ('one')" }]);
    futures::future::join_all((0..16).map(|_| run(&application, insert.clone()))).await;
    let database = r#"database="default""#;
    let writes = application.metric("host_database_commit_writes_sum", database).await;
    let commits = application.metric("host_database_commit_writes_count", database).await;
    assert!((17.0..17.5).contains(&writes), "{writes}");
    assert!((1.0..=writes).contains(&commits), "{commits}");
    assert!(application.metric("host_database_statements_total", database).await >= writes);
}
