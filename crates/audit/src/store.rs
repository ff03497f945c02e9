use std::fmt::Write as _;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Row, Statement};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::commit::Last;
use crate::entry::Log;

/// An entry as it is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    pub seq: i64,
    pub at: UnixMillis,
    /// The id of a person, or `anonymous`, or `system`.
    pub actor: String,
    pub action: String,
    pub target: Option<String>,
    pub ip: Option<String>,
    pub outcome: String,
    /// A JSON object.
    pub detail: Box<RawValue>,
    /// SHA-256, on the wire in hexadecimal.
    #[serde(serialize_with = "hexadecimal")]
    pub hash: [u8; 32],
}

/// What part of a log to list.
#[derive(Debug, Clone, Default)]
pub struct PageQuery {
    /// Entries before this one.
    pub before: Option<i64>,
    /// Entries with exactly this action.
    pub action: Option<String>,
    pub limit: u32,
}

/// A page of a log, the newest first.
///
/// # Errors
/// [`DatabaseError`]; a row that is damaged is [`DatabaseError::Column`].
pub async fn list(
    database: &Database,
    log: Log,
    query: PageQuery,
) -> Result<Vec<Recorded>, DatabaseError> {
    let PageQuery { before, action, limit } = query;
    let sql = match action {
        None => include_str!("../queries/list_entries.sql"),
        Some(_) => include_str!("../queries/list_entries_of_action.sql"),
    };
    let statement =
        Statement::new(sql).bind(log.to_string()).bind(before.unwrap_or(i64::MAX)).bind(limit);
    let statement = match action {
        None => statement,
        Some(action) => statement.bind(action),
    };
    database.query(statement).await?.iter().map(read).collect()
}

/// Entries of a log in the order in which they were written.
pub(crate) async fn list_after(
    database: &Database,
    log: &str,
    seq: i64,
    limit: u32,
) -> Result<Vec<Recorded>, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/list_entries_after.sql"))
        .bind(log)
        .bind(seq)
        .bind(limit);
    database.query(statement).await?.iter().map(read).collect()
}

/// Names of logs after this one, in order.
pub(crate) async fn list_logs(
    database: &Database,
    after: &str,
    limit: u32,
) -> Result<Vec<String>, DatabaseError> {
    let statement =
        Statement::new(include_str!("../queries/list_logs.sql")).bind(after).bind(limit);
    database.query(statement).await?.iter().map(|row| row.get("account_id")).collect()
}

/// The last entry of a log.
pub(crate) async fn find_last(
    database: &Database,
    log: &str,
) -> Result<Option<Last>, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/find_head.sql")).bind(log);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Last { seq: row.get("seq")?, hash: read_hash(row)? }))
}

fn read(row: Row<'_>) -> Result<Recorded, DatabaseError> {
    let detail = RawValue::from_string(row.get("detail")?)
        .map_err(|_| DatabaseError::Column { column: "detail".to_owned(), found: "no JSON" })?;
    Ok(Recorded {
        seq: row.get("seq")?,
        at: UnixMillis(row.get("at")?),
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        ip: row.get("ip")?,
        outcome: row.get("outcome")?,
        detail,
        hash: read_hash(row)?,
    })
}

pub(crate) fn read_hash(row: Row<'_>) -> Result<[u8; 32], DatabaseError> {
    row.get::<&[u8]>("hash")?
        .try_into()
        .map_err(|_| DatabaseError::Column { column: "hash".to_owned(), found: "no hash" })
}

fn hexadecimal<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(64);
    for byte in hash {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    serializer.serialize_str(&text)
}
