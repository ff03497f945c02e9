#![doc = include_str!("../README.md")]

mod error;

use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
pub use rusqlite::types::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use error::EngineError;

/// How an engine keeps and limits a database.
#[derive(Debug, Clone)]
pub struct Options {
    pub readers: usize,
    pub group_statements_max: usize,
    pub group_wait: Duration,
    pub transaction_time_max: Duration,
    pub result_bytes_max: usize,
    pub synchronous: Synchronous,
}

/// When a commit reaches the disk (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    Off,
    Normal,
    Full,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 2,
            group_statements_max: 128,
            group_wait: Duration::from_millis(1),
            transaction_time_max: Duration::from_secs(5),
            result_bytes_max: 128 << 20,
            synchronous: Synchronous::Full,
        }
    }
}

/// What a statement gave.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    pub columns: Arc<[String]>,
    pub rows: Vec<Vec<Value>>,
    pub changes: u64,
    pub last_insert_rowid: i64,
}

/// An open database.
#[derive(Debug, Clone)]
pub struct Engine {
    connection: Arc<Mutex<Connection>>,
}

impl Engine {
    pub fn open(path: &Path, _options: Options) -> Result<Self, EngineError> {
        let connection = Connection::open(path)
            .map_err(|e| EngineError::Open { path: path.to_owned(), reason: e.to_string() })?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    pub fn in_memory(_options: Options) -> Result<Self, EngineError> {
        let connection = Connection::open_in_memory()?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    pub async fn execute(&self, sql: impl Into<String>, parameters: Vec<Value>) -> Result<QueryResult, EngineError> {
        run(&*self.connection.lock().await, &sql.into(), parameters)
    }

    pub async fn batch(&self, statements: Vec<(String, Vec<Value>)>) -> Result<Vec<QueryResult>, EngineError> {
        let connection = self.connection.lock().await;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let results: Result<Vec<_>, _> =
            statements.into_iter().map(|(sql, parameters)| run(&connection, &sql, parameters)).collect();
        let end = connection.execute_batch(if results.is_ok() { "COMMIT" } else { "ROLLBACK" });
        if let Err(error) = end {
            connection.execute_batch("ROLLBACK")?;
            return Err(error.into());
        }
        results
    }

    pub fn session(&self) -> Session {
        Session { engine: self.clone(), pinned: Mutex::new(None), rowid: AtomicI64::new(0), changes: AtomicU64::new(0) }
    }

    pub async fn close(self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// One client's view of the database.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    pinned: Mutex<Option<OwnedMutexGuard<Connection>>>,
    rowid: AtomicI64,
    changes: AtomicU64,
}

impl Session {
    pub async fn execute(&self, sql: impl Into<String>, parameters: Vec<Value>) -> Result<QueryResult, EngineError> {
        let mut pinned = self.pinned.lock().await;
        let connection = match pinned.take() {
            Some(connection) => connection,
            None => Arc::clone(&self.engine.connection).lock_owned().await,
        };
        let result = run(&connection, &sql.into(), parameters);
        if !connection.is_autocommit() {
            *pinned = Some(connection);
        }
        let result = result?;
        self.rowid.store(result.last_insert_rowid, Ordering::Relaxed);
        self.changes.store(result.changes, Ordering::Relaxed);
        Ok(result)
    }

    pub async fn stream(&self, sql: impl Into<String>, parameters: Vec<Value>) -> Result<RowStream, EngineError> {
        let result = self.execute(sql, parameters).await?;
        Ok(RowStream { columns: result.columns, rows: result.rows })
    }

    pub fn last_insert_rowid(&self) -> i64 {
        self.rowid.load(Ordering::Relaxed)
    }

    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.pinned.get_mut() {
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
}

/// The rows of a statement, in chunks.
#[derive(Debug)]
pub struct RowStream {
    columns: Arc<[String]>,
    rows: Vec<Vec<Value>>,
}

impl RowStream {
    pub fn columns(&self) -> &Arc<[String]> {
        &self.columns
    }

    /// The next rows, at least one; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<Value>>>, EngineError> {
        let rows = std::mem::take(&mut self.rows);
        Ok((!rows.is_empty()).then_some(rows))
    }
}

fn run(connection: &Connection, sql: &str, parameters: Vec<Value>) -> Result<QueryResult, EngineError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut all = Vec::new();
    let count = rows.as_ref().map_or(0, rusqlite::Statement::column_count);
    while let Some(row) = rows.next()? {
        all.push((0..count).map(|index| row.get(index)).collect::<Result<_, _>>()?);
    }
    drop(rows);
    let columns = statement.column_names().into_iter().map(str::to_owned).collect();
    Ok(QueryResult {
        columns,
        rows: all,
        changes: connection.changes(),
        last_insert_rowid: connection.last_insert_rowid(),
    })
}
