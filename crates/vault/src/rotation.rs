//! Replacing the key that wraps the keys of values.

use ambient::UnixMillis;
use database::{Database, DatabaseError, Row as DatabaseRow, Statement};
use futures::future::join_all;
use ids::{AccountId, ParseIdError};

use crate::kek::Wrapped;
use crate::{Vault, VaultError, store};

/// How many values are taken at once, and written in one transaction.
const PIECE_ROWS: u32 = 200;

/// How many keys a service is asked for at once.
const CALLS_AT_ONCE: usize = 16;

/// How often everything is looked through. What instances that were started earlier seal meanwhile is found the next time; should they
/// never stop, this does.
const PASSES_MAX: u32 = 20;

/// Why a key was not replaced or retired. What was wrapped anew is.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("the key {kek_id:?} wraps {secrets} secrets")]
    Used { kek_id: String, secrets: u64 },
    #[error("the key {kek_id:?} is the one that wraps what is new")]
    Current { kek_id: String },
    #[error("the key {kek_id:?} was retired")]
    Retired { kek_id: String },
    #[error("nothing was ever wrapped with a key {kek_id:?}")]
    Unknown { kek_id: String },
}

/// What a rotation has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotated {
    /// What wraps everything from now on.
    pub kek_id: String,
    /// How many values were found under other keys when it began.
    pub found: u64,
    /// How many of their keys were wrapped anew.
    pub rewrapped: u64,
    /// How many do not open: they are damaged.
    pub damaged: u64,
}

/// A key, as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KekStatus {
    pub id: String,
    pub created_at: UnixMillis,
    pub retired_at: Option<UnixMillis>,
    /// How many secrets it wraps.
    pub secrets: u64,
}

/// One pass over what one key wraps.
struct Pass<'a> {
    database: &'a Database,
    vault: &'a Vault,
    kek_id: &'a str,
    now: UnixMillis,
}

/// A value of which the key is to be wrapped anew. The value itself is not even read.
struct Stored {
    id: String,
    account_id: Option<AccountId>,
    wrapped_dek: Vec<u8>,
}

/// What became of the values of one piece.
struct Piece {
    statements: Vec<Statement>,
    damaged: u64,
}

/// Wraps the keys of all values with what wraps new ones, and says after each piece how far it is.
///
/// It works beside everything else: a value that is given meanwhile is never touched. It may be stopped anywhere, even killed, and run
/// again, or twice at once: each piece is a transaction, and what is done is not found again. Keys that are not configured are left alone.
///
/// # Errors
/// [`RotationError`]; values that do not open are counted and no error.
pub async fn rotate(
    database: &Database,
    vault: &Vault,
    now: UnixMillis,
    mut progress: impl FnMut(&Rotated),
) -> Result<Rotated, RotationError> {
    let kek_id = vault.current_kek_id().await?;
    database.query(store::register(&kek_id, now)).await?;
    let keks = status(database).await?;
    if keks.iter().any(|kek| kek.id == kek_id && kek.retired_at.is_some()) {
        return Err(RotationError::Retired { kek_id });
    }
    let found = keks.iter().filter(|kek| kek.id != kek_id).map(|kek| kek.secrets).sum();
    let mut rotated = Rotated { kek_id, found, ..Rotated::default() };
    progress(&rotated);
    for _ in 0..PASSES_MAX {
        let before = rotated.rewrapped;
        rotated.damaged = 0;
        for kek in status(database).await? {
            if kek.id != rotated.kek_id && vault.knows(&kek.id) {
                let pass = Pass { database, vault, kek_id: &kek.id, now };
                pass.run(&mut rotated, &mut progress).await?;
            }
        }
        if rotated.rewrapped == before {
            break;
        }
    }
    Ok(rotated)
}

