//! `selvage sweep`: gives back the space of what is over.

use std::path::Path;

use ::sweep::Swept;
use ambient::{Clock, Entropy, UnixMillis};
use chunks::ChunkStore;
use database::Database;
use manifest::{KeyValueStore, RuntimeConfig};

use crate::arguments::Sweep;
use crate::error::CliError;
use crate::location::Location;
use crate::terminal::{self, Progress};

/// How many runs of chunks are looked up at once.
const RUNS_MAX: u32 = 100;

/// Removes what was deleted, has ended or expired, in all accounts. It may run while a server serves, and be stopped at any time.
///
/// # Errors
/// A database that cannot be used or is not up to date.
pub async fn sweep(arguments: Sweep) -> Result<(), CliError> {
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let now = Clock::system().now();
    let progress = Progress::start("sweeping");
    let swept = ::sweep::sweep(&database, now, &Entropy::system(), |swept| {
        // In a log a line for each piece would be noise.
        if progress.is_live() {
            let Swept { accounts, conversations, messages, .. } = swept;
            progress.update(&format!(
                "{accounts} accounts, {conversations} conversations, {messages} messages"
            ));
        }
    })
    .await?;
    // With a database of its own there is nothing that says where its chunks are; the server that has them removes them.
    let removed = match &arguments.database.database {
        None => remove_chunks(&database, &arguments.database.state_dir, now).await?,
        Some(_) => 0,
    };
    drop(progress);
    let Swept { accounts, conversations, messages, sessions, invitations, files, runs } = swept;
    terminal::result(format_args!(
        "swept       {accounts} accounts: {conversations} conversations, {messages} messages, {sessions} sessions, {invitations} invitations, \
         {files} unfinished files, chunks of {removed} parts of files, {runs} runs ended"
    ));
    Ok(())
}

/// Removes the chunks that nothing names from the store in the state directory, if there is one.
async fn remove_chunks(
    database: &Database,
    state_dir: &Path,
    now: UnixMillis,
) -> Result<u64, CliError> {
    let config = RuntimeConfig::default_for(state_dir);
    let Some(KeyValueStore::File { path: Some(path) }) = config.key_value_stores.get("default")
    else {
        return Ok(0);
    };
    if !path.is_file() {
        return Ok(0);
    }
    let chunks = ChunkStore::open(path).map_err(::sweep::FileSweepError::from)?;
    let mut runs = 0;
    loop {
        let removed = ::sweep::remove_chunks(database, &chunks, now, RUNS_MAX).await?;
        runs += u64::from(removed);
        if removed == 0 {
            chunks.close().await.map_err(::sweep::FileSweepError::from)?;
            return Ok(runs);
        }
    }
}
