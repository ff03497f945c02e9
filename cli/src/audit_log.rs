//! `selvage audit`: the logs of the accounts and of the platform.

use std::fmt::Write as _;

use audit::Head;

use crate::arguments::{Audit, AuditAction};
use crate::error::CliError;
use crate::location::Location;
use crate::terminal;

/// Verifies logs: every entry is the one that was written, and none is missing before another. Shows for each how many entries it has and
/// the hash of the last one, which proves the whole log to whoever keeps it elsewhere.
///
/// # Errors
/// A database that cannot be used or is not up to date; the first log that is broken.
pub async fn audit(arguments: Audit) -> Result<(), CliError> {
    let AuditAction::Verify { log } = arguments.action;
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let logs = match log {
        Some(log) => vec![log],
        None => audit::logs(&database)
            .await
            .map_err(|source| CliError::Database { database: location.to_string(), source })?,
    };
    let width = logs.iter().map(String::len).max().unwrap_or_default();
    for log in &logs {
        let Head { seq, hash } = audit::verify(&database, log).await?;
        let mut digits = String::with_capacity(64);
        for byte in hash {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        terminal::result(format_args!("{log:<width$}  {seq:>8}  {digits}"));
    }
    terminal::result(format_args!("verified    {} logs", logs.len()));
    Ok(())
}
