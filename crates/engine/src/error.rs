use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why a statement, a batch or an opening failed.
///
/// Unless a variant says otherwise nothing of the failed statement or batch took effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// SQLite refused the statement. `code` is the extended result code (<https://sqlite.org/rescode.html>), `message` is
    /// SQLite's own, e.g. `UNIQUE constraint failed: user.email`.
    #[error("{message}")]
    Sqlite { code: i32, message: String },
    /// Another process held the database for longer than `Options::busy_time_max`.
    #[error("the database is busy: another process is writing to it")]
    Busy,
    /// The disk or the database's size limit is full.
    #[error("the disk that holds the database is full")]
    Full,
    /// The operating system failed to read or write the file. `message` is SQLite's own.
    #[error("reading or writing the database file failed: {message}")]
    Io { message: String },
    /// The file is no database, or parts of it are damaged.
    #[error("the database file is damaged or no database: {message}")]
    Corrupt { message: String },
    /// The file could not be opened; `reason` says why and is written for the operator.
    #[error("cannot open the database {}: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    /// The session's transaction was open for longer than `Options::transaction_time_max` and has been rolled back.
    #[error("the transaction was open for too long and has been rolled back")]
    TransactionTimeout,
    /// The statement ran, or its reader paused, for longer than the options allow.
    #[error("the statement took too long and was interrupted")]
    TimeLimit,
    /// The result is larger than `Options::result_bytes_max`.
    #[error("the result is too large")]
    TooLarge,
    /// The text holds more than one statement; SQLite would silently run the first one only.
    #[error("the text holds more than one SQL statement: send one at a time, or a batch")]
    MultipleStatements,
    /// A statement that would reach out of this database or change how it is kept safe.
    #[error("not allowed: {what}")]
    Denied { what: String },
    /// A column holds TEXT that is not UTF-8.
    #[error("column `{column}` holds text that is not UTF-8: read it with CAST(… AS BLOB)")]
    NotUtf8 { column: String },
    /// More statements wait than `Options::queue_max` allows.
    #[error("the database has too much to do: try again later")]
    Overloaded,
    /// The engine was closed.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for EngineError {
    fn from(error: rusqlite::Error) -> Self {
        let (code, message) = match error {
            rusqlite::Error::SqliteFailure(error, message) => {
                (error, message.unwrap_or_else(|| error.to_string()))
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg),
            other => return Self::Sqlite { code: 1, message: other.to_string() },
        };
        match code.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DiskFull => Self::Full,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                Self::Io { message }
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt { message },
            ErrorCode::OperationInterrupted => Self::TimeLimit,
            ErrorCode::TooBig => Self::TooLarge,
            _ => Self::Sqlite { code: code.extended_code, message },
        }
    }
}
