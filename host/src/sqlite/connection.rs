//! What a guest's handle stands for.

use engine::{EngineError, QueryResult, Session, Value};
use hrana::HranaError;

use super::remote::RemoteConnection;
use super::rows::Rows;

/// One guest's connection. Dropping it rolls back a transaction that is open.
pub enum Connection {
    Local(Session),
    Remote(RemoteConnection),
}

/// Why a statement failed.
#[derive(Debug)]
pub enum StatementError {
    /// There is no room for more data.
    Full,
    /// Anything else, in words for the guest's author.
    Other(String),
}

/// What a statement gave, all of it.
pub struct Collected {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

impl Connection {
    /// Runs one statement and collects its rows.
    pub async fn execute(
        &self,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<Collected, StatementError> {
        match self {
            Self::Local(session) => {
                let QueryResult { columns, rows, .. } = session.execute(sql, parameters).await?;
                Ok(Collected { columns: columns.to_vec(), rows })
            }
            Self::Remote(remote) => Ok(remote.execute(sql, parameters).await?),
        }
    }

    /// Runs one statement and gives its columns and its rows as they come.
    pub async fn stream(
        &self,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<(Vec<String>, Rows), StatementError> {
        match self {
            Self::Local(session) => {
                let stream = session.stream(sql, parameters).await?;
                Ok((stream.columns().to_vec(), Rows::Streamed(stream)))
            }
            Self::Remote(remote) => {
                let Collected { columns, rows } = remote.execute(sql, parameters).await?;
                Ok((columns, Rows::Collected(rows)))
            }
        }
    }

    /// The rowid that this connection inserted last.
    pub fn last_insert_rowid(&self) -> i64 {
        match self {
            Self::Local(session) => session.last_insert_rowid(),
            Self::Remote(remote) => remote.last_insert_rowid(),
        }
    }

    /// The rows that this connection's last INSERT, UPDATE or DELETE changed.
    pub fn changes(&self) -> u64 {
        match self {
            Self::Local(session) => session.changes(),
            Self::Remote(remote) => remote.changes(),
        }
    }
}

impl From<EngineError> for StatementError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Full => Self::Full,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<HranaError> for StatementError {
    fn from(error: HranaError) -> Self {
        match &error {
            HranaError::Rejected { code, .. } if code.starts_with("SQLITE_FULL") => Self::Full,
            // The reason of a broken connection stands in its source.
            HranaError::Transport { source } => Self::Other(format!("{error}: {source}")),
            _ => Self::Other(error.to_string()),
        }
    }
}
