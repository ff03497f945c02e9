use engine::{Engine, EngineError, Options, Value};

use crate::fixture::{file, run, text};

async fn echo(engine: &Engine, value: Value) -> Value {
    let result = engine.execute("SELECT ?1 AS echo", vec![value]).await.expect("an echo");
    assert_eq!(result.columns.as_ref(), ["echo"]);
    result.rows[0][0].clone()
}

#[tokio::test]
async fn every_value_comes_back_as_it_went_from_expression_and_table() {
    let file = file(Options::default()).await;
    run(&file.engine, "CREATE TABLE v (v)").await;
    let values = [
        Value::Null,
        Value::Integer(0),
        Value::Integer(-1),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Real(0.1),
        Value::Real(-0.0),
        Value::Real(f64::MAX),
        Value::Real(f64::MIN_POSITIVE),
        Value::Real(f64::INFINITY),
        Value::Real(f64::NEG_INFINITY),
        text(""),
        text("with 'quotes' and \"others\""),
        text("ein Zwölfer: 🧵"),
        text("a\0b\0"),
        Value::Blob(vec![]),
        Value::Blob((0..=255).collect()),
        Value::Blob(vec![7; 1 << 20]),
    ];
    for value in values {
        assert_eq!(echo(&file.engine, value.clone()).await, value);
        run(&file.engine, "DELETE FROM v").await;
        let insert = "INSERT INTO v VALUES (?1) RETURNING v";
        let result = file.engine.execute(insert, vec![value.clone()]).await.expect("an insert");
        assert_eq!(result.rows, [[value.clone()]]);
        let stored = crate::fixture::value(&file.engine, "SELECT v FROM v").await;
        assert_eq!(stored, value);
    }
}

#[tokio::test]
async fn not_a_number_is_null_as_in_sqlite() {
    let file = file(Options::default()).await;
    assert_eq!(echo(&file.engine, Value::Real(f64::NAN)).await, Value::Null);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_an_error_that_names_the_column() {
    let file = file(Options::default()).await;
    run(&file.engine, "INSERT INTO t (name) VALUES (CAST(x'ff6162' AS TEXT))").await;
    let error = file.engine.execute("SELECT id, name FROM t", vec![]).await.expect_err("bad text");
    assert_eq!(error, EngineError::NotUtf8 { column: "name".to_owned() });

    let session = file.engine.session();
    let streamed = match session.stream("SELECT name FROM t", vec![]).await {
        Ok(mut stream) => stream.next().await.expect_err("bad text"),
        Err(error) => error,
    };
    assert_eq!(streamed, EngineError::NotUtf8 { column: "name".to_owned() });
    let bytes = crate::fixture::value(&file.engine, "SELECT CAST(name AS BLOB) FROM t").await;
    assert_eq!(bytes, Value::Blob(vec![0xff, b'a', b'b']));
}

#[tokio::test]
async fn columns_are_known_without_rows_and_changes_are_counted() {
    let file = file(Options::default()).await;
    let none = run(&file.engine, "SELECT id, name AS \"the name\" FROM t").await;
    assert_eq!(
        (none.columns.as_ref(), none.rows.len()),
        (["id".into(), "the name".into()].as_slice(), 0)
    );

    let insert = run(&file.engine, "INSERT INTO t (id, name) VALUES (5, 'a'), (9, 'b')").await;
    assert_eq!((insert.changes, insert.last_insert_rowid, insert.columns.len()), (2, 9, 0));
    let returning = run(&file.engine, "UPDATE t SET name = name || '!' RETURNING id, name").await;
    assert_eq!(returning.changes, 2);
    assert_eq!(returning.rows[1], [Value::Integer(9), text("b!")]);
    assert_eq!(run(&file.engine, "CREATE TABLE u (x)").await.changes, 0);
}

#[tokio::test]
async fn full_text_search_json_and_strict_tables_are_there() {
    let file = file(Options::default()).await;
    run(&file.engine, "CREATE VIRTUAL TABLE f USING fts5 (body)").await;
    run(&file.engine, "INSERT INTO f VALUES ('a selvage keeps threads together')").await;
    let found =
        run(&file.engine, "SELECT highlight(f, 0, '[', ']') FROM f WHERE f MATCH 'threads'").await;
    assert_eq!(found.rows, [[text("a selvage keeps [threads] together")]]);
    let json = run(&file.engine, "SELECT json_extract('{\"a\":[1,2]}', '$.a[1]')").await;
    assert_eq!(json.rows, [[Value::Integer(2)]]);
    run(&file.engine, "CREATE TABLE s (n INTEGER) STRICT").await;
    let error =
        file.engine.execute("INSERT INTO s VALUES ('x')", vec![]).await.expect_err("a type");
    assert_eq!(error.to_string(), "cannot store TEXT value in INTEGER column s.n");
}

#[tokio::test]
async fn a_result_over_the_limit_is_refused_and_its_write_undone() {
    let file = file(Options { result_bytes_max: 1 << 20, ..Options::default() }).await;
    let series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000)";
    let error = file.engine.execute(format!("{series} SELECT i FROM n"), vec![]).await;
    assert_eq!(error.expect_err("too much"), EngineError::TooLarge);
    let insert = format!("{series} INSERT INTO t (id) SELECT i FROM n RETURNING id");
    let write = file.engine.execute(insert, vec![]).await;
    assert_eq!(write.expect_err("too much"), EngineError::TooLarge);
    assert_eq!(crate::fixture::count(&file.engine).await, 0);
    let value = file.engine.execute("SELECT zeroblob(2000000)", vec![]).await;
    assert_eq!(value.expect_err("too much"), EngineError::TooLarge);
}
