use engine::{EngineError, Options, Value};

use crate::fixture::{assert_sqlite, count, file, run};

#[tokio::test]
async fn what_reaches_out_of_the_file_is_denied() {
    let file = file(Options::default()).await;
    let elsewhere = file.path.with_file_name("elsewhere.db");
    let statements = [
        format!("ATTACH '{}' AS other", elsewhere.display()),
        "DETACH main".to_owned(),
        "VACUUM".to_owned(),
        format!("VACUUM INTO '{}'", elsewhere.display()),
        "SELECT load_extension('x')".to_owned(),
        "CREATE TEMP TABLE x (y)".to_owned(),
        "CREATE TEMP VIEW x AS SELECT 1".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA synchronous = OFF".to_owned(),
        "PRAGMA foreign_keys = OFF".to_owned(),
        "PRAGMA writable_schema = ON".to_owned(),
        "PRAGMA wal_checkpoint".to_owned(),
        "PRAGMA database_list".to_owned(),
        "PRAGMA locking_mode = EXCLUSIVE".to_owned(),
        "SELECT * FROM engine_last_insert_rowid".to_owned(),
        "SELECT changes()".to_owned(),
        "BEGIN".to_owned(),
        "COMMIT".to_owned(),
        "SAVEPOINT x".to_owned(),
    ];
    for sql in statements {
        let error = file.engine.execute(sql.as_str(), vec![]).await.expect_err(&sql);
        let is_denied = matches!(error, EngineError::Denied { .. });
        // Readers do not have the engine's own table at all.
        assert!(is_denied || error.to_string().starts_with("no such table"), "{sql}: {error:?}");
        let batched = file.engine.batch(vec![(sql.clone(), vec![])]).await;
        assert!(batched.is_err() || sql.contains("changes()"), "{sql} in a batch: {batched:?}");
    }
    assert!(!elsewhere.exists());
}

#[tokio::test]
async fn harmless_pragmas_and_tuning_pass() {
    let file = file(Options::default()).await;
    for sql in [
        "PRAGMA foreign_keys = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA busy_timeout = 1",
        "PRAGMA user_version = 7",
        "PRAGMA integrity_check",
        "PRAGMA foreign_key_check",
        "PRAGMA optimize",
    ] {
        run(&file.engine, sql).await;
    }
    assert_eq!(run(&file.engine, "PRAGMA user_version").await.rows, [[Value::Integer(7)]]);
    assert_eq!(run(&file.engine, "PRAGMA table_info('t')").await.rows.len(), 2);
    assert_eq!(run(&file.engine, "SELECT name FROM pragma_table_info('t')").await.rows.len(), 2);
}

#[tokio::test]
async fn several_statements_in_one_text_are_refused_before_any_runs() {
    let file = file(Options::default()).await;
    for sql in [
        "INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (2)",
        "CREATE TABLE u (x); INSERT INTO u VALUES (1)",
        "SELECT 1; garbage",
    ] {
        let error = file.engine.execute(sql, vec![]).await.expect_err(sql);
        assert_eq!(error, EngineError::MultipleStatements, "{sql}");
    }
    assert_eq!(count(&file.engine).await, 0);
    run(&file.engine, "INSERT INTO t (id) VALUES (3) ; -- with a remark ; and\n /* more; */ ;")
        .await;
    assert_eq!(count(&file.engine).await, 1);
    let trigger = "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET name = 'x'; DELETE FROM t WHERE id = 0; END;";
    run(&file.engine, trigger).await;
}

#[tokio::test]
async fn mistakes_are_told_in_sqlites_words() {
    let file = file(Options::default()).await;
    let engine = &file.engine;
    run(engine, "INSERT INTO t (name) VALUES ('a')").await;
    assert_sqlite(
        engine.execute("SELECT * FROM nowhere", vec![]).await,
        1,
        "no such table: nowhere",
    );
    assert_sqlite(engine.execute("SELEC 1", vec![]).await, 1, "near \"SELEC\": syntax error");
    let duplicate = engine.execute("INSERT INTO t (name) VALUES ('a')", vec![]).await;
    assert_sqlite(duplicate, 2067, "UNIQUE constraint failed: t.name");
    let message = "the statement takes 1 parameters, 0 were given";
    assert_sqlite(engine.execute("SELECT ?1", vec![]).await, 25, message);
    assert_sqlite(
        engine.execute(" -- nothing", vec![]).await,
        21,
        "the text holds no SQL statement",
    );
    assert_sqlite(engine.execute("SELECT 1\0", vec![]).await, 1, "the text holds a NUL character");
}

#[tokio::test]
async fn one_statement_too_many_in_the_queue_is_refused() {
    let file = file(Options { queue_max: 1, ..Options::default() }).await;
    let session = file.engine.session();
    session.execute("BEGIN", vec![]).await.expect("the writer");
    let engine = file.engine.clone();
    let waiting = tokio::spawn(async move { engine.execute("DELETE FROM t", vec![]).await });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let error = file.engine.execute("DELETE FROM t", vec![]).await.expect_err("one too many");
    assert_eq!(error, EngineError::Overloaded);
    session.execute("COMMIT", vec![]).await.expect("a commit");
    waiting.await.expect("a task").expect("the one that waited");
}
