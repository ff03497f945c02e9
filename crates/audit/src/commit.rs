use ambient::UnixMillis;
use database::{Database, DatabaseError, Rows, Statement};

use crate::chain::{Fields, GENESIS, hash};
use crate::entry::{Entry, Log};
use crate::store;

/// How often an action is tried when others append to the same log at the same moment. Of those who try at once one succeeds, so this is how
/// many may.
const ATTEMPTS_MAX: usize = 256;

/// When an entry is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Whatever the action does.
    Always,
    /// If the last statement of the action changed a row.
    Changed,
}

/// The last entry of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    pub seq: i64,
    pub hash: [u8; 32],
}

impl Default for Last {
    /// Before the first entry.
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS }
    }
}

/// Runs an action and appends its entries, all in one transaction. Gives the rows of the action's statements, in order.
///
/// # Errors
/// That of the first statement that failed; nothing took effect. [`DatabaseError::Busy`] when others kept appending to the same log.
pub async fn commit(
    database: &Database,
    at: UnixMillis,
    action: Vec<Statement>,
    entries: Vec<Entry>,
    when: When,
) -> Result<Vec<Rows>, DatabaseError> {
    let count = action.len();
    for _ in 0..ATTEMPTS_MAX {
        let mut batch = action.clone();
        batch.extend(chained(database, at, &entries, when).await?);
        match database.batch(batch).await {
            Ok(mut results) => {
                results.truncate(count);
                return Ok(results);
            }
            Err(error) if someone_was_first(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(DatabaseError::Busy)
}

/// The statements that append the entries after what their logs hold now.
async fn chained(
    database: &Database,
    at: UnixMillis,
    entries: &[Entry],
    when: When,
) -> Result<Vec<Statement>, DatabaseError> {
    let mut heads: Vec<(Log, Last)> = Vec::new();
    let mut statements = Vec::with_capacity(entries.len());
    for entry in entries {
        let known = heads.iter().position(|(log, _)| *log == entry.log);
        let last = match known.map(|position| heads.swap_remove(position)) {
            Some((_, last)) => last,
            None => store::find_last(database, &entry.log.to_string()).await?.unwrap_or_default(),
        };
        let (statement, last) = append(entry, last, at, when);
        statements.push(statement);
        heads.push((entry.log, last));
    }
    Ok(statements)
}

fn append(entry: &Entry, last: Last, at: UnixMillis, when: When) -> (Statement, Last) {
    let Entry { log, actor, action, target, ip, outcome, detail } = entry;
    let (account, seq) = (log.to_string(), last.seq + 1);
    let ip = ip.map(|ip| ip.to_string());
    // A map of strings and JSON values displays as JSON.
    let detail = serde_json::Value::Object(detail.clone()).to_string();
    let fields = Fields {
        account: &account,
        seq,
        at: at.0,
        actor,
        action,
        target: target.as_deref(),
        ip: ip.as_deref(),
        outcome: outcome.as_str(),
        detail: &detail,
    };
    let hash = hash(&last.hash, &fields);
    let sql = match when {
        When::Always => include_str!("../queries/insert_entry.sql"),
        When::Changed => include_str!("../queries/insert_entry_if_changed.sql"),
    };
    let statement = Statement::new(sql)
        .bind(account.as_str())
        .bind(seq)
        .bind(at.0)
        .bind(actor.as_str())
        .bind(*action)
        .bind(target.clone())
        .bind(ip)
        .bind(outcome.as_str())
        .bind(detail)
        .bind(hash.to_vec());
    (statement, Last { seq, hash })
}

/// Whether another entry has taken the place.
fn someone_was_first(error: &DatabaseError) -> bool {
    error.is_trigger("audit_entry_follows")
        || error.is_unique("audit_entry.account_id, audit_entry.seq")
}
