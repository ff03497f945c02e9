use std::time::Duration;

use futures::future::join_all;
use hrana::{HranaError, Stmt, Value};
use testing::{HranaOptions, HranaServer};

use crate::{all_streams_close, client, count_users, create_user, server};

fn insert(email: &str) -> Stmt {
    Stmt::new("INSERT INTO user (email) VALUES (?1) RETURNING email").bind(email)
}

#[tokio::test]
async fn a_batch_is_one_request_and_gives_the_rows_of_each_statement() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let before = server.requests();
    let results = client
        .batch(vec![
            insert("a"),
            insert("b").without_rows(),
            Stmt::new("SELECT count(*) FROM user"),
        ])
        .await
        .unwrap();
    assert_eq!(results[0].rows, [[Value::from("a")]]);
    assert!(results[1].rows.is_empty());
    assert_eq!(results[2].rows, [[Value::Integer(2)]]);
    assert_eq!(server.requests() - before, 1);
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn a_failed_batch_leaves_nothing_and_keeps_the_words_of_sqlite() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let error = client.batch(vec![insert("a"), insert("a"), insert("b")]).await.unwrap_err();
    let message = "UNIQUE constraint failed: user.email".to_owned();
    assert_eq!(error, HranaError::Rejected { code: "SQLITE_CONSTRAINT".to_owned(), message });
    assert_eq!(count_users(&client).await, 0);

    let error =
        client.batch(vec![insert("a"), Stmt::new("SELECT * FROM missing")]).await.unwrap_err();
    assert_eq!(error.to_string(), "no such table: missing");
    let null = Stmt::new("INSERT INTO user (email) VALUES (?1)").bind(None::<String>);
    let error = client.batch(vec![insert("a"), null]).await.unwrap_err();
    assert_eq!(error.to_string(), "NOT NULL constraint failed: user.email");
    assert_eq!(count_users(&client).await, 0);
}

#[tokio::test]
async fn a_commit_that_fails_rolls_back() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let sql = "CREATE TABLE session (user_id INTEGER NOT NULL REFERENCES user (id) DEFERRABLE INITIALLY DEFERRED)";
    client.execute(sql, vec![]).await.unwrap();
    let orphan = Stmt::new("INSERT INTO session VALUES (99)");
    let error = client.batch(vec![insert("a"), orphan]).await.unwrap_err();
    assert_eq!(error.to_string(), "FOREIGN KEY constraint failed");
    assert_eq!(count_users(&client).await, 0);
    // The write lock is free again.
    client.batch(vec![insert("b")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_many_clients_all_commit() {
    const CLIENTS: usize = 64;
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    client.execute("CREATE TABLE total (count INTEGER NOT NULL)", vec![]).await.unwrap();
    client.execute("INSERT INTO total VALUES (0)", vec![]).await.unwrap();
    let batches = (0..CLIENTS).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let count = Stmt::new("UPDATE total SET count = count + 1 RETURNING count");
            client.batch(vec![insert(&format!("user-{number}")), count]).await
        })
    });
    let mut counts: Vec<Value> = join_all(batches)
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap().unwrap()[1].rows[0][0].clone())
        .collect();
    counts.sort_by_key(|count| format!("{count:?}"));
    counts.dedup();
    assert_eq!(counts.len(), CLIENTS, "each batch saw a total of its own");
    assert_eq!(count_users(&client).await, 64);
}

#[tokio::test]
async fn an_open_transaction_is_seen_by_nobody_else_until_it_commits() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    let mut transaction = client.interactive();
    transaction.execute("BEGIN IMMEDIATE", vec![]).await.unwrap();
    assert!(!transaction.is_autocommit());
    transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]).await.unwrap();
    assert_eq!(count_users(&client).await, 0);
    let error =
        transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]).await.unwrap_err();
    assert_eq!(error.to_string(), "UNIQUE constraint failed: user.email");
    let rows = transaction.execute("SELECT email FROM user", vec![]).await.unwrap();
    assert_eq!(rows.rows, [[Value::from("a")]]);
    transaction.commit().await.unwrap();
    assert_eq!(count_users(&client).await, 1);
    assert_eq!(server.open_streams(), 0);
}

#[tokio::test]
async fn a_transaction_of_one_client_outlives_the_rollback_of_another() {
    let server = server().await;
    let (one, two) = (client(&server), client(&server));
    create_user(&one).await;
    let mut transaction = one.interactive();
    transaction.execute("BEGIN IMMEDIATE", vec![]).await.unwrap();
    transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]).await.unwrap();
    let error = two.execute("ROLLBACK", vec![]).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot rollback - no transaction is active");
    transaction.commit().await.unwrap();
    assert_eq!(count_users(&two).await, 1);
}

#[tokio::test]
async fn rolling_back_closing_and_dropping_leave_nothing_behind() {
    let server = server().await;
    let client = client(&server);
    create_user(&client).await;
    for how in ["rollback", "close", "drop"] {
        let mut transaction = client.interactive();
        transaction.execute("BEGIN IMMEDIATE", vec![]).await.unwrap();
        transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]).await.unwrap();
        assert_eq!(server.open_streams(), 1);
        match how {
            "rollback" => transaction.rollback().await.unwrap(),
            "close" => transaction.close().await.unwrap(),
            _ => drop(transaction),
        }
        all_streams_close(&server).await;
        assert_eq!(count_users(&client).await, 0, "{how}");
    }
}

#[tokio::test]
async fn a_stream_that_the_server_expired_says_so_and_has_rolled_back() {
    let stream_idle_max = Duration::from_millis(150);
    let server = HranaServer::start(HranaOptions { stream_idle_max, ..HranaOptions::default() })
        .await
        .unwrap();
    let client = client(&server);
    create_user(&client).await;
    let mut transaction = client.interactive();
    transaction.execute("BEGIN IMMEDIATE", vec![]).await.unwrap();
    transaction.execute("INSERT INTO user (email) VALUES ('a')", vec![]).await.unwrap();
    all_streams_close(&server).await;
    let error = transaction.execute("SELECT 1", vec![]).await.unwrap_err();
    assert_eq!(error, HranaError::StreamExpired);
    let error = transaction.commit().await.unwrap_err();
    assert_eq!(error, HranaError::StreamClosed);
    assert_eq!(count_users(&client).await, 0);
}
