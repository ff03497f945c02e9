use database::{Database, DatabaseError};

use crate::chain::{Fields, hash};
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

/// Computes the chain of a log anew and compares.
///
/// # Errors
/// [`AuditError::Broken`] with the first entry that does not fit.
pub async fn verify(database: &Database, log: &str) -> Result<Head, AuditError> {
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
        }
    }
}
