use ambient::UnixMillis;
use database::{Database, Statement};
use ids::{AccountId, ConversationId};
use problem::{IfMatch, JsonObject};

use crate::error::ConversationError;
use crate::service::Context;

/// The context document; `None` when there is no such conversation.
pub async fn get_context(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    now: UnixMillis,
) -> Result<Option<Context>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/get_context.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let document = JsonObject::stored(row.get("document")?)?;
    Ok(Some(Context { document, version: row.get("version")? }))
}

/// Replaces the context document and gives its new version; `None` when there is no such conversation in one of the versions of `if_match`.
pub async fn put_context(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    if_match: &IfMatch,
    document: &JsonObject,
    now: UnixMillis,
) -> Result<Option<i64>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/put_context.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(document.as_str())
        .bind(now.0)
        .bind(if_match.versions());
    let rows = database.query(statement).await?;
    Ok(rows.first().map(|row| row.get("version")).transpose()?)
}
