//! `selvage sweep`: gives back the space of what is over.

use ::sweep::Swept;
use ambient::Clock;

use crate::arguments::Sweep;
use crate::error::CliError;
use crate::location::Location;
use crate::terminal::{self, Progress};

/// Removes what was deleted, has ended or expired, in all accounts. It may run while a server serves, and be stopped at any time.
///
/// # Errors
/// A database that cannot be used or is not up to date.
pub async fn sweep(arguments: Sweep) -> Result<(), CliError> {
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let progress = Progress::start("sweeping");
    let swept = ::sweep::sweep(&database, Clock::system().now(), |swept| {
        // In a log a line for each piece would be noise.
        if progress.is_live() {
            let Swept { accounts, conversations, messages, .. } = swept;
            progress.update(&format!(
                "{accounts} accounts, {conversations} conversations, {messages} messages"
            ));
        }
    })
    .await?;
    drop(progress);
    let Swept { accounts, conversations, messages, sessions, invitations } = swept;
    terminal::result(format_args!(
        "swept       {accounts} accounts: {conversations} conversations, {messages} messages, {sessions} sessions, {invitations} invitations"
    ));
    Ok(())
}
