use std::future::poll_fn;
use std::path::Path;
use std::task::{Context, Poll, ready};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::options::{Options, Synchronous};
use crate::stream::{Chunk, RowStream};
use crate::{Metrics, Value};

const CREATE: &str = "\
CREATE TABLE IF NOT EXISTS key_value (
    store TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
) STRICT, WITHOUT ROWID";
const GET: &str = "SELECT value FROM key_value WHERE store = ?1 AND key = ?2";
const EXISTS: &str = "SELECT EXISTS (SELECT 1 FROM key_value WHERE store = ?1 AND key = ?2)";
const SET: &str = "\
INSERT INTO key_value (store, key, value) VALUES (?1, ?2, ?3)
ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM key_value WHERE store = ?1 AND key = ?2";
const KEYS: &str = "SELECT key FROM key_value WHERE store = ?1 ORDER BY key";

/// A file of key-value stores, each with a name, on an engine of its own.
#[derive(Debug, Clone)]
pub struct KeyValue {
    engine: Engine,
}

impl KeyValue {
    /// The options that suit a key-value store: as in a database, what was acknowledged is on disk. Others rely on it: the rows that say
    /// what a value must be are written after it, and are never lost.
    pub fn options() -> Options {
        Options { synchronous: Synchronous::Full, ..Options::default() }
    }

    /// Opens the file at `path`, creating it and its table if need be.
    ///
    /// # Errors
    /// As [`Engine::open`], and those of creating the table.
    pub fn open(path: &Path, options: Options) -> Result<Self, EngineError> {
        Ok(Self { engine: Engine::start(path.to_owned(), options, None, CREATE)? })
    }

    /// New, empty stores that go away with this value.
    ///
    /// # Errors
    /// As [`Engine::in_memory`].
    pub fn in_memory(options: Options) -> Result<Self, EngineError> {
        Ok(Self { engine: Engine::in_memory_with(options, CREATE)? })
    }

    /// The value of `key`; `None` when there is none.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn get(&self, store: &str, key: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let result = self.engine.execute(GET, vec![text(store), text(key)]).await?;
        match result.rows.into_iter().flatten().next() {
            None => Ok(None),
            Some(Value::Blob(value)) => Ok(Some(value)),
            Some(_) => Err(damaged()),
        }
    }

    /// Makes `value` the value of `key`.
    ///
    /// # Errors
    /// See [`EngineError`]; the former value stands.
    pub async fn set(&self, store: &str, key: &str, value: Vec<u8>) -> Result<(), EngineError> {
        let parameters = vec![text(store), text(key), Value::Blob(value)];
        self.engine.execute(SET, parameters).await.map(drop)
    }

    /// Forgets `key`; that there is none is no error.
    ///
    /// # Errors
    /// See [`EngineError`]; the value stands.
    pub async fn delete(&self, store: &str, key: &str) -> Result<(), EngineError> {
        self.engine.execute(DELETE, vec![text(store), text(key)]).await.map(drop)
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn exists(&self, store: &str, key: &str) -> Result<bool, EngineError> {
        let result = self.engine.execute(EXISTS, vec![text(store), text(key)]).await?;
        match result.rows.into_iter().flatten().next() {
            Some(Value::Integer(exists)) => Ok(exists != 0),
            _ => Err(damaged()),
        }
    }

    /// All keys of a store, in the order of their bytes.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn keys(&self, store: &str) -> Result<KeyStream, EngineError> {
        let rows = self.engine.session().stream(KEYS, vec![text(store)]).await?;
        Ok(KeyStream { rows, _engine: self.engine.clone() })
    }

    /// What happened since the stores were opened.
    pub fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    /// As [`Engine::close`].
    ///
    /// # Errors
    /// As [`Engine::close`].
    pub async fn close(&self) -> Result<(), EngineError> {
        self.engine.close().await
    }
}

/// The keys of a store, in chunks.
#[derive(Debug)]
pub struct KeyStream {
    rows: RowStream,
    /// Keeps the database open while keys are on their way.
    _engine: Engine,
}

impl KeyStream {
    /// The next keys, at least one; `None` after the last.
    ///
    /// # Errors
    /// Why the keys could not be read to their end.
    pub async fn next(&mut self) -> Result<Option<Vec<String>>, EngineError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`next`](Self::next), for consumers that are polled themselves.
    pub fn poll_next(
        &mut self,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Vec<String>>, EngineError>> {
        let rows = ready!(self.rows.poll_next(context));
        let keys = |rows: Chunk| rows.into_iter().flatten().map(key).collect::<Result<_, _>>();
        Poll::Ready(rows.and_then(|rows| rows.map(keys).transpose()))
    }
}

fn key(value: Value) -> Result<String, EngineError> {
    match value {
        Value::Text(key) => Ok(key),
        _ => Err(damaged()),
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// STRICT tables do not hold other types; a file made by something else might.
fn damaged() -> EngineError {
    EngineError::Corrupt { message: "a key or value has an unexpected type".to_owned() }
}