/// The keys that the database knows, the oldest first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn status(database: &Database) -> Result<Vec<KekStatus>, DatabaseError> {
    let rows = database.query(Statement::new(include_str!("../queries/list_keks.sql"))).await?;
    let read = |row: DatabaseRow<'_>| -> Result<KekStatus, DatabaseError> {
        Ok(KekStatus {
            id: row.get("id")?,
            created_at: UnixMillis(row.get("created_at")?),
            retired_at: row.get::<Option<i64>>("retired_at")?.map(UnixMillis),
            secrets: row.get("secrets")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Marks a key as one that wraps nothing any more and never will, so that it may be destroyed where it is kept. One that was retired
/// already stays so.
///
/// # Errors
/// [`RotationError::Used`], [`RotationError::Current`] or [`RotationError::Unknown`] when that is not so; nothing was changed then.
pub async fn retire(
    database: &Database,
    vault: &Vault,
    kek_id: &str,
    now: UnixMillis,
) -> Result<(), RotationError> {
    if vault.current_kek_id().await? == kek_id {
        return Err(RotationError::Current { kek_id: kek_id.to_owned() });
    }
    let statement =
        Statement::new(include_str!("../queries/retire_kek.sql")).bind(kek_id).bind(now.0);
    if !database.query(statement).await?.is_empty() {
        return Ok(());
    }
    let kek_id = kek_id.to_owned();
    match status(database).await?.into_iter().find(|kek| kek.id == kek_id) {
        None => Err(RotationError::Unknown { kek_id }),
        Some(KekStatus { retired_at: Some(_), .. }) => Ok(()),
        Some(KekStatus { secrets, .. }) => Err(RotationError::Used { kek_id, secrets }),
    }
}

/// Refuses a vault that could not open everything, or whose current key was retired: for the start of a program, before it matters.
///
/// # Errors
/// [`RotationError`] with the first key for which that is so.
pub async fn check(database: &Database, vault: &Vault) -> Result<(), RotationError> {
    let statement = Statement::new(include_str!("../queries/list_kek_states.sql"));
    for row in database.query(statement).await?.iter() {
        let kek_id: String = row.get("id")?;
        if row.get("is_used")? && !vault.knows(&kek_id) {
            return Err(VaultError::UnknownKey { kek_id }.into());
        }
        if row.get("is_retired")? && vault.wraps_with(&kek_id) {
            return Err(RotationError::Retired { kek_id });
        }
    }
    Ok(())
}

impl Pass<'_> {
    async fn run(
        &self,
        rotated: &mut Rotated,
        progress: &mut impl FnMut(&Rotated),
    ) -> Result<(), RotationError> {
        let mut last = String::new();
        loop {
            let stored = self.list(&last).await?;
            let Some(end) = stored.last() else { return Ok(()) };
            last.clone_from(&end.id);
            let Piece { statements, damaged } = self.rewrap(stored, &rotated.kek_id).await?;
            rotated.damaged += damaged;
            for rows in self.database.batch(statements).await? {
                rotated.rewrapped += u64::from(!rows.is_empty());
            }
            progress(rotated);
        }
    }

    async fn rewrap(&self, stored: Vec<Stored>, current: &str) -> Result<Piece, RotationError> {
        let mut piece = Piece { statements: Vec::with_capacity(stored.len()), damaged: 0 };
        for some in stored.chunks(CALLS_AT_ONCE) {
            let calls = some.iter().map(async |stored| {
                let row = store::row(stored.account_id, &stored.id);
                self.vault.rewrap_key(&row, self.kek_id, &stored.wrapped_dek).await
            });
            for (stored, rewrapped) in some.iter().zip(join_all(calls).await) {
                match rewrapped {
                    Ok(Some(wrapped)) => {
                        // A service may have made a newer version of its key meanwhile.
                        if wrapped.kek_id != current {
                            piece.statements.push(store::register(&wrapped.kek_id, self.now));
                        }
                        piece.statements.push(replace(stored, wrapped));
                    }
                    Ok(None) => {}
                    Err(VaultError::Damaged) => piece.damaged += 1,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(piece)
    }

    async fn list(&self, after: &str) -> Result<Vec<Stored>, RotationError> {
        let statement = Statement::new(include_str!("../queries/list_secrets_of_kek.sql"))
            .bind(self.kek_id)
            .bind(after)
            .bind(PIECE_ROWS);
        let rows = self.database.query(statement).await?;
        let read = |row: DatabaseRow<'_>| -> Result<Stored, RotationError> {
            let account_id: Option<&str> = row.get("account_id")?;
            Ok(Stored {
                id: row.get("id")?,
                account_id: account_id.map(str::parse).transpose()?,
                wrapped_dek: row.get("wrapped_dek")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn replace(stored: &Stored, wrapped: Wrapped) -> Statement {
    Statement::new(include_str!("../queries/rewrap_secret.sql"))
        .bind(stored.id.as_str())
        .bind(stored.wrapped_dek.as_slice())
        .bind(wrapped.kek_id)
        .bind(wrapped.wrapped_dek)
}
