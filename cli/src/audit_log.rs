//! `selvage audit`: the logs of the accounts and of the platform.

use std::fmt::Write as _;
use std::path::Path;

use ambient::{Clock, Entropy};
use audit::{Checkpoint, Head, Verified};
use database::Database;
use keyring::Keyring;

use crate::application::Application;
use crate::arguments::{Audit, AuditAction, DatabaseChoice};
use crate::error::CliError;
use crate::location::Location;
use crate::master_key::{MasterKey, Source};
use crate::{terminal, up};

/// Verifies logs: every entry is the one that was written, and none is missing before another. Shows for each how many entries it has and
/// the hash of the last one, which proves the whole log to whoever keeps it elsewhere. With `--checkpoint` signatures are checked too, and
/// made for the ends of the logs.
///
/// # Errors
/// A database that cannot be used or is not up to date; the first log that is broken; no master key to check signatures with.
pub async fn audit(arguments: Audit) -> Result<(), CliError> {
    let AuditAction::Verify { log, checkpoint } = arguments.action;
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let keyring = if checkpoint {
        Some(ring(&arguments.database, &location, &database).await?)
    } else {
        None
    };
    let failed = |source| CliError::Database { database: location.to_string(), source };
    let logs = match log {
        Some(log) => vec![log],
        None => audit::logs(&database).await.map_err(failed)?,
    };
    let width = logs.iter().map(String::len).max().unwrap_or_default();
    for log in &logs {
        let Head { seq, hash } = match &keyring {
            None => audit::verify(&database, log).await?,
            Some(keyring) => {
                let Verified { head, .. } = audit::verify_signed(&database, keyring, log).await?;
                head
            }
        };
        terminal::result(format_args!("{log:<width$}  {seq:>8}  {}", hexadecimal(&hash)));
        let Some(keyring) = &keyring else { continue };
        let now = Clock::system().now();
        let signed = audit::checkpoint(&database, keyring, log, now).await.map_err(failed)?;
        if let Some(Checkpoint { number, at, root_key_id, signature, .. }) = signed {
            let signature = hexadecimal(&signature);
            terminal::result(format_args!(
                "{:<width$}  checkpoint {number} at {at} under the key {root_key_id}: {signature}",
                ""
            ));
        }
    }
    terminal::result(format_args!("verified    {} logs", logs.len()));
    Ok(())
}

/// The ring of the deployment, which belongs to this database.
async fn ring(
    choice: &DatabaseChoice,
    location: &Location,
    database: &Database,
) -> Result<Keyring, CliError> {
    let application = Application::load(Path::new("spin.toml"), None, &choice.state_dir)?;
    let key = MasterKey::find(&application, &choice.state_dir, &Entropy::system())?;
    // A key that would only just be made has signed nothing.
    let key = key.filter(|key| !matches!(key.source, Source::New(_)));
    let key = key.ok_or(CliError::MasterKeyMissing)?;
    up::keyring_of(location, keyring::check(database, &key.keyring).await)?;
    Ok(key.keyring)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
