use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, Statement};
use ids::AccountId;

use crate::error::ConversationError;
use crate::service::Retention;

pub async fn get_retention(
    database: &Database,
    account: AccountId,
) -> Result<Retention, ConversationError> {
    let statement =
        Statement::new(include_str!("../../queries/get_retention.sql")).bind(account.to_string());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(Retention::default()) };
    Ok(Retention { days: Some(row.get("days")?), keep_pinned: row.get("keep_pinned")? })
}

/// Stores it, and records `entry` if it is another than before.
pub async fn put_retention(
    database: &Database,
    account: AccountId,
    retention: Retention,
    entry: Entry,
    now: UnixMillis,
) -> Result<(), ConversationError> {
    let statement = match retention.days {
        Some(days) => Statement::new(include_str!("../../queries/put_retention.sql"))
            .bind(account.to_string())
            .bind(days)
            .bind(retention.keep_pinned)
            .bind(now.0),
        None => Statement::new(include_str!("../../queries/delete_retention.sql"))
            .bind(account.to_string()),
    };
    audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?;
    Ok(())
}
