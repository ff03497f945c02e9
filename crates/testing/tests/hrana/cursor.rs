use hrana::{Cursor, HranaError, HyperTransport, Limits, Value};

use crate::{all_streams_close, client, client_with, server};

const SERIES: &str = "
    WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ?1)
    SELECT n, printf('row %d', n) AS text FROM series";

async fn read(mut cursor: Cursor<HyperTransport>) -> Result<Vec<Vec<Value>>, HranaError> {
    let mut all = Vec::new();
    while let Some(rows) = cursor.next_rows().await? {
        all.extend(rows);
    }
    Ok(all)
}

#[tokio::test]
async fn a_large_result_streams_past_every_limit_on_size() {
    let server = server().await;
    // Far below the size of the result, and above that of a chunk.
    let limits = Limits { response_bytes_max: 256 * 1024, ..Limits::default() };
    let client = client_with(&server, None, limits);
    let cursor = client.cursor(SERIES, vec![Value::Integer(100_000)]).await.unwrap();
    assert_eq!(cursor.columns(), ["n", "text"]);
    let rows = read(cursor).await.unwrap();
    assert_eq!(rows.len(), 100_000);
    assert_eq!(rows[99_999], [Value::Integer(100_000), Value::from("row 100000")]);
    all_streams_close(&server).await;
}

#[tokio::test]
async fn a_cursor_that_is_dropped_stops_the_server() {
    let server = server().await;
    let client = client(&server);
    let mut cursor = client.cursor(SERIES, vec![Value::Integer(i64::MAX)]).await.unwrap();
    assert!(cursor.next_rows().await.unwrap().is_some());
    assert_eq!(server.open_streams(), 1);
    drop(cursor);
    all_streams_close(&server).await;
}

#[tokio::test]
async fn a_statement_that_fails_gives_its_error_before_or_between_rows() {
    let server = server().await;
    let client = client(&server);
    let error = client.cursor("SELECT * FROM missing", vec![]).await.unwrap_err();
    assert_eq!(error.to_string(), "no such table: missing");
    let sql = "
        SELECT n, CASE n WHEN 3 THEN abs(-9223372036854775807 - 1) ELSE n END
        FROM (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3)";
    let cursor = client.cursor(sql, vec![]).await.unwrap();
    assert_eq!(read(cursor).await.unwrap_err().to_string(), "integer overflow");
}
