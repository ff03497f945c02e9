//! One connection through either half of spin:sqlite: the functions that block and those that do not.

use guest_http::Request;
use spin_sdk::sqlite::wit::sqlite::Connection as Raw;
use spin_sdk::sqlite::{Error, RowResult, Value};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader};

/// Which half of the interface is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Sync,
    Async,
}

impl Mode {
    /// `mode=sync` asks for the blocking functions.
    pub fn of(request: &Request) -> Self {
        match guest_http::parameter(request, "mode").as_deref() {
            Some("sync") => Self::Sync,
            _ => Self::Async,
        }
    }
}

/// Columns, the rows as they come, and whether all of them came.
pub type Streamed = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

pub struct Connection {
    raw: Raw,
    mode: Mode,
}

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "it tests the interface itself")]
    pub async fn open(mode: Mode, name: &str) -> Result<Self, Error> {
        let raw = match mode {
            Mode::Sync => Raw::open(name)?,
            Mode::Async => Raw::open_async(name.to_owned()).await?,
        };
        Ok(Self { raw, mode })
    }

    /// The columns and all rows of one statement.
    pub async fn execute(
        &self,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<(Vec<String>, Vec<RowResult>), Error> {
        match self.mode {
            Mode::Sync => {
                let result = self.raw.execute(sql, &parameters)?;
                Ok((result.columns, result.rows))
            }
            Mode::Async => {
                let (columns, rows, result) = self.stream(sql, parameters).await?;
                let rows = rows.collect().await;
                result.await?;
                Ok((columns, rows))
            }
        }
    }

    /// One statement whose rows the caller reads; always through the half that does not block.
    pub async fn stream(&self, sql: &str, parameters: Vec<Value>) -> Result<Streamed, Error> {
        self.raw.execute_async(sql.to_owned(), parameters).await
    }

    pub async fn last_insert_rowid(&self) -> i64 {
        match self.mode {
            Mode::Sync => self.raw.last_insert_rowid(),
            Mode::Async => self.raw.last_insert_rowid_async().await,
        }
    }

    pub async fn changes(&self) -> u64 {
        match self.mode {
            Mode::Sync => self.raw.changes(),
            Mode::Async => self.raw.changes_async().await,
        }
    }
}
