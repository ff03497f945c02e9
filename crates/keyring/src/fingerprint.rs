use ambient::UnixMillis;
use database::{Database, DatabaseError, Row, Statement};

use crate::{Keyring, Purpose};

/// Why a keyring may not be used with a database.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The database was written under other keys. Nothing was changed.
    #[error(
        "the master key does not belong to this database: it was first used with another one; set master_key to that one, or start \
         with a new database"
    )]
    WrongMasterKey,
    /// A key has the id of another one that this database knows. Nothing was changed.
    #[error("the master key {id:?} is not the one that this database knows under that id")]
    Mistaken { id: String },
    #[error("the keys of the database could not be compared")]
    Database(#[from] DatabaseError),
}

struct Known {
    id: String,
    fingerprint: Vec<u8>,
}

/// Compares the ring with the database: at least one key is known to it, and none bears the id of another. A database that no key was
/// registered with yet belongs to everyone.
///
/// # Errors
/// [`KeyringError`]; the table must exist, so migrate first.
pub async fn check(database: &Database, keyring: &Keyring) -> Result<(), KeyringError> {
    missing(database, keyring).await.map(drop)
}

/// As [`check`], and adds the fingerprints of the keys that are new. Safe when many instances do it at once.
///
/// # Errors
/// [`KeyringError`].
pub async fn register(
    database: &Database,
    keyring: &Keyring,
    now: UnixMillis,
) -> Result<(), KeyringError> {
    let missing = missing(database, keyring).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let inserts = missing.into_iter().map(|key| {
        Statement::new(include_str!("../queries/insert_root_key.sql"))
            .bind(key.id)
            .bind(key.fingerprint)
            .bind(now.0)
    });
    database.batch(inserts.collect()).await?;
    // Another instance may have been first, with another ring.
    check(database, keyring).await
}

/// The keys of the ring that the database does not know.
async fn missing(database: &Database, keyring: &Keyring) -> Result<Vec<Known>, KeyringError> {
    let rows =
        database.query(Statement::new(include_str!("../queries/list_root_keys.sql"))).await?;
    let known = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut missing = Vec::new();
    let mut is_ours = known.is_empty();
    for key in keyring.iter() {
        let fingerprint = key.derive(Purpose::Fingerprint).to_vec();
        match known.iter().find(|known| known.id == key.id()) {
            Some(known) if known.fingerprint == fingerprint => is_ours = true,
            // The usual case is one key on each side, both under the default id: then it is simply the wrong one.
            Some(_) if known.len() == 1 => return Err(KeyringError::WrongMasterKey),
            Some(_) => return Err(KeyringError::Mistaken { id: key.id().to_owned() }),
            None => missing.push(Known { id: key.id().to_owned(), fingerprint }),
        }
    }
    if is_ours { Ok(missing) } else { Err(KeyringError::WrongMasterKey) }
}

fn read(row: Row<'_>) -> Result<Known, DatabaseError> {
    Ok(Known { id: row.get("id")?, fingerprint: row.get("fingerprint")? })
}
