use std::time::{Duration, Instant};

use engine::{EngineError, Options, Session, Value};
use tokio::task::JoinSet;

use crate::fixture::{assert_sqlite, count, file, quick, run, value};

async fn all(session: &Session, statements: &[&str]) {
    for sql in statements {
        session.execute(*sql, vec![]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes_and_others_see_them_after_commit() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN IMMEDIATE TRANSACTION", "INSERT INTO t (name) VALUES ('a')"]).await;
    let seen = session.execute("SELECT count(*) FROM t", vec![]).await.expect("a read");
    assert_eq!(seen.rows, [[Value::Integer(1)]]);
    assert_eq!(count(&file.engine).await, 0);
    all(&session, &["/* all */ COMMIT -- done"]).await;
    assert_eq!(count(&file.engine).await, 1);
    assert_eq!(session.last_insert_rowid(), 1);

    all(&session, &["begin", "DELETE FROM t", "ROLLBACK"]).await;
    assert_eq!(count(&file.engine).await, 1);
}

#[tokio::test]
async fn an_error_inside_undoes_one_statement_and_leaves_the_transaction_open() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (name) VALUES ('a')"]).await;
    let twice = session.execute("INSERT INTO t (name) VALUES ('b'), ('a')", vec![]).await;
    assert_sqlite(twice, 2067, "UNIQUE constraint failed: t.name");
    let nested = session.execute("BEGIN", vec![]).await;
    assert_sqlite(nested, 1, "cannot start a transaction within a transaction");
    let unknown = session.execute("SELECT missing", vec![]).await;
    assert_sqlite(unknown, 1, "no such column: missing");
    all(&session, &["INSERT INTO t (name) VALUES ('c')", "END"]).await;
    assert_eq!(count(&file.engine).await, 2);
    for (sql, message) in [
        ("COMMIT", "cannot commit - no transaction is active"),
        ("ROLLBACK", "cannot rollback - no transaction is active"),
        ("RELEASE x", "no such savepoint: x"),
        ("ROLLBACK TO x", "no such savepoint: x"),
    ] {
        assert_sqlite(session.execute(sql, vec![]).await, 1, message);
    }
}

#[tokio::test]
async fn savepoints_nest_inside_a_transaction() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (id) VALUES (1)", "SAVEPOINT one"]).await;
    all(&session, &["INSERT INTO t (id) VALUES (2)", "SAVEPOINT \"Two\""]).await;
    all(&session, &["INSERT INTO t (id) VALUES (3)", "ROLLBACK TO two", "RELEASE ONE"]).await;
    assert_sqlite(session.execute("RELEASE one", vec![]).await, 1, "no such savepoint: one");
    for reserved in ["RELEASE \"selvage session\"", "ROLLBACK TO [Selvage Session]"] {
        let error = session.execute(reserved, vec![]).await.expect_err(reserved);
        assert!(error.to_string().starts_with("no such savepoint"), "{error}");
    }
    all(&session, &["COMMIT"]).await;
    assert_eq!(
        run(&file.engine, "SELECT id FROM t").await.rows,
        [[Value::Integer(1)], [Value::Integer(2)]]
    );
}

#[tokio::test]
async fn a_savepoint_alone_is_a_transaction_that_its_release_commits() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(&session, &["SAVEPOINT s", "INSERT INTO t (id) VALUES (1)", "SAVEPOINT s", "RELEASE s"])
        .await;
    assert_eq!(count(&file.engine).await, 0);
    all(&session, &["RELEASE s"]).await;
    assert_eq!(count(&file.engine).await, 1);
    all(&session, &["SAVEPOINT s", "DELETE FROM t", "ROLLBACK TO s", "RELEASE s"]).await;
    assert_eq!(count(&file.engine).await, 1);
    assert_sqlite(
        session.execute("COMMIT", vec![]).await,
        1,
        "cannot commit - no transaction is active",
    );
}

#[tokio::test]
async fn a_dropped_session_rolls_back_and_frees_the_writer() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (id) VALUES (1)"]).await;
    let started = Instant::now();
    drop(session);
    run(&file.engine, "INSERT INTO t (id) VALUES (2)").await;
    assert!(started.elapsed() < Duration::from_secs(2), "waited {:?}", started.elapsed());
    assert_eq!(run(&file.engine, "SELECT id FROM t").await.rows, [[Value::Integer(2)]]);
}

#[tokio::test]
async fn a_begin_that_nobody_waits_for_any_more_does_not_keep_the_writer() {
    let file = file(Options::default()).await;
    let (holder, waiter) = (file.engine.session(), file.engine.session());
    all(&holder, &["BEGIN"]).await;
    let begin = waiter.execute("BEGIN", vec![]);
    tokio::time::timeout(Duration::from_millis(50), begin).await.expect_err("it waits");
    all(&holder, &["COMMIT"]).await;
    let started = Instant::now();
    run(&file.engine, "INSERT INTO t (id) VALUES (2)").await;
    assert!(started.elapsed() < Duration::from_secs(2), "waited {:?}", started.elapsed());
    all(&waiter, &["INSERT INTO t (id) VALUES (3)"]).await;
    assert_eq!(count(&file.engine).await, 2);
}

