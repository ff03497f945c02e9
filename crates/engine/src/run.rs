//! Runs one statement and collects what it gives.

use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{CachedStatement, Row, Statement};

use crate::connection::Connection;
use crate::error::EngineError;
use crate::metrics::Counters;

/// What a statement gave.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryResult {
    /// The names of the columns; empty for a statement that gives no rows.
    pub columns: Arc<[String]>,
    /// The rows, each with as many values as there are columns.
    pub rows: Vec<Vec<Value>>,
    /// Rows that an INSERT, UPDATE or DELETE changed directly, 0 for other statements.
    pub changes: u64,
    /// The rowid that the connection inserted last.
    ///
    /// In a [`Session`](crate::Session) it is that session's last one. Otherwise it means something after an INSERT that
    /// inserted a row into a table with rowids, and nothing after other statements.
    pub last_insert_rowid: i64,
}

impl QueryResult {
    /// Of a statement that only steers a transaction.
    pub(crate) fn empty() -> Self {
        Self { columns: Arc::from([]), rows: Vec::new(), changes: 0, last_insert_rowid: 0 }
    }
}

/// Runs `sql` to its end and collects its rows, up to `bytes_max` bytes; also tells how many bytes they are.
pub fn collect(
    connection: &Connection,
    counters: &Counters,
    sql: &str,
    parameters: &[Value],
    bytes_max: usize,
) -> Result<(QueryResult, usize), EngineError> {
    let mut statement = prepare(connection, counters, sql, parameters)?;
    let mut columns = None;
    let mut all = Vec::new();
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(|error| connection.failure(error))? {
        if columns.is_none() {
            columns = Some(column_names(row.as_ref()));
        }
        let (row, size) = read_row(row)?;
        bytes += size;
        if bytes_max < bytes {
            return Err(EngineError::TooLarge);
        }
        all.push(row);
    }
    drop(rows);
    let columns = columns.unwrap_or_else(|| column_names(&statement));
    Ok((QueryResult { columns, rows: all, changes: 0, last_insert_rowid: 0 }, bytes))
}

/// Prepares `sql` and binds its parameters.
pub fn prepare<'connection>(
    connection: &'connection Connection,
    counters: &Counters,
    sql: &str,
    parameters: &[Value],
) -> Result<CachedStatement<'connection>, EngineError> {
    Counters::add(&counters.statements);
    let (mut statement, cached) = connection.prepare(sql)?;
    if cached {
        Counters::add(&counters.statements_cached);
    }
    let expected = statement.parameter_count();
    if expected != parameters.len() {
        let message =
            format!("the statement takes {expected} parameters, {} were given", parameters.len());
        return Err(EngineError::Sqlite { code: 25, message });
    }
    for (index, parameter) in parameters.iter().enumerate() {
        statement
            .raw_bind_parameter(index + 1, parameter)
            .map_err(|error| connection.failure(error))?;
    }
    Ok(statement)
}

/// The names of a statement's columns. After a schema change they are right only once the statement has been stepped.
pub fn column_names(statement: &Statement<'_>) -> Arc<[String]> {
    statement.column_names().into_iter().map(str::to_owned).collect()
}

/// The values of a row, and about how many bytes they occupy.
pub fn read_row(row: &Row<'_>) -> Result<(Vec<Value>, usize), EngineError> {
    let statement: &Statement<'_> = row.as_ref();
    let count = statement.column_count();
    let mut values = Vec::with_capacity(count);
    let mut bytes = size_of::<Vec<Value>>() + count * size_of::<Value>();
    for index in 0..count {
        let value = match row.get_ref(index)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => {
                let Ok(text) = str::from_utf8(text) else {
                    let column = statement.column_name(index)?.to_owned();
                    return Err(EngineError::NotUtf8 { column });
                };
                Value::Text(text.to_owned())
            }
            ValueRef::Blob(blob) => Value::Blob(blob.to_owned()),
        };
        bytes += match &value {
            Value::Text(text) => text.len(),
            Value::Blob(blob) => blob.len(),
            _ => 0,
        };
        values.push(value);
    }
    Ok((values, bytes))
}
