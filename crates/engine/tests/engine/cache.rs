use engine::{Options, Value};

use crate::fixture::{file, run, text};

#[tokio::test]
async fn a_statement_is_prepared_once_per_connection() {
    let file = file(Options { readers: 1, ..Options::default() }).await;
    let before = file.engine.metrics();
    for number in 0..100 {
        let insert = "INSERT INTO t (name) VALUES (?1)";
        file.engine.execute(insert, vec![Value::Integer(number)]).await.expect("an insert");
        file.engine
            .execute("SELECT name FROM t WHERE id = ?1", vec![Value::Integer(number)])
            .await
            .expect("a read");
    }
    let after = file.engine.metrics();
    assert_eq!(after.statements - before.statements, 200);
    assert_eq!(after.statements_cached - before.statements_cached, 198);
}

#[tokio::test]
async fn cached_statements_follow_the_schema() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (id, name) VALUES (1, 'a')").await;
    let select = "SELECT * FROM t";
    for _ in 0..4 {
        assert_eq!(run(&file.engine, select).await.columns.as_ref(), ["id", "name"]);
    }
    run(&file.engine, "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'new'").await;
    for _ in 0..4 {
        let result = run(&file.engine, select).await;
        assert_eq!(result.columns.as_ref(), ["id", "name", "extra"]);
        assert_eq!(result.rows, [[Value::Integer(1), text("a"), text("new")]]);
    }
    let session = file.engine.session();
    let mut stream = session.stream(select, vec![]).await.expect("a stream");
    assert_eq!(stream.columns().len(), 3);
    assert_eq!(stream.next().await.expect("rows").expect("a row")[0].len(), 3);

    run(&file.engine, "DROP TABLE t").await;
    let gone = file.engine.execute(select, vec![]).await.expect_err("no table");
    assert_eq!(gone.to_string(), "no such table: t");
    run(&file.engine, "CREATE TABLE t (only INTEGER)").await;
    assert_eq!(run(&file.engine, select).await.columns.as_ref(), ["only"]);
}

#[tokio::test]
async fn parameters_of_an_earlier_run_do_not_linger() {
    let file = file(Options { readers: 1, ..Options::default() }).await;
    let echo = "SELECT ?1, ?2";
    let first = vec![text("secret"), Value::Integer(1)];
    file.engine.execute(echo, first).await.expect("an echo");
    let short =
        file.engine.execute(echo, vec![Value::Integer(2)]).await.expect_err("one is missing");
    assert_eq!(short.to_string(), "the statement takes 2 parameters, 1 were given");
    let second = file.engine.execute(echo, vec![Value::Null, Value::Null]).await.expect("an echo");
    assert_eq!(second.rows, [[Value::Null, Value::Null]]);
}
