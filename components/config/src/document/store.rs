use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, Row, Statement};
use problem::IfMatch;
use serde_json::{Map, Value};

use crate::document::service::{SCHEMA_VERSION, SETTINGS_BYTES_MAX};
use crate::error::ConfigError;
use crate::owner::Owner;

/// What an owner's settings are made of.
#[derive(Debug)]
pub struct Layers {
    /// The platform's document, for accounts.
    pub below: Map<String, Value>,
    pub own: Map<String, Value>,
    pub version: i64,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Replace,
    Merge,
}

impl Layers {
    /// Those in a row with the columns `below`, `own` and `settings_version`.
    pub fn read(row: Row<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            below: serde_json::from_str(row.get("below")?)?,
            own: serde_json::from_str(row.get("own")?)?,
            version: row.get("settings_version")?,
        })
    }
}

/// The documents of an owner.
pub async fn find(database: &Database, owner: Owner) -> Result<Layers, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/find_settings.sql"))
        .bind(owner.to_string())
        .bind(owner.visible());
    let rows = database.query(statement).await?;
    rows.first().ok_or(ConfigError::NotFound).and_then(Layers::read)
}

/// Writes an owner's document; `false` when it is in none of the versions of `if_match`.
pub async fn write(
    database: &Database,
    owner: Owner,
    document: &str,
    write: Write,
    if_match: &IfMatch,
    recorded: Entry,
    now: UnixMillis,
) -> Result<bool, ConfigError> {
    let sql = match write {
        Write::Replace => include_str!("../../queries/put_settings.sql"),
        Write::Merge => include_str!("../../queries/patch_settings.sql"),
    };
    let statement = Statement::new(sql)
        .bind(owner.to_string())
        .bind(SCHEMA_VERSION)
        .bind(document)
        .bind(now.0)
        .bind(if_match.versions());
    match audit::commit(database, now, vec![statement], vec![recorded], When::Changed).await {
        Ok(results) => Ok(results.first().is_some_and(|rows| !rows.is_empty())),
        // What a patch makes of a document is known when the database has merged them.
        Err(error) if error.is_check("account_settings_document_size") => {
            Err(ConfigError::TooLarge { bytes_max: SETTINGS_BYTES_MAX })
        }
        Err(error) => Err(error.into()),
    }
}
