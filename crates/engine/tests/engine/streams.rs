use std::time::{Duration, Instant};

use engine::{EngineError, Options, RowStream, Value};

use crate::fixture::{count, file, run};

const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT i, 'row ' || i AS text FROM n";
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
const SILENT: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0";

async fn drain(mut stream: RowStream) -> Result<Vec<Vec<Value>>, EngineError> {
    let mut rows = Vec::new();
    while let Some(chunk) = stream.next().await? {
        assert!(!chunk.is_empty() && chunk.len() <= 256, "a chunk of {}", chunk.len());
        rows.extend(chunk);
    }
    assert_eq!(stream.next().await, Ok(None));
    Ok(rows)
}

#[tokio::test]
async fn two_hundred_thousand_rows_come_in_order_and_in_chunks() {
    let file = file(Options { result_bytes_max: 1 << 20, ..Options::default() }).await;
    let stream = file.engine.session().stream(MANY, vec![]).await.expect("a stream");
    assert_eq!(stream.columns().as_ref(), ["i", "text"]);
    let rows = drain(stream).await.expect("all rows");
    assert_eq!(rows.len(), 200_000);
    assert!(rows.iter().zip(1_i64..).all(|(row, number)| row[0] == Value::Integer(number)));
    assert_eq!(rows[199_999][1], Value::Text("row 200000".to_owned()));
}

#[tokio::test]
async fn an_empty_result_has_columns_and_errors_come_before_the_stream() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    let stream = session.stream("SELECT id, name FROM t", vec![]).await.expect("a stream");
    assert_eq!(stream.columns().as_ref(), ["id", "name"]);
    assert_eq!(drain(stream).await.expect("no rows").len(), 0);
    let error = session.stream("SELECT * FROM nowhere", vec![]).await.expect_err("no table");
    assert_eq!(error.to_string(), "no such table: nowhere");
    let overflow = "SELECT abs(-9223372036854775808)";
    let error = session.stream(overflow, vec![]).await.expect_err("in the first row");
    assert_eq!(error.to_string(), "integer overflow");
    let late = format!("SELECT abs(iif(i = 5000, -9223372036854775808, i)) FROM ({MANY})");
    let mut late = session.stream(late, vec![]).await.expect("a stream");
    let mut rows = 0;
    let error = loop {
        match late.next().await {
            Ok(chunk) => rows += chunk.expect("no end without the error").len(),
            Err(error) => break error,
        }
    };
    assert_eq!((error.to_string().as_str(), late.next().await), ("integer overflow", Ok(None)));
    assert!((4096..5000).contains(&rows), "{rows} rows before the error");
}

/// A few rows are read where they are asked for, many by a reader. Either way the whole chunks ahead of a failure come first, and where there is
/// none the failure comes in place of the stream.
#[tokio::test]
async fn what_comes_ahead_of_a_failure_is_a_matter_of_rows_and_not_of_time() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?1 + 1) SELECT iif(?1 < i, abs(-9223372036854775807 - 1), i) FROM n";
    for (before, given) in [(0, 0), (255, 0), (256, 256), (600, 512), (20_480, 20_480)] {
        let mut rows = 0;
        let error = match session.stream(sql, vec![Value::Integer(before)]).await {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Ok(chunk) => rows += chunk.expect("no end without the error").len(),
                    Err(error) => break error,
                }
            },
            Err(error) => error,
        };
        assert_eq!((error.to_string().as_str(), rows), ("integer overflow", given), "{before}");
    }
}

#[tokio::test]
async fn writes_and_transactions_stream_what_they_collected() {
    let file = file(Options::default()).await;
    let session = file.engine.session();
    let insert = format!("INSERT INTO t (id) SELECT i FROM ({MANY}) WHERE i <= 1000 RETURNING id");
    let stream = session.stream(insert, vec![]).await.expect("a stream");
    assert_eq!(drain(stream).await.expect("rows").len(), 1000);
    session.execute("BEGIN", vec![]).await.expect("the writer");
    session.execute("INSERT INTO t (id) VALUES (5000)", vec![]).await.expect("an insert");
    let stream = session.stream("SELECT id FROM t", vec![]).await.expect("a stream");
    // Between two chunks of it the session may do something else.
    session.execute("DELETE FROM t", vec![]).await.expect("a delete");
    assert_eq!(drain(stream).await.expect("rows").len(), 1001);
    session.execute("ROLLBACK", vec![]).await.expect("a rollback");
    assert_eq!(count(&file.engine).await, 1000);
}

