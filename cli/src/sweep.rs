//! `selvage sweep`: gives back the space of what is over.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ::sweep::Swept;
use ambient::{Clock, Entropy, UnixMillis};
use chunks::{ChunkStore, KeyValueChunks, S3Bucket};
use database::Database;
use egress::Egress;
use manifest::{KeyValueStore, RuntimeConfig};
use settings::ChunkSettings;

use crate::application::Application;
use crate::arguments::Sweep;
use crate::error::CliError;
use crate::location::Location;
use crate::master_key;
use crate::terminal::{self, Progress};

/// How many runs of chunks are looked up at once.
const RUNS_MAX: u32 = 100;

/// Where the manifest usually is.
const MANIFEST: &str = "spin.toml";

/// Removes what was deleted, has ended or expired, in all accounts. It may run while a server serves, and be stopped at any time.
///
/// # Errors
/// A database that cannot be used or is not up to date; settings that are malformed; a bucket that does not answer.
pub async fn sweep(arguments: Sweep) -> Result<(), CliError> {
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let chunks = chunks(&arguments)?;
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
    let removed = match &chunks {
        Some(chunks) => remove_chunks(&database, &chunks.store, now).await?,
        None => 0,
    };
    if let Some(file) = chunks.and_then(|chunks| chunks.file) {
        file.close().await.map_err(::sweep::FileSweepError::from)?;
    }
    drop(progress);
    let Swept { accounts, conversations, messages, sessions, invitations, files, runs } = swept;
    terminal::result(format_args!(
        "swept       {accounts} accounts: {conversations} conversations, {messages} messages, {sessions} sessions, {invitations} invitations, \
         {files} unfinished files, chunks of {removed} parts of files, {runs} runs ended"
    ));
    Ok(())
}

/// Where the chunks of the application are.
struct Chunks {
    store: ChunkStore,
    /// The file that is closed in the end, where it is one.
    file: Option<KeyValueChunks>,
}

/// The bucket of the application, or the file in its state directory. `None` where neither is: the server that has the chunks removes them.
fn chunks(arguments: &Sweep) -> Result<Option<Chunks>, CliError> {
    let state_dir = &arguments.database.state_dir;
    let usual = PathBuf::from(MANIFEST);
    let from = arguments.from.clone().or_else(|| usual.is_file().then_some(usual));
    let runtime_config = arguments.runtime_config.as_deref();
    let application =
        from.map(|from| Application::load(&from, runtime_config, state_dir)).transpose()?;
    if let Some(bucket) = application.as_ref().map(bucket).transpose()?.flatten() {
        let store = ChunkStore::s3(bucket, Egress::new()?, Clock::system());
        return Ok(Some(Chunks { store, file: None }));
    }
    // With a database of its own there is nothing that says where its file of chunks is.
    if arguments.database.database.is_some() {
        return Ok(None);
    }
    let config = application.map_or_else(|| RuntimeConfig::default_for(state_dir), |it| it.config);
    let Some(KeyValueStore::File { path: Some(path) }) = config.key_value_stores.get("default")
    else {
        return Ok(None);
    };
    if !path.is_file() {
        return Ok(None);
    }
    let file = KeyValueChunks::open(path).map_err(::sweep::FileSweepError::from)?;
    Ok(Some(Chunks { store: file.clone().into(), file: Some(file) }))
}

fn bucket(application: &Application) -> Result<Option<S3Bucket>, CliError> {
    // Nothing here is sealed or signed: without a master key there is as much to sweep.
    let none = application.declares(master_key::VARIABLE).then_some(master_key::VARIABLE);
    let none = none.map(|name| (name.to_owned(), String::new()));
    let variables = application.variables(&BTreeMap::from_iter(none))?;
    let value = |name: &&str| variables.get(name).map_or("", manifest::Resolved::as_str).to_owned();
    let names = ChunkSettings::NAMES.iter();
    Ok(ChunkSettings::new(&names.map(|name| (*name, value(name))).collect())?.bucket)
}

/// Removes the chunks that nothing names.
async fn remove_chunks(
    database: &Database,
    store: &ChunkStore,
    now: UnixMillis,
) -> Result<u64, CliError> {
    let mut runs = 0;
    loop {
        let removed = ::sweep::remove_chunks(database, store, now, RUNS_MAX).await?;
        runs += u64::from(removed);
        if removed == 0 {
            return Ok(runs);
        }
    }
}
