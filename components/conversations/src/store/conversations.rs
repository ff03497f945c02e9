use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use idempotency::Claim;
use ids::{AccountId, ConversationId};

use crate::cursor::ConversationCursor;
use crate::error::ConversationError;
use crate::if_match::IfMatch;
use crate::json_object::JsonObject;
use crate::service::{
    Conversation, ConversationChange, ConversationFilter, NewConversation, TitleChange,
};

/// Sorts after every id.
const BEYOND_EVERY_ID: &str = "~";

pub async fn create_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
    claim: &Claim,
) -> Result<Conversation, ConversationError> {
    let sql = include_str!("../../queries/insert_conversation.sql");
    let mut batch = vec![bind_new(sql, account, id, new, now)];
    batch.extend(claimed(claim, id));
    match database.batch(batch).await {
        Ok(results) => {
            let created = results.first().map(first).transpose()?.flatten();
            created.ok_or(ConversationError::NotFound)
        }
        Err(error) if error.is_unique("conversation.account_id, conversation.continuation_id") => {
            Err(ConversationError::ContinuationIdTaken)
        }
        Err(error) => Err(error.into()),
    }
}

/// The conversation with the continuation id of `new`, and whether it was created.
pub async fn get_or_create_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
) -> Result<(Conversation, bool), ConversationError> {
    let find = || {
        Statement::new(include_str!("../../queries/find_conversation_by_continuation.sql"))
            .bind(account.to_string())
            .bind(new.continuation_id.clone())
    };
    // It is there nearly always, and reading it holds up no writer.
    if let Some(conversation) = first(&database.query(find()).await?)? {
        return Ok((conversation, false));
    }
    let sql = include_str!("../../queries/insert_conversation_if_new.sql");
    let results = database.batch(vec![bind_new(sql, account, id, new, now), find()]).await?;
    let is_created = results.first().is_some_and(|rows| !rows.is_empty());
    let found = results.last().map(first).transpose()?.flatten();
    found.map(|conversation| (conversation, is_created)).ok_or(ConversationError::NotFound)
}

pub async fn get_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
) -> Result<Option<Conversation>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/get_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string());
    first(&database.query(statement).await?)
}

/// One conversation more than the filter's limit, if there are so many.
pub async fn list_conversations(
    database: &Database,
    account: AccountId,
    filter: &ConversationFilter,
) -> Result<Vec<Conversation>, ConversationError> {
    let (active_at, id) = match filter.after {
        Some(ConversationCursor { active_at, id }) => (active_at.0, id.to_string()),
        None => (i64::MAX, BEYOND_EVERY_ID.to_owned()),
    };
    let statement = Statement::new(include_str!("../../queries/list_conversations.sql"))
        .bind(account.to_string())
        .bind(active_at)
        .bind(id)
        .bind(filter.archived)
        .bind(filter.pinned)
        .bind(filter.limit.saturating_add(1));
    let rows = database.query(statement).await?;
    rows.iter().map(read_conversation).collect()
}

/// Changes a conversation; `None` when it does not exist in one of the versions of `if_match`.
pub async fn change_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    if_match: &IfMatch,
    change: &ConversationChange,
    now: UnixMillis,
) -> Result<Option<Conversation>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/update_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(if_match.versions())
        .bind(!matches!(change.title, TitleChange::Stay))
        .bind(change.title.new_title())
        .bind(change.metadata.as_ref().map(JsonObject::as_str))
        .bind(change.pinned)
        .bind(change.archived)
        .bind(now.0);
    first(&database.query(statement).await?)
}

/// Whether there was such a conversation in one of the versions of `if_match`.
pub async fn delete_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    if_match: &IfMatch,
) -> Result<bool, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/delete_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(if_match.versions());
    Ok(!database.query(statement).await?.is_empty())
}

/// Keeps the conversation as the answer, if there is a claim.
pub(super) fn claimed(claim: &Claim, id: ConversationId) -> Option<Statement> {
    let sql = include_str!("../../queries/claim_conversation.sql");
    claim.bind(sql).map(|statement| statement.bind(id.to_string()))
}

pub(super) fn bind_new(
    sql: &'static str,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
) -> Statement {
    Statement::new(sql)
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(new.continuation_id.clone())
        .bind(new.title.clone())
        .bind(new.metadata.as_ref().map_or("{}", JsonObject::as_str))
        .bind(now.0)
}

pub(super) fn first(rows: &Rows) -> Result<Option<Conversation>, ConversationError> {
    rows.first().map(read_conversation).transpose()
}

fn read_conversation(row: Row<'_>) -> Result<Conversation, ConversationError> {
    let time = |column: &str| row.get::<i64>(column).map(UnixMillis);
    let last_message_at: Option<i64> = row.get("last_message_at")?;
    Ok(Conversation {
        id: row.get::<String>("id")?.parse()?,
        continuation_id: row.get("continuation_id")?,
        title: row.get("title")?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        message_count: row.get("message_count")?,
        pinned: row.get("pinned")?,
        archived: row.get("archived")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        last_message_at: last_message_at.map(UnixMillis),
        version: row.get("version")?,
        active_at: time("active_at")?,
    })
}
