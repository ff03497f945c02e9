//! One connection to the database, and a statement on it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use libsql_hrana::proto;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, Statement, ToSql};

use super::analysis::{self, Kind};
use super::failure::Failure;

/// How long a writer waits for another.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// A connection of a stream. Dropping it rolls back what is not committed.
#[derive(Debug)]
pub struct Connection(rusqlite::Connection);

/// Takes what a statement gives, piece by piece.
pub trait Output {
    fn columns(&mut self, columns: Vec<proto::Col>) -> Result<(), Failure>;
    fn row(&mut self, row: proto::Row) -> Result<(), Failure>;
}

/// What is known after the last row.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub affected_row_count: u64,
    pub last_insert_rowid: Option<i64>,
}

/// A statement whose text has been looked up and judged.
#[derive(Debug)]
pub struct Query<'a> {
    pub sql: &'a str,
    pub kind: Kind,
    pub stmt: &'a proto::Stmt,
}

impl Connection {
    pub fn open(path: &Path, durable: bool) -> anyhow::Result<Self> {
        let connection =
            rusqlite::Connection::open(path).context("the database cannot be opened")?;
        connection.busy_timeout(BUSY_MAX)?;
        let synchronous = if durable { "FULL" } else { "OFF" };
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON;"
            ))
            .context("the database cannot be set up")?;
        Ok(Self(connection))
    }

    pub fn is_autocommit(&self) -> bool {
        self.0.is_autocommit()
    }

    /// Runs one statement to its end.
    pub fn run(&self, query: &Query<'_>, output: &mut impl Output) -> Result<Done, Failure> {
        let mut statement = self.0.prepare(query.sql).map_err(failure)?;
        bind(&mut statement, query.stmt)?;
        let columns = columns(&statement);
        let width = columns.len();
        output.columns(columns)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failure)? {
            if query.stmt.want_rows.unwrap_or(true) {
                let values = (0..width).map(|column| value(row.get_ref(column).map_err(failure)?));
                output.row(proto::Row { values: values.collect::<Result<_, _>>()? })?;
            }
        }
        let counts = matches!(query.kind, Kind::Insert | Kind::UpdateOrDelete);
        Ok(Done {
            affected_row_count: if counts { self.0.changes() } else { 0 },
            last_insert_rowid: (query.kind == Kind::Insert).then(|| self.0.last_insert_rowid()),
        })
    }

    /// Runs every statement of `sql`, up to the first that fails, and drops their rows.
    pub fn sequence(&self, sql: &str) -> Result<(), Failure> {
        let mut batch = rusqlite::Batch::new(&self.0, sql);
        while let Some(mut statement) = batch.next().map_err(failure)? {
            let mut rows = statement.raw_query();
            while rows.next().map_err(failure)?.is_some() {}
        }
        Ok(())
    }

    pub fn describe(&self, sql: &str) -> Result<proto::DescribeResult, Failure> {
        analysis::single(sql)?;
        let statement = self.0.prepare(sql).map_err(failure)?;
        let params = (1..=statement.parameter_count())
            .map(|index| proto::DescribeParam {
                name: statement.parameter_name(index).map(str::to_owned),
            })
            .collect();
        let cols = columns(&statement)
            .into_iter()
            .map(|column| proto::DescribeCol {
                name: column.name.unwrap_or_default(),
                decltype: column.decltype,
            })
            .collect();
        Ok(proto::DescribeResult {
            params,
            cols,
            is_explain: statement.is_explain() != 0,
            is_readonly: statement.readonly(),
        })
    }
}

fn columns(statement: &Statement<'_>) -> Vec<proto::Col> {
    let column = |column: &rusqlite::Column<'_>| proto::Col {
        name: Some(column.name().to_owned()),
        decltype: column.decl_type().map(str::to_owned),
    };
    statement.columns().iter().map(column).collect()
}

