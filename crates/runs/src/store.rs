use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, Statement};
use ids::{AccountId, RunId};
use serde_json::Value;

use crate::{Run, RunStatus, RunsError, skip_events};

/// How long whoever works on a run may be silent before it is taken for dead. The schema moves leases on by as much.
pub(crate) const LEASE: Duration = Duration::from_secs(20);

/// How many batches are read at once.
const BATCHES_MAX: i64 = 32;

/// What was kept after an event.
#[derive(Debug)]
pub struct EventPage {
    pub status: RunStatus,
    /// Whether whoever worked on it is gone.
    pub is_abandoned: bool,
    /// The events as they are sent.
    pub wire: String,
    /// The number of the last of them, or that after which was asked.
    pub last: i64,
    /// Whether there may be more already.
    pub has_more: bool,
}

/// A run of the account.
///
/// # Errors
/// [`RunsError`].
pub async fn find(
    database: &Database,
    account: AccountId,
    id: RunId,
    now: UnixMillis,
) -> Result<Option<Run>, RunsError> {
    let statement = Statement::new(include_str!("../queries/find_run.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(now.0);
    database.query(statement).await?.first().map(Run::read).transpose()
}

/// What was kept of a run after an event; `None` when it is gone.
///
/// # Errors
/// [`RunsError`].
pub async fn read_events(
    database: &Database,
    account: AccountId,
    id: RunId,
    after: i64,
    now: UnixMillis,
) -> Result<Option<EventPage>, RunsError> {
    let statement = Statement::new(include_str!("../queries/read_events.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(after)
        .bind(BATCHES_MAX);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let status: RunStatus = serde_json::from_value(Value::from(row.get::<&str>("status")?))?;
    let lease_until: i64 = row.get("lease_until")?;
    let is_abandoned = !status.is_end() && lease_until <= now.0;
    let (mut wire, mut last) = (String::new(), after);
    for row in rows.iter() {
        let first: Option<i64> = row.get("first_event")?;
        let (Some(first), Some(events)) = (first, row.get::<Option<&str>>("wire")?) else {
            continue;
        };
        wire.push_str(skip_events(events, first, last));
        last = row.get("last_event")?;
    }
    let has_more = usize::try_from(BATCHES_MAX).is_ok_and(|most| most <= rows.len());
    Ok(Some(EventPage { status, is_abandoned, wire, last, has_more }))
}

/// Asks whoever works on a run to stop; `false` when nobody does.
///
/// # Errors
/// [`RunsError`].
pub async fn request_cancel(
    database: &Database,
    account: AccountId,
    id: RunId,
) -> Result<bool, RunsError> {
    let statement = Statement::new(include_str!("../queries/request_cancel.sql"))
        .bind(account.to_string())
        .bind(id.to_string());
    Ok(!database.query(statement).await?.is_empty())
}
