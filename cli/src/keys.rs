//! `selvage keys`: the keys that the keys of stored secrets are wrapped with.

use std::collections::BTreeMap;

use ambient::{Clock, Entropy};
use database::Database;
use vault::{KekStatus, Rotated, RotationError, Vault};

use crate::application::{self, Application};
use crate::arguments::{Keys, KeysAction};
use crate::error::CliError;
use crate::location::Location;
use crate::master_key::{self, MasterKey, Source};
use crate::terminal::{self, Progress};
use crate::up;

/// Shows keys, replaces or retires them.
///
/// # Errors
/// A database that cannot be used or is not up to date; settings that are missing or malformed; a key service that does not answer; a key
/// that may not retire.
pub async fn keys(arguments: Keys) -> Result<(), CliError> {
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let vault = vault_of(&arguments, &location, &database).await?;
    match &arguments.action {
        KeysAction::Status => status(&location, &database, &vault).await,
        KeysAction::Rotate { dry_run: true } => plan(&location, &database, &vault).await,
        KeysAction::Rotate { dry_run: false } => rotate(&location, &database, &vault).await,
        KeysAction::Retire { id } => {
            vault::retire(&database, &vault, id, Clock::system().now()).await?;
            terminal::result(format_args!("retired     {id}"));
            Ok(())
        }
    }
}

async fn status(location: &Location, database: &Database, vault: &Vault) -> Result<(), CliError> {
    let current = vault.current_kek_id().await.map_err(RotationError::from)?;
    let keks = list(location, database).await?;
    let width = keks.iter().map(|kek| kek.id.len()).chain([current.len()]).max().unwrap_or(0);
    let mut missing = 0;
    for kek in &keks {
        let state = match kek.retired_at {
            Some(at) => format!("retired {at}"),
            None if kek.id == current => "current".to_owned(),
            None if vault.knows(&kek.id) => "opens".to_owned(),
            None => "not configured".to_owned(),
        };
        missing += usize::from(!vault.knows(&kek.id) && 0 < kek.secrets);
        terminal::result(format_args!("{:<width$}  {:>10} secrets  {state}", kek.id, kek.secrets));
    }
    if keks.iter().all(|kek| kek.id != current) {
        terminal::result(format_args!("{current:<width$}  {:>10} secrets  current", 0));
    }
    if 0 < missing { Err(CliError::KeysMissing { count: missing }) } else { Ok(()) }
}

async fn plan(location: &Location, database: &Database, vault: &Vault) -> Result<(), CliError> {
    let current = vault.current_kek_id().await.map_err(RotationError::from)?;
    for kek in list(location, database).await? {
        if kek.id != current && 0 < kek.secrets {
            terminal::result(format_args!(
                "would wrap the keys of {} secrets of {} with {current}",
                kek.secrets, kek.id
            ));
        }
    }
    Ok(())
}

async fn rotate(location: &Location, database: &Database, vault: &Vault) -> Result<(), CliError> {
    let progress = Progress::start("wrapping keys anew");
    let Rotated { kek_id, rewrapped, damaged, .. } =
        vault::rotate(database, vault, Clock::system().now(), |rotated| {
            progress.advance(rotated.rewrapped + rotated.damaged, rotated.found);
        })
        .await?;
    drop(progress);
    terminal::result(format_args!("wrapped     the keys of {rewrapped} secrets with {kek_id}"));
    let keks = list(location, database).await?;
    let secrets: u64 = keks.iter().filter(|kek| kek.id != kek_id).map(|kek| kek.secrets).sum();
    if 0 < secrets { Err(CliError::NotRotated { secrets, damaged }) } else { Ok(()) }
}

async fn list(location: &Location, database: &Database) -> Result<Vec<KekStatus>, CliError> {
    let failed = |source| CliError::Database { database: location.to_string(), source };
    vault::status(database).await.map_err(failed)
}

/// The vault of the application, with the master key that belongs to this database.
async fn vault_of(
    arguments: &Keys,
    location: &Location,
    database: &Database,
) -> Result<Vault, CliError> {
    let state_dir = &arguments.database.state_dir;
    let application =
        Application::load(&arguments.from, arguments.runtime_config.as_deref(), state_dir)?;
    let key = MasterKey::find(&application, state_dir, &Entropy::system())?;
    // A key that would only just be made has wrapped nothing.
    let key = key.filter(|key| !matches!(key.source, Source::New(_)));
    let key = key.ok_or(CliError::MasterKeyMissing)?;
    up::keyring_of(location, keyring::check(database, &key.keyring).await)?;

    let own = key.value().map(|value| (master_key::VARIABLE.to_owned(), value.to_owned()));
    let variables = application.variables(&BTreeMap::from_iter(own))?;
    let settings = application::vault_settings(&variables)?;
    application::vault(&settings)
}
