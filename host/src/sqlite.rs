//! `spin:sqlite@3.1.0` for guests: databases by name, each a local file or a remote libSQL.
//!
//! [`Databases`] lives as long as the application, [`Grant`] says which of them a component may open, a
//! [`Connection`](connection::Connection) is what a guest's `open` gives it.

mod connection;
mod guest;
pub mod metrics;
mod remote;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use engine::{Engine, EngineError, Options};
use manifest::{RuntimeConfig, SqliteDatabase};

use self::connection::Connection;
pub use self::guest::add_to_linker;
use self::remote::Server;
use crate::error::HostError;

/// The databases of the application, opened once before the first request.
pub struct Databases {
    by_name: BTreeMap<String, Database>,
}

#[derive(Clone)]
enum Database {
    Local(Engine),
    Remote(Server),
}

impl Databases {
    /// Opens every database in `names` (the union over all components) as the runtime configuration says.
    ///
    /// Two names for one file share one engine. A remote database is not contacted before its first statement.
    ///
    /// # Errors
    /// [`HostError::Storage`] naming the database that cannot be opened.
    pub fn open(config: &RuntimeConfig, names: &BTreeSet<String>) -> Result<Self, HostError> {
        let mut files: BTreeMap<PathBuf, Engine> = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for name in names {
            let failure = |reason: String| HostError::Storage {
                kind: "database",
                name: name.clone(),
                reason,
            };
            let database = match config.sqlite_databases.get(name) {
                None => {
                    return Err(failure("the runtime configuration does not define it".to_owned()));
                }
                Some(SqliteDatabase::File { path: None }) => {
                    let engine = Engine::in_memory(Options::default());
                    Database::Local(engine.map_err(|error| failure(error.to_string()))?)
                }
                Some(SqliteDatabase::File { path: Some(path) }) => {
                    let engine = match files.get(path) {
                        Some(engine) => engine.clone(),
                        None => open_file(path).map_err(|error| failure(error.to_string()))?,
                    };
                    files.insert(path.clone(), engine.clone());
                    Database::Local(engine)
                }
                Some(SqliteDatabase::Libsql { url, token }) => {
                    Database::Remote(Server::new(url.as_str(), token.expose()).map_err(failure)?)
                }
            };
            by_name.insert(name.clone(), database);
        }
        Ok(Self { by_name })
    }

    /// The view of a component whose manifest lists `names` under `sqlite_databases`.
    pub fn grant(&self, names: &[String]) -> Grant {
        let databases = names.iter().map(|name| (name.clone(), self.by_name.get(name).cloned()));
        Grant { databases: databases.collect() }
    }

    /// The engines of the local ones, by name.
    pub fn engines(&self) -> Vec<(String, Engine)> {
        let local = self.by_name.iter().filter_map(|(name, database)| match database {
            Database::Local(engine) => Some((name.clone(), engine.clone())),
            Database::Remote(_) => None,
        });
        local.collect()
    }

    /// Writes what is pending and closes every database; called once after the last request.
    pub async fn close(self) {
        for (name, database) in self.by_name {
            if let Database::Local(engine) = database
                && let Err(error) = engine.close().await
            {
                tracing::warn!(database = name, %error, "the database was not closed in order; nothing is lost");
            }
        }
    }
}

/// The databases that one component may open. Reached in a host function as `state.grants.databases`.
pub struct Grant {
    databases: BTreeMap<String, Option<Database>>,
}

/// Why a component cannot open a database.
enum Refusal {
    /// Its manifest does not list the name, whether such a database exists or not.
    AccessDenied,
    /// The name is granted, but nothing defines it.
    NoSuchDatabase,
}

impl Grant {
    fn connect(&self, name: &str) -> Result<Connection, Refusal> {
        match self.databases.get(name) {
            None => Err(Refusal::AccessDenied),
            Some(None) => Err(Refusal::NoSuchDatabase),
            Some(Some(Database::Local(engine))) => Ok(Connection::Local(engine.session())),
            Some(Some(Database::Remote(server))) => Ok(Connection::Remote(server.connect())),
        }
    }
}

/// As Spin does, makes the folders on the way; they hold data, so they are their owner's alone.
fn open_file(path: &Path) -> Result<Engine, EngineError> {
    create_folder(path).map_err(|error| EngineError::Open {
        path: path.to_owned(),
        reason: format!("its folder cannot be made: {error}"),
    })?;
    Engine::open(path, Options::default())
}

/// Makes the folder that a database file lies in, if there is none.
pub fn create_folder(file: &Path) -> std::io::Result<()> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
