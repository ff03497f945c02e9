use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use caller::Caller;
use ids::{ConversationId, MessageId};
use problem::{FieldError, Json, Path, Problem, Query};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cursor::{ConversationCursor, InvalidCursor, MessageCursor};
use crate::error::ConversationError;
use crate::message::{Content, MessageRole, NewMessage};
use crate::metadata::Metadata;
use crate::service::{
    Conversation, ConversationFilter, Conversations, NewConversation, PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX, Page,
};
use crate::store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    #[serde(default)]
    continuation_id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppendBody {
    role: MessageRole,
    content: Content,
    #[serde(default)]
    parent_id: Option<MessageId>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    archived: Option<bool>,
    pinned: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    before: Option<i64>,
    after: Option<i64>,
}

/// `POST /api/conversations`
pub async fn create_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Conversation>), Problem> {
    let CreateBody { continuation_id, title, metadata } = body;
    let new = NewConversation { continuation_id, title, metadata };
    let conversation = conversations.create(caller.account_id, new).await?;
    Ok((StatusCode::CREATED, [(header::ETAG, conversation.etag())], Json(conversation)))
}

/// `GET /api/conversations`
pub async fn list_conversations(
    caller: Caller,
    State(conversations): State<Conversations>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Vec<Conversation>>>, Problem> {
    let ListQuery { limit, cursor, archived, pinned } = query;
    let after =
        cursor.map(|text| ConversationCursor::decode(&text)).transpose().map_err(no_cursor)?;
    let filter = ConversationFilter { archived, pinned, after, limit: checked_limit(limit)? };
    Ok(Json(conversations.list(caller.account_id, filter).await?))
}

/// `GET /api/conversations/{id}`
pub async fn get_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
) -> Result<([(HeaderName, String); 1], Json<Conversation>), Problem> {
    let conversation = store::get_conversation(&conversations.database, caller.account_id, id)
        .await?
        .ok_or(ConversationError::NotFound)?;
    Ok(([(header::ETAG, conversation.etag())], Json(conversation)))
}

/// `POST /api/conversations/{id}/messages`
pub async fn append_message(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    Json(body): Json<AppendBody>,
) -> Result<(StatusCode, Json<Box<RawValue>>), Problem> {
    let AppendBody { role, content, parent_id, metadata } = body;
    let message = NewMessage { role, content, metadata };
    let stored = conversations.append(caller.account_id, id, parent_id, message).await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

/// `GET /api/conversations/{id}/messages`
pub async fn list_messages(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Box<RawValue>>>, Problem> {
    let limit = checked_limit(query.limit)?;
    let cursor = place(&query)?;
    Ok(Json(conversations.messages(caller.account_id, id, cursor, limit).await?))
}

/// The place that a query names: by cursor, or by seq and direction, but only once.
fn place(query: &PageQuery) -> Result<Option<MessageCursor>, Problem> {
    let natural = |pointer: &str, seq: i64| {
        if 0 <= seq {
            return Ok(seq);
        }
        Err(Problem::validation(vec![FieldError::new(pointer, "It must not be negative.")]))
    };
    match (&query.cursor, query.before, query.after) {
        (None, None, None) => Ok(None),
        (Some(text), None, None) => MessageCursor::decode(text).map(Some).map_err(no_cursor),
        (None, Some(seq), None) => Ok(Some(MessageCursor::Before(natural("/before", seq)?))),
        (None, None, Some(seq)) => Ok(Some(MessageCursor::After(natural("/after", seq)?))),
        _ => Err(Problem::validation(vec![FieldError::new(
            "",
            "Give only one of cursor, before and after.",
        )])),
    }
}

fn checked_limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::validation(vec![FieldError::new(
            "/limit",
            format!("It must be from 1 to {PAGE_ITEMS_MAX}."),
        )])),
    }
}

fn no_cursor(_: InvalidCursor) -> Problem {
    Problem::validation(vec![FieldError::new("/cursor", "This is no cursor of this list.")])
}
