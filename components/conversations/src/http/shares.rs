use ambient::UnixMillis;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use caller::Caller;
use idempotency::Claim;
use ids::{ConversationId, MessageId, ShareId};
use problem::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{checked_limit, no_cursor};
use crate::cursor::{InvalidCursor, MessageCursor, Place};
use crate::error::ConversationError;
use crate::service::{Conversation, Conversations, CreatedShare, Page, Share, Snapshot};
use message::{MessageRole, Usage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkBody {
    message_id: MessageId,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareBody {
    #[serde(default)]
    message_id: Option<MessageId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// What others see of a conversation.
#[derive(Serialize)]
pub struct Shared {
    title: Option<String>,
    created_at: UnixMillis,
    data: Vec<SharedMessage>,
    next_cursor: Option<String>,
}

/// What others see of a message: what was said, and nothing that its account keeps with it.
#[derive(Serialize, Deserialize)]
pub struct SharedMessage {
    id: MessageId,
    seq: i64,
    parent_id: Option<MessageId>,
    role: MessageRole,
    content: Box<RawValue>,
    status: String,
    model: Option<String>,
    usage: Option<Usage>,
    created_at: String,
}

/// `POST /api/conversations/{id}/fork`
pub async fn fork_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Path(id): Path<ConversationId>,
    Json(body): Json<ForkBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Conversation>), Problem> {
    let copy = conversations.fork(caller.account_id, id, body.message_id, &claim).await?;
    Ok((StatusCode::CREATED, [(header::ETAG, copy.etag())], Json(copy)))
}

/// `POST /api/conversations/{id}/shares`
pub async fn create_share(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Path(id): Path<ConversationId>,
    body: Option<Json<ShareBody>>,
) -> Result<(StatusCode, Json<CreatedShare>), Problem> {
    let Json(ShareBody { message_id }) = body.unwrap_or_else(|| Json(ShareBody::default()));
    let created = conversations.share(caller.account_id, id, message_id, &claim).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/conversations/{id}/shares`
pub async fn list_shares(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
) -> Result<Json<Page<Vec<Share>>>, Problem> {
    let data = conversations.shares(caller.account_id, id).await?;
    Ok(Json(Page { data, next_cursor: None }))
}

/// `DELETE /api/shares/{id}`
pub async fn delete_share(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ShareId>,
) -> Result<StatusCode, Problem> {
    conversations.revoke_share(caller.account_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/shared/{token}`
pub async fn get_shared(
    State(conversations): State<Conversations>,
    Path(token): Path<String>,
    Query(query): Query<SharedQuery>,
) -> Result<Json<Shared>, Problem> {
    let limit = checked_limit(query.limit)?;
    let cursor = query.cursor.map(|text| MessageCursor::decode(&text)).transpose();
    // Of what the cursor says only the place counts: the link knows the path.
    let place = match cursor.map_err(no_cursor)?.map(|cursor| cursor.place) {
        None => Place::After(0),
        Some(Place::After(seq)) => Place::After(seq),
        Some(Place::Before(_)) => return Err(no_cursor(InvalidCursor)),
    };
    let snapshot = conversations.snapshot(&token).await?;
    let page = conversations.shared_messages(&snapshot, place, limit).await?;
    let next_cursor = page.next_cursor(place, false);
    let mut data: Vec<SharedMessage> =
        serde_json::from_str(&page.data).map_err(ConversationError::from)?;
    // Instructions of the system are between an account and its models.
    data.retain(|message| message.role != MessageRole::System);
    let Snapshot { title, created_at, .. } = snapshot;
    Ok(Json(Shared { title, created_at, data, next_cursor }))
}

/// `POST /api/shared/{token}/copy`
pub async fn copy_shared(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Path(token): Path<String>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Conversation>), Problem> {
    let snapshot = conversations.snapshot(&token).await?;
    let copy = conversations.copy_snapshot(snapshot, caller.account_id, &claim).await?;
    Ok((StatusCode::CREATED, [(header::ETAG, copy.etag())], Json(copy)))
}
