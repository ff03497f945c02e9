use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use ids::{AccountId, ConversationId, MessageId};
use serde_json::value::RawValue;

use crate::cursor::{ConversationCursor, MessageCursor};
use crate::error::ConversationError;
use crate::message::{COMPLETED, MessageRole};
use crate::metadata::Metadata;
use crate::service::{
    Conversation, ConversationFilter, NewConversation, PAGE_BYTES_MAX, StoredPage,
};

/// Sorts after every id.
const BEYOND_EVERY_ID: &str = "~";

pub async fn create_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
) -> Result<Conversation, ConversationError> {
    let statement = Statement::new(include_str!("../queries/insert_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(new.continuation_id.clone())
        .bind(new.title.clone())
        .bind(new.metadata.as_ref().map_or("{}", Metadata::as_str))
        .bind(now.0);
    match database.query(statement).await {
        Ok(rows) => first(&rows)?.ok_or(ConversationError::NotFound),
        Err(error) if error.is_unique("conversation.account_id, conversation.continuation_id") => {
            Err(ConversationError::ContinuationIdTaken)
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn get_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
) -> Result<Option<Conversation>, ConversationError> {
    let statement = Statement::new(include_str!("../queries/get_conversation.sql"))
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
    let statement = Statement::new(include_str!("../queries/list_conversations.sql"))
        .bind(account.to_string())
        .bind(active_at)
        .bind(id)
        .bind(filter.archived)
        .bind(filter.pinned)
        .bind(filter.limit.saturating_add(1));
    let rows = database.query(statement).await?;
    rows.iter().map(read_conversation).collect()
}

/// What [`append_message`] needs.
pub struct Append {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub id: MessageId,
    pub parent: Option<MessageId>,
    pub role: MessageRole,
    pub tail: String,
    pub now: UnixMillis,
}

/// Appends a message; `None` when there is no such conversation, or no such parent in it.
pub async fn append_message(
    database: &Database,
    append: Append,
) -> Result<Option<Box<RawValue>>, ConversationError> {
    let statement = Statement::new(include_str!("../queries/append_message.sql"))
        .bind(append.account.to_string())
        .bind(append.conversation.to_string())
        .bind(append.id.to_string())
        .bind(append.parent.map(|parent| parent.to_string()))
        .bind(append.role.as_str())
        .bind(COMPLETED)
        .bind(append.now.0)
        .bind(append.tail);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(RawValue::from_string(row.get("wire")?)?))
}

/// A page of messages on one side of a place; `None` when there is no such conversation.
pub async fn page_messages(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    cursor: MessageCursor,
    limit: u32,
) -> Result<Option<StoredPage>, ConversationError> {
    let (sql, seq) = match cursor {
        MessageCursor::Before(seq) => (include_str!("../queries/page_messages_before.sql"), seq),
        MessageCursor::After(seq) => (include_str!("../queries/page_messages_after.sql"), seq),
    };
    let statement = Statement::new(sql)
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(seq)
        .bind(limit)
        .bind(PAGE_BYTES_MAX);
    let rows = database.query(statement).await?;
    rows.first().map(read_page).transpose()
}

fn read_page(row: Row<'_>) -> Result<StoredPage, ConversationError> {
    let first: Option<i64> = row.get("first_seq")?;
    let last: Option<i64> = row.get("last_seq")?;
    Ok(StoredPage {
        data: RawValue::from_string(row.get("data")?)?,
        span: first.zip(last),
        newest: row.get("message_count")?,
    })
}

fn first(rows: &Rows) -> Result<Option<Conversation>, ConversationError> {
    rows.first().map(read_conversation).transpose()
}

fn read_conversation(row: Row<'_>) -> Result<Conversation, ConversationError> {
    let time = |column: &str| row.get::<i64>(column).map(UnixMillis);
    let last_message_at: Option<i64> = row.get("last_message_at")?;
    Ok(Conversation {
        id: row.get::<String>("id")?.parse()?,
        continuation_id: row.get("continuation_id")?,
        title: row.get("title")?,
        metadata: Metadata::stored(row.get("metadata")?)?,
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
