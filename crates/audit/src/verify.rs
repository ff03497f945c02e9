use database::{Database, DatabaseError};
use keyring::Keyring;

use crate::chain::{Fields, hash};
use crate::checkpoint::{self, Checkpoint};
use crate::commit::Last;
use crate::store;

const PAGE: u32 = 500;

/// The end of a log that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub seq: i64,
    /// The hash of the last one; all zero for a log without entries.
    pub hash: [u8; 32],
}

/// Why a log is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The entry is not the one that was written, or not after the one that it was written after.
    #[error("entry {seq} of the log of {log} is missing or was changed")]
    Broken { log: String, seq: i64 },
    /// Entries that a checkpoint was made after are not there.
    #[error("the log of {log} ends before entry {seq}, up to which it was signed")]
    Truncated { log: String, seq: i64 },
    /// The entries fit together, but are not those that were signed.
    #[error("the log of {log} is not the one that checkpoint {number} was made of")]
    Rewritten { log: String, number: i64 },
    #[error("checkpoint {number} of the log of {log} has no valid signature")]
    Forged { log: String, number: i64 },
    #[error("checkpoint {number} of the log of {log} is missing")]
    Gap { log: String, number: i64 },
    #[error("a checkpoint was signed under the root key {id:?}, which the ring does not have")]
    UnknownKey { id: String },
    #[error("the log could not be read")]
    Database(#[from] DatabaseError),
}

/// The names of all logs: ids of accounts, and [`crate::PLATFORM`].
///
/// # Errors
/// [`DatabaseError`].
pub async fn logs(database: &Database) -> Result<Vec<String>, DatabaseError> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().map_or("", String::as_str);
        let page = store::list_logs(database, after, PAGE).await?;
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page);
    }
}

/// A log whose chain and checkpoints are as they were written.
#[derive(Debug, Clone)]
pub struct Verified {
    pub log: String,
    pub head: Head,
    /// What of the log is signed; the entries after it are only chained.
    pub newest: Option<Checkpoint>,
    checkpoints: Vec<Checkpoint>,
}

impl Verified {
    /// Whether the log still has what a checkpoint was made of that was kept elsewhere.
    ///
    /// # Errors
    /// [`AuditError::Truncated`] when it ends before, [`AuditError::Rewritten`] when it is another one.
    pub fn covers(&self, kept: &Checkpoint) -> Result<(), AuditError> {
        let Checkpoint { log, number, seq, hash, .. } = kept;
        if self.head.seq < *seq {
            return Err(AuditError::Truncated { log: log.clone(), seq: *seq });
        }
        let same = self.checkpoints.iter().any(|own| own.seq == *seq && own.hash == *hash);
        if same && *log == self.log {
            return Ok(());
        }
        Err(AuditError::Rewritten { log: log.clone(), number: *number })
    }
}

/// Computes the chain of a log anew, and compares it with its signed checkpoints.
///
/// # Errors
/// As [`verify`]; and for the first checkpoint that is missing, not signed by this deployment, or made of other entries.
pub async fn verify_signed(
    database: &Database,
    keyring: &Keyring,
    log: &str,
) -> Result<Verified, AuditError> {
    // Read first, so that they are not ahead of the entries.
    let checkpoints = checkpoint::list(database, log).await?;
    for (number, checkpoint) in (1..).zip(&checkpoints) {
        if checkpoint.number != number {
            return Err(AuditError::Gap { log: log.to_owned(), number });
        }
        checkpoint.check(keyring)?;
    }
    let mut rest = checkpoints.iter().peekable();
    let mut rewritten = None;
    let head = walk(database, log, |entry| {
        while let Some(due) = rest.next_if(|due| due.seq <= entry.seq) {
            if due.seq < entry.seq || due.hash != entry.hash {
                rewritten.get_or_insert(due.number);
            }
        }
    })
    .await?;
    if let Some(number) = rewritten {
        return Err(AuditError::Rewritten { log: log.to_owned(), number });
    }
    if let Some(due) = rest.next() {
        return Err(AuditError::Truncated { log: log.to_owned(), seq: due.seq });
    }
    let newest = checkpoints.last().cloned();
    Ok(Verified { log: log.to_owned(), head, newest, checkpoints })
}

/// Computes the chain of a log anew and compares.
///
/// # Errors
/// [`AuditError::Broken`] with the first entry that does not fit.
pub async fn verify(database: &Database, log: &str) -> Result<Head, AuditError> {
    walk(database, log, |_| {}).await
}

/// Goes along the chain, and shows the end of what has been verified after each entry.
async fn walk(
    database: &Database,
    log: &str,
    mut visit: impl FnMut(Head),
) -> Result<Head, AuditError> {
    let mut last = Last::default();
    loop {
        let page = store::list_after(database, log, last.seq, PAGE).await?;
        if page.is_empty() {
            return Ok(Head { seq: last.seq, hash: last.hash });
        }
        for entry in page {
            let seq = last.seq + 1;
            let fields = Fields {
                account: log,
                seq,
                at: entry.at.0,
                actor: &entry.actor,
                action: &entry.action,
                target: entry.target.as_deref(),
                ip: entry.ip.as_deref(),
                outcome: &entry.outcome,
                detail: entry.detail.get(),
            };
            let expected = hash(&last.hash, &fields);
            if entry.seq != seq || entry.hash != expected {
                return Err(AuditError::Broken { log: log.to_owned(), seq });
            }
            last = Last { seq, hash: expected };
            visit(Head { seq, hash: expected });
        }
    }
}