#[tokio::test]
async fn a_transaction_open_for_too_long_is_rolled_back_and_says_so_until_it_ends() {
    let file = file(quick()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (id) VALUES (1)"]).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    run(&file.engine, "INSERT INTO t (id) VALUES (2)").await;
    for sql in ["INSERT INTO t (id) VALUES (3)", "SELECT 1", "COMMIT"] {
        let error = session.execute(sql, vec![]).await.expect_err(sql);
        assert_eq!(error, EngineError::TransactionTimeout, "{sql}");
    }
    all(&session, &["INSERT INTO t (id) VALUES (4)"]).await;
    assert_eq!(
        run(&file.engine, "SELECT id FROM t").await.rows,
        [[Value::Integer(2)], [Value::Integer(4)]]
    );
    assert_eq!(file.engine.metrics().transactions_timed_out, 1);
}

#[tokio::test]
async fn a_statement_that_outlasts_its_transaction_is_interrupted() {
    let file = file(quick()).await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (id) VALUES (1)"]).await;
    let endless =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let error = session.execute(endless, vec![]).await.expect_err("no end");
    assert_eq!(error, EngineError::TimeLimit);
    run(&file.engine, "INSERT INTO t (id) VALUES (2)").await;
    assert_eq!(run(&file.engine, "SELECT id FROM t").await.rows, [[Value::Integer(2)]]);
}

#[tokio::test]
async fn a_commit_refused_for_a_deferred_foreign_key_leaves_the_transaction_open() {
    let file = file(Options::default()).await;
    run(
        &file.engine,
        "CREATE TABLE child (t_id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO child VALUES (8)"]).await;
    assert_sqlite(session.execute("COMMIT", vec![]).await, 787, "FOREIGN KEY constraint failed");
    all(&session, &["INSERT INTO t (id) VALUES (8)", "COMMIT"]).await;
    assert_eq!(value(&file.engine, "SELECT count(*) FROM child").await, Value::Integer(1));

    all(&session, &["BEGIN", "INSERT INTO child VALUES (9)"]).await;
    assert_sqlite(session.execute("COMMIT", vec![]).await, 787, "FOREIGN KEY constraint failed");
    all(&session, &["ROLLBACK"]).await;
    assert_eq!(value(&file.engine, "SELECT count(*) FROM child").await, Value::Integer(1));
}

#[tokio::test]
async fn a_table_with_deferred_keys_made_inside_the_transaction_is_checked_too() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    all(
        &session,
        &[
            "BEGIN",
            "CREATE TABLE child (t_id INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)",
            "INSERT INTO child VALUES (8)",
        ],
    )
    .await;
    assert_sqlite(session.execute("COMMIT", vec![]).await, 787, "FOREIGN KEY constraint failed");
    drop(session);
    assert_sqlite(
        file.engine.execute("SELECT * FROM child", vec![]).await,
        1,
        "no such table: child",
    );

    run(&file.engine, "CREATE TABLE plain (t_id INTEGER REFERENCES t (id))").await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "PRAGMA defer_foreign_keys = ON", "INSERT INTO plain VALUES (3)"])
        .await;
    assert_sqlite(session.execute("COMMIT", vec![]).await, 787, "FOREIGN KEY constraint failed");
    all(&session, &["ROLLBACK"]).await;
    let later = session.execute("INSERT INTO plain VALUES (3)", vec![]).await;
    assert_sqlite(later, 787, "FOREIGN KEY constraint failed");
}

#[tokio::test]
async fn a_conflict_that_rolls_back_ends_the_transaction_as_in_sqlite() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (id, name) VALUES (1, 'a')").await;
    let session = file.engine.session();
    all(&session, &["BEGIN", "INSERT INTO t (name) VALUES ('b')"]).await;
    let conflict = session.execute("INSERT OR ROLLBACK INTO t (name) VALUES ('a')", vec![]).await;
    assert_sqlite(conflict, 2067, "UNIQUE constraint failed: t.name");
    assert_sqlite(
        session.execute("COMMIT", vec![]).await,
        1,
        "cannot commit - no transaction is active",
    );
    assert_eq!(count(&file.engine).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_many_sessions_are_serial_and_share_commits() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (id, name) VALUES (1, '0')").await;
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let engine = file.engine.clone();
        clients.spawn(async move {
            for _ in 0..25 {
                let session = engine.session();
                session.execute("BEGIN", vec![]).await.expect("the writer");
                // Read, then write what was read: any other order than one after the other would lose some.
                let read = session
                    .execute("SELECT name FROM t WHERE id = 1", vec![])
                    .await
                    .expect("a read");
                let Value::Text(text) = &read.rows[0][0] else { panic!("not text") };
                let next = text.parse::<i64>().expect("a number") + 1;
                let update = "UPDATE t SET name = ?1 WHERE id = 1";
                session
                    .execute(update, vec![Value::Text(next.to_string())])
                    .await
                    .expect("a write");
                session.execute("COMMIT", vec![]).await.expect("a commit");
            }
        });
    }
    clients.join_all().await;
    assert_eq!(value(&file.engine, "SELECT name FROM t").await, Value::Text("400".to_owned()));
    let metrics = file.engine.metrics();
    assert_eq!(metrics.transactions, 400);
    assert!(metrics.groups < 402, "every transaction had a commit of its own: {metrics:?}");
}