/// Gives every parameter its value. All must have one, and all values must have a parameter.
fn bind(statement: &mut Statement<'_>, stmt: &proto::Stmt) -> Result<(), Failure> {
    let invalid = |reason: String| {
        let message = format!("Arguments do not match SQL parameters: {reason}");
        Failure::statement("ARGS_INVALID", message)
    };
    let (count, given) = (statement.parameter_count(), stmt.args.len() + stmt.named_args.len());
    if count < given {
        return Err(invalid(format!("too many parameters, expected {count} found {given}")));
    }
    for index in 1..=count {
        let name = statement.parameter_name(index).map(str::to_owned);
        let position = match name.as_deref().and_then(|name| name.strip_prefix('?')) {
            Some(number) => number.parse().unwrap_or(index),
            None => index,
        };
        let value = match &name {
            Some(name) if !stmt.named_args.is_empty() => named(stmt, name),
            _ => stmt.args.get(position - 1),
        };
        let Some(value) = value else {
            let parameter = name.unwrap_or_else(|| index.to_string());
            return Err(invalid(format!("value for parameter {parameter} not found")));
        };
        statement.raw_bind_parameter(index, Bound(value)).map_err(failure)?;
    }
    Ok(())
}

/// The argument of a named parameter, which may be given with or without its `:`, `@` or `$`.
fn named<'a>(stmt: &'a proto::Stmt, parameter: &str) -> Option<&'a proto::Value> {
    let bare = parameter.trim_start_matches([':', '@', '$']);
    let named = stmt.named_args.iter();
    named.filter(|arg| arg.name == parameter || arg.name == bare).map(|arg| &arg.value).next()
}

struct Bound<'a>(&'a proto::Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            proto::Value::None | proto::Value::Null => ValueRef::Null,
            proto::Value::Integer { value } => ValueRef::Integer(*value),
            proto::Value::Float { value } => ValueRef::Real(*value),
            proto::Value::Text { value } => ValueRef::Text(value.as_bytes()),
            proto::Value::Blob { value } => ValueRef::Blob(value),
        }))
    }
}

fn value(value: ValueRef<'_>) -> Result<proto::Value, Failure> {
    Ok(match value {
        ValueRef::Null => proto::Value::Null,
        ValueRef::Integer(value) => proto::Value::Integer { value },
        ValueRef::Real(value) => proto::Value::Float { value },
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text)
                .map_err(|_| Failure::statement("SQLITE_UNKNOWN", "a text is not valid UTF-8"))?;
            proto::Value::Text { value: text.into() }
        }
        ValueRef::Blob(blob) => proto::Value::Blob { value: blob.to_vec().into() },
    })
}

/// SQLite's error in the words and codes of the server.
fn failure(error: rusqlite::Error) -> Failure {
    match error {
        rusqlite::Error::SqliteFailure(cause, message) => {
            let message = message.unwrap_or_else(|| cause.to_string());
            Failure::statement(code(cause.code), format!("SQLite error: {message}"))
        }
        rusqlite::Error::SqlInputError { msg, offset, .. } => Failure::statement(
            "SQL_INPUT_ERROR",
            format!("SQL input error: {msg} (at offset {offset})"),
        ),
        other => Failure::statement("SQLITE_UNKNOWN", format!("SQLite error: {other}")),
    }
}

fn code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InternalMalfunction => "SQLITE_INTERNAL",
        ErrorCode::PermissionDenied => "SQLITE_PERM",
        ErrorCode::OperationAborted => "SQLITE_ABORT",
        ErrorCode::DatabaseBusy => "SQLITE_BUSY",
        ErrorCode::DatabaseLocked => "SQLITE_LOCKED",
        ErrorCode::OutOfMemory => "SQLITE_NOMEM",
        ErrorCode::ReadOnly => "SQLITE_READONLY",
        ErrorCode::OperationInterrupted => "SQLITE_INTERRUPT",
        ErrorCode::SystemIoFailure => "SQLITE_IOERR",
        ErrorCode::DatabaseCorrupt => "SQLITE_CORRUPT",
        ErrorCode::DiskFull => "SQLITE_FULL",
        ErrorCode::CannotOpen => "SQLITE_CANTOPEN",
        ErrorCode::SchemaChanged => "SQLITE_SCHEMA",
        ErrorCode::TooBig => "SQLITE_TOOBIG",
        ErrorCode::ConstraintViolation => "SQLITE_CONSTRAINT",
        ErrorCode::TypeMismatch => "SQLITE_MISMATCH",
        ErrorCode::ApiMisuse => "SQLITE_MISUSE",
        ErrorCode::AuthorizationForStatementDenied => "SQLITE_AUTH",
        ErrorCode::ParameterOutOfRange => "SQLITE_RANGE",
        ErrorCode::NotADatabase => "SQLITE_NOTADB",
        _ => "SQLITE_UNKNOWN",
    }
}
