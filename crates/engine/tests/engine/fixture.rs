use std::path::PathBuf;
use std::time::Duration;

use engine::{Engine, EngineError, Options, QueryResult, Value};
use tempfile::TempDir;

/// A database file in a folder that goes away with it.
pub struct File {
    pub engine: Engine,
    pub path: PathBuf,
    _folder: TempDir,
}

/// A database with `t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)`.
pub async fn file(options: Options) -> File {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("test.db");
    let engine = Engine::open(&path, options).expect("a new database opens");
    run(&engine, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)").await;
    File { engine, path, _folder: folder }
}

pub fn quick() -> Options {
    Options { transaction_time_max: Duration::from_millis(300), ..Options::default() }
}

/// Runs a statement that must succeed.
pub async fn run(engine: &Engine, sql: &str) -> QueryResult {
    engine.execute(sql, vec![]).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The one value that a statement gives.
pub async fn value(engine: &Engine, sql: &str) -> Value {
    run(engine, sql).await.rows[0][0].clone()
}

pub async fn count(engine: &Engine) -> i64 {
    integer(&value(engine, "SELECT count(*) FROM t").await)
}

pub fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(integer) => *integer,
        other => panic!("not an integer: {other:?}"),
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Asserts that a result is SQLite's error with this extended code and message.
#[track_caller]
pub fn assert_sqlite<T: std::fmt::Debug>(result: Result<T, EngineError>, code: i32, message: &str) {
    let expected = EngineError::Sqlite { code, message: message.to_owned() };
    assert_eq!(result.expect_err("an error"), expected);
}
