//! Everything that is over, in all accounts.

use ambient::{Entropy, UnixMillis};
use database::{Database, DatabaseError, Rows, Statement};
use ids::{AccountId, ParseIdError};
use runs::{RunsError, delete_old_events};

use crate::files::piece_of_files;
use crate::piece::{ROWS_MAX, Removed, piece_of_account, piece_of_sign_ins};

/// How many accounts are read at once.
const ACCOUNTS_MAX: u32 = 500;

/// Why the sweep stopped. What it has removed is gone.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("a run that was left behind could not be ended")]
    Runs(#[from] RunsError),
}

/// What was looked at and removed so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    pub accounts: u64,
    pub conversations: u64,
    pub messages: u64,
    pub sessions: u64,
    pub invitations: u64,
    /// Files that never became complete.
    pub files: u64,
    /// Runs that whoever worked on them had left behind.
    pub runs: u64,
}

/// Removes everything that is over by `now`, and says after each piece how far it is.
///
/// # Errors
/// See [`SweepError`]. It can be run again at any time.
pub async fn sweep(
    database: &Database,
    now: UnixMillis,
    entropy: &Entropy,
    mut progress: impl FnMut(&Swept),
) -> Result<Swept, SweepError> {
    let mut swept = Swept::default();
    let mut last = String::new();
    loop {
        let statement = Statement::new(include_str!("../queries/list_accounts.sql"))
            .bind(last.as_str())
            .bind(ACCOUNTS_MAX);
        let rows = database.query(statement).await?;
        for row in rows.iter() {
            last = row.get("id")?;
            let account = last.parse()?;
            sweep_account(database, account, now, &mut swept, &mut progress).await?;
            sweep_runs(database, account, now, entropy, &mut swept).await?;
            swept.accounts += 1;
            progress(&swept);
        }
        if rows.is_empty() {
            return Ok(swept);
        }
    }
}

async fn sweep_account(
    database: &Database,
    account: AccountId,
    now: UnixMillis,
    swept: &mut Swept,
    progress: &mut impl FnMut(&Swept),
) -> Result<(), SweepError> {
    loop {
        let results = database.batch(piece_of_account(account, now).into()).await?;
        let removed = Removed::by(&results);
        swept.messages += total(removed.messages);
        swept.conversations += total(removed.conversations);
        if !removed.is_some() {
            break;
        }
        progress(swept);
    }
    loop {
        let results = database.batch(piece_of_sign_ins(account, now).into()).await?;
        let mut counts = results.iter().map(Rows::len).map(total);
        let sessions = counts.next().unwrap_or_default();
        let invitations = counts.next().unwrap_or_default();
        swept.sessions += sessions;
        swept.invitations += invitations;
        if sessions + invitations == 0 {
            break;
        }
        progress(swept);
    }
    loop {
        let files = total(database.query(piece_of_files(account, now)).await?.len());
        swept.files += files;
        if files == 0 {
            break;
        }
        progress(swept);
    }
    Ok(())
}

/// Ends runs that were left behind, settles what else was reserved by the dead, and removes events that nobody needs any more.
async fn sweep_runs(
    database: &Database,
    account: AccountId,
    now: UnixMillis,
    entropy: &Entropy,
    swept: &mut Swept,
) -> Result<(), SweepError> {
    loop {
        let closed = runs::close_some(database, account, now, entropy, ROWS_MAX).await?;
        swept.runs += u64::from(closed);
        let lapsed = database.query(usage::lapse_expired(account, now, ROWS_MAX)).await?;
        let trimmed = database.batch(delete_old_events(account, now, ROWS_MAX).into()).await?;
        if closed == 0 && lapsed.is_empty() && trimmed.last().is_none_or(Rows::is_empty) {
            return Ok(());
        }
    }
}

/// Rows that were returned fit in memory, and so in this.
fn total(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
