//! Files that never became complete, and chunks that nothing names any more.

use ambient::UnixMillis;
use chunks::{ChunkError, ChunkStore, Prefix};
use database::{Database, DatabaseError, Statement};
use ids::AccountId;

use crate::piece::ROWS_MAX;

/// Why chunks are still there. Their removal can be tried again at any time.
#[derive(Debug, thiserror::Error)]
pub enum FileSweepError {
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    #[error("the chunk store failed")]
    Chunks(#[from] ChunkError),
}

/// Gives up a few files of an account that are not complete and on which nobody has worked for too long.
pub fn piece_of_files(account: AccountId, now: UnixMillis) -> Statement {
    Statement::new(include_str!("../queries/delete_pending_files.sql"))
        .bind(account.to_string())
        .bind(now.0)
        .bind(ROWS_MAX)
}

/// Removes up to so many runs of chunks that nothing names any more, of whatever account, and tells how many it were.
///
/// # Errors
/// See [`FileSweepError`].
pub async fn remove_chunks(
    database: &Database,
    store: &ChunkStore,
    now: UnixMillis,
    runs_max: u32,
) -> Result<u32, FileSweepError> {
    let statement = Statement::new(include_str!("../queries/list_chunk_removals.sql"))
        .bind(now.0)
        .bind(runs_max);
    let mut removed = 0;
    for row in database.query(statement).await?.iter() {
        let prefix = Prefix::stored(row.get("prefix")?);
        store.remove(&prefix, row.get("chunks")?).await?;
        forget_chunks(database, &prefix).await?;
        removed += 1;
    }
    Ok(removed)
}

/// Takes back the word that chunks are to be removed: they are gone.
///
/// # Errors
/// [`DatabaseError`]; they are then removed once more.
pub async fn forget_chunks(database: &Database, prefix: &Prefix) -> Result<(), DatabaseError> {
    let statement =
        Statement::new(include_str!("../queries/delete_chunk_removal.sql")).bind(prefix.as_str());
    database.query(statement).await.map(drop)
}
