//! The body outside a component: the embedded engine, or a server that speaks Hrana.

use std::path::Path;

use engine::{Engine, Options};
use hrana::{Client, Endpoint, HyperOptions, HyperTransport, Limits, Plaintext, Secret};

use crate::{DatabaseError, Rows, Statement};

mod local;
mod remote;

/// A database file, one in memory, or one behind a server.
#[derive(Debug, Clone)]
pub struct Database {
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Local(Engine),
    Remote(Client<HyperTransport>),
}

impl Database {
    /// Opens the file at `path`, creating it when it does not exist.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when the file cannot be opened, or is no database.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        Engine::open(path, Options::default()).map(Self::from_engine).map_err(local::failure)
    }

    /// A new, empty database that lives as long as this value and its clones.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when no thread can be started for it.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Engine::in_memory(Options::default()).map(Self::from_engine).map_err(local::failure)
    }

    /// The database of an engine that is open already.
    pub fn from_engine(engine: Engine) -> Self {
        Self { body: Body::Local(engine) }
    }

    /// The database behind `url` (`libsql://`, `https://`, or `http://` on loopback). Nothing is sent before the first statement.
    ///
    /// # Errors
    /// [`DatabaseError::Address`] when the URL cannot be one of a database.
    pub fn remote(url: &str, token: Option<&str>) -> Result<Self, DatabaseError> {
        let endpoint = Endpoint::parse(url, Plaintext::LoopbackOnly)
            .map_err(|error| DatabaseError::Address { reason: error.to_string() })?;
        let transport = HyperTransport::new(HyperOptions::default())
            .map_err(|error| DatabaseError::Unavailable(Box::new(error)))?;
        let client = Client::new(transport, endpoint, token.map(Secret::new), Limits::default());
        Ok(Self { body: Body::Remote(client) })
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// See [`DatabaseError`]; nothing took effect.
    pub async fn query(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        match &self.body {
            Body::Local(engine) => local::query(engine, statement).await,
            Body::Remote(client) => remote::query(client, statement).await,
        }
    }

    /// Runs the statements in one transaction: all take effect or none does.
    ///
    /// # Errors
    /// That of the first statement that failed; nothing took effect.
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        match &self.body {
            Body::Local(engine) => local::batch(engine, statements).await,
            Body::Remote(client) => remote::batch(client, statements).await,
        }
    }

    /// Closes the file after everything in it is on disk. A remote database has nothing to close.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when the file cannot be brought to rest; what was answered before is safe all the same.
    pub async fn close(self) -> Result<(), DatabaseError> {
        match self.body {
            Body::Local(engine) => engine.close().await.map_err(local::failure),
            Body::Remote(_) => Ok(()),
        }
    }
}
