use axum::extract::State;
use axum::http::StatusCode;
use caller::Caller;
use idempotency::Claim;
use ids::{ConversationId, MemoryId};
use problem::{Json, JsonObject, Path, Problem, Query};
use serde::{Deserialize, Serialize};

use super::search::checked_query;
use super::{checked_limit, invalid, no_cursor};
use crate::cursor::MemoryCursor;
use crate::service::{
    Conversations, Memory, MemoryChange, MemoryFilter, MemoryKind, MemoryOwner, NewMemory, Page,
};
use crate::store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryBody {
    kind: MemoryKind,
    #[serde(default)]
    key: Option<String>,
    value: String,
    #[serde(default)]
    source_conversation_id: Option<ConversationId>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactBody {
    value: String,
    #[serde(default)]
    source_conversation_id: Option<ConversationId>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryUpdateBody {
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryQuery {
    q: Option<String>,
    kind: Option<MemoryKind>,
    source_conversation_id: Option<ConversationId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetQuery {
    source_conversation_id: ConversationId,
}

#[derive(Serialize)]
pub struct Forgotten {
    deleted: usize,
}

/// `POST /api/memory`
pub async fn create_memory(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Json(body): Json<MemoryBody>,
) -> Result<(StatusCode, Json<Memory>), Problem> {
    let MemoryBody { kind, key, value, source_conversation_id, metadata } = body;
    match (kind, &key) {
        (MemoryKind::Fact, None) => return Err(invalid("/key", "A fact needs a key.")),
        (MemoryKind::Episode, Some(_)) => return Err(invalid("/key", "An episode has no key.")),
        _ => {}
    }
    let new = NewMemory { key, value, source_conversation_id, metadata };
    remember(&caller, &conversations, new, &claim).await
}

/// `PUT /api/memory/facts/{key}`
pub async fn put_fact(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(key): Path<String>,
    Json(body): Json<FactBody>,
) -> Result<(StatusCode, Json<Memory>), Problem> {
    let FactBody { value, source_conversation_id, metadata } = body;
    let new = NewMemory { key: Some(key), value, source_conversation_id, metadata };
    // Putting the same fact twice is putting it once.
    remember(&caller, &conversations, new, &Claim::default()).await
}

/// `GET /api/memory`
pub async fn list_memories(
    caller: Caller,
    State(conversations): State<Conversations>,
    Query(query): Query<MemoryQuery>,
) -> Result<Json<Page<Vec<Memory>>>, Problem> {
    let MemoryQuery { q, kind, source_conversation_id: source, limit, cursor } = query;
    let after = cursor.map(|text| MemoryCursor::decode(&text)).transpose().map_err(no_cursor)?;
    let filter = MemoryFilter { kind, source, after, limit: checked_limit(limit)? };
    let owner = owner(&caller);
    let page = match q {
        None => conversations.memories(owner, &filter).await?,
        Some(q) => conversations.recall(owner, checked_query(&q)?.as_ref(), &filter).await?,
    };
    Ok(Json(page))
}

/// `GET /api/memory/{id}`
pub async fn get_memory(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<MemoryId>,
) -> Result<Json<Memory>, Problem> {
    Ok(Json(conversations.memory(owner(&caller), id).await?))
}

/// `PATCH /api/memory/{id}`
pub async fn update_memory(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<MemoryId>,
    Json(body): Json<MemoryUpdateBody>,
) -> Result<Json<Memory>, Problem> {
    let MemoryUpdateBody { value, metadata } = body;
    let change = MemoryChange { value, metadata };
    Ok(Json(conversations.change_memory(owner(&caller), id, change).await?))
}

/// `DELETE /api/memory/{id}`
pub async fn delete_memory(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<MemoryId>,
) -> Result<StatusCode, Problem> {
    conversations.forget(owner(&caller), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/memory?source_conversation_id=…`
pub async fn delete_memories(
    caller: Caller,
    State(conversations): State<Conversations>,
    Query(query): Query<ForgetQuery>,
) -> Result<Json<Forgotten>, Problem> {
    let (database, source) = (&conversations.database, query.source_conversation_id);
    let deleted = store::delete_memories_of_conversation(database, owner(&caller), source).await?;
    Ok(Json(Forgotten { deleted }))
}

fn owner(caller: &Caller) -> MemoryOwner {
    MemoryOwner { account: caller.account_id, user: caller.user_id }
}

async fn remember(
    caller: &Caller,
    conversations: &Conversations,
    new: NewMemory,
    claim: &Claim,
) -> Result<(StatusCode, Json<Memory>), Problem> {
    let (memory, is_new) = conversations.remember(owner(caller), new, claim).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(memory)))
}