#[tokio::test]
async fn an_abandoned_stream_and_an_abandoned_query_free_their_reader() {
    let file = file(Options { readers: 1, readers_max: 1, ..Options::default() }).await;
    let session = file.engine.session();
    for _ in 0..20 {
        let mut stream = session.stream(ENDLESS, vec![]).await.expect("a stream");
        assert!(stream.next().await.expect("rows").is_some());
        drop(stream);
        // Computes without ever giving a row.
        let silent = session.stream(SILENT, vec![]);
        tokio::time::timeout(Duration::from_millis(20), silent).await.expect_err("no row ever");
        let silent = file.engine.execute(SILENT, vec![]);
        tokio::time::timeout(Duration::from_millis(20), silent).await.expect_err("no row ever");
    }
    let started = Instant::now();
    run(&file.engine, "SELECT 1").await;
    assert!(started.elapsed() < Duration::from_secs(5), "waited {:?}", started.elapsed());
}

#[tokio::test]
async fn consumers_that_stall_hold_up_nobody_and_are_ended() {
    let options =
        Options { readers: 2, stall_time_max: Duration::from_millis(500), ..Options::default() };
    let file = file(options).await;
    let session = file.engine.session();
    let mut stalled = Vec::new();
    for _ in 0..20 {
        stalled.push(session.stream(ENDLESS, vec![]).await.expect("a stream"));
    }
    run(&file.engine, "SELECT 1").await;
    assert!(2 < file.engine.metrics().readers, "{:?}", file.engine.metrics());
    tokio::time::sleep(Duration::from_secs(1)).await;
    for stream in stalled {
        assert_eq!(drain(stream).await.expect_err("ended"), EngineError::TimeLimit);
    }
    run(&file.engine, "SELECT 1").await;
    // Those that were added end by themselves.
    let ended = async {
        while 3 < file.engine.metrics().readers {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_mins(1), ended).await;
    assert!(ended.is_ok(), "{:?}", file.engine.metrics());
}

#[tokio::test]
async fn a_query_that_computes_for_too_long_is_interrupted_and_a_slow_reader_is_not() {
    let file =
        file(Options { statement_time_max: Duration::from_millis(300), ..Options::default() })
            .await;
    let error = file.engine.execute(SILENT, vec![]).await.expect_err("no end");
    assert_eq!(error, EngineError::TimeLimit);
    let session = file.engine.session();
    let error = session.stream(SILENT, vec![]).await.expect_err("no end");
    assert_eq!(error, EngineError::TimeLimit);
    let endless = format!("INSERT INTO t (id) {ENDLESS}");
    let error = file.engine.execute(endless, vec![]).await.expect_err("no end");
    assert_eq!(error, EngineError::TimeLimit);
    assert_eq!(count(&file.engine).await, 0);

    let mut stream = session.stream(MANY, vec![]).await.expect("a stream");
    let mut rows = 0;
    while let Some(chunk) = stream.next().await.expect("rows") {
        if rows % 51_200 == 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        rows += chunk.len();
    }
    assert_eq!(rows, 200_000);
}

#[tokio::test]
async fn a_stream_is_a_snapshot_and_does_not_block_writers() {
    let file = file(Options::default()).await;
    run(&file.engine, &format!("INSERT INTO t (id) SELECT i FROM ({MANY}) WHERE i <= 5000")).await;
    let mut stream =
        file.engine.session().stream("SELECT id FROM t", vec![]).await.expect("a stream");
    let first = stream.next().await.expect("rows").expect("some rows").len();
    run(&file.engine, "DELETE FROM t").await;
    assert_eq!(count(&file.engine).await, 0);
    assert_eq!(first + drain(stream).await.expect("rows").len(), 5000);
}
