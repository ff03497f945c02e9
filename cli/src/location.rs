//! Where a database is.

use std::env::VarError;
use std::fmt;
use std::path::{Path, PathBuf};

use database::{Database, DatabaseError};
use zeroize::Zeroizing;

use crate::arguments::DatabaseChoice;
use crate::error::CliError;

/// The database file in the state directory.
const DATABASE_FILE: &str = "selvage.db";

/// The environment variables that hold the token of a remote database. The first that is set counts.
const TOKENS: [&str; 2] = ["SELVAGE_DATABASE_TOKEN", "SPIN_VARIABLE_DATABASE_TOKEN"];

/// A database file, or a libSQL server. Displays without the token.
#[derive(Clone)]
pub enum Location {
    File(PathBuf),
    Remote { url: String, token: Zeroizing<String> },
}

impl Location {
    /// The database that the arguments name, or that of the state directory.
    ///
    /// # Errors
    /// As for [`Location::parse`].
    pub fn chosen(choice: &DatabaseChoice) -> Result<Self, CliError> {
        match &choice.database {
            Some(database) => Self::parse(database),
            None => Ok(Self::File(choice.state_dir.join(DATABASE_FILE))),
        }
    }

    /// Reads what `--database` was given. What has a scheme is a URL, everything else is a path.
    ///
    /// # Errors
    /// [`CliError::DatabaseUrl`] when the URL is none of a database, or holds a token: arguments can be read by every user of the machine.
    pub fn parse(text: &str) -> Result<Self, CliError> {
        if text.contains("://") {
            Self::remote(text, &token()?)
        } else {
            Ok(Self::File(PathBuf::from(text)))
        }
    }

    /// A libSQL server; an empty token is none.
    ///
    /// # Errors
    /// [`CliError::DatabaseUrl`] as for [`Location::parse`].
    pub fn remote(url: &str, token: &str) -> Result<Self, CliError> {
        match Database::remote(url, None) {
            // The sentence never repeats a part of the URL that could be a token, as naming the database would.
            Err(DatabaseError::Address { reason }) => Err(CliError::DatabaseUrl(reason)),
            _ => Ok(Self::Remote { url: url.to_owned(), token: token.to_owned().into() }),
        }
    }

    /// Opens the database, and makes the file when it does not exist.
    ///
    /// # Errors
    /// [`CliError::DatabaseDirectory`] when there is no directory for the file; [`CliError::Database`] when it cannot be opened. A server is
    /// not asked before the first statement.
    pub fn open(&self) -> Result<Database, CliError> {
        let opened = match self {
            Self::File(path) => {
                let directory = path.parent().filter(|parent| *parent != Path::new(""));
                if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
                    return Err(CliError::DatabaseDirectory { path: directory.to_owned() });
                }
                Database::open(path)
            }
            Self::Remote { url, token } => {
                Database::remote(url, Some(token.as_str()).filter(|token| !token.is_empty()))
            }
        };
        opened.map_err(|source| CliError::Database { database: self.to_string(), source })
    }

    /// Opens the database for a command that must not make one: a file that does not exist yet is read as the empty database that it
    /// would be.
    ///
    /// # Errors
    /// [`CliError::Database`].
    pub fn open_existing(&self) -> Result<Database, CliError> {
        if self.exists() {
            return self.open();
        }
        Database::in_memory()
            .map_err(|source| CliError::Database { database: self.to_string(), source })
    }

    /// Whether there is something to open. A server is taken to be there.
    pub fn exists(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Remote { .. } => true,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Remote { url, .. } => f.write_str(url),
        }
    }
}

fn token() -> Result<Zeroizing<String>, CliError> {
    for name in TOKENS {
        #[expect(clippy::disallowed_methods, reason = "the command line is the edge")]
        match std::env::var(name) {
            Ok(token) => return Ok(token.into()),
            Err(VarError::NotPresent) => {}
            Err(VarError::NotUnicode(_)) => {
                return Err(CliError::DatabaseUrl(format!("{name} is not valid UTF-8")));
            }
        }
    }
    Ok(Zeroizing::default())
}
