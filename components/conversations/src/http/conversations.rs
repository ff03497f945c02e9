use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use caller::Caller;
use idempotency::Claim;
use ids::ConversationId;
use problem::{FieldError, IfMatch, Json, JsonObject, Path, Problem, Query};
use serde::Deserialize;

use super::{checked_limit, no_cursor};
use crate::cursor::ConversationCursor;
use crate::lifetime::LifetimeChange;
use crate::service::{
    Conversation, ConversationChange, ConversationFilter, Conversations, NewConversation, Page,
    TitleChange,
};

/// A conversation with its entity tag.
type Tagged = ([(HeaderName, String); 1], Json<Conversation>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    #[serde(default)]
    continuation_id: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    metadata: Option<JsonObject>,
    #[serde(default)]
    temporary: Option<bool>,
    #[serde(default)]
    expires_in: Option<i64>,
    #[serde(default)]
    model_id: Option<String>,
    #[serde(default)]
    blueprint_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContinuationBody {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(default)]
    title: TitleChange,
    #[serde(default)]
    metadata: Option<JsonObject>,
    #[serde(default)]
    pinned: Option<bool>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    temporary: Option<bool>,
    #[serde(default)]
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    archived: Option<bool>,
    pinned: Option<bool>,
    temporary: Option<bool>,
}

/// `POST /api/conversations`
pub async fn create_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Tagged), Problem> {
    let CreateBody { continuation_id, title, metadata, .. } = body;
    refuse_references(body.model_id.as_ref(), body.blueprint_id.as_ref())?;
    let lifetime = lifetime(body.temporary, body.expires_in)?.new_lifetime();
    let new = NewConversation { continuation_id, title, metadata, lifetime };
    let conversation = conversations.create(caller.account_id, new, &claim).await?;
    Ok((StatusCode::CREATED, tagged(conversation)))
}

/// `PUT /api/conversations/by-continuation/{continuation_id}`
pub async fn put_conversation_by_continuation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(continuation_id): Path<String>,
    body: Option<Json<ContinuationBody>>,
) -> Result<(StatusCode, Tagged), Problem> {
    let Json(ContinuationBody { title, metadata }) =
        body.unwrap_or(Json(ContinuationBody::default()));
    let new = NewConversation { title, metadata, ..NewConversation::default() };
    let (conversation, is_created) =
        conversations.get_or_create(caller.account_id, continuation_id, new).await?;
    let status = if is_created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, tagged(conversation)))
}

/// `GET /api/conversations`
pub async fn list_conversations(
    caller: Caller,
    State(conversations): State<Conversations>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Vec<Conversation>>>, Problem> {
    let ListQuery { limit, cursor, archived, pinned, temporary } = query;
    let temporary = temporary.unwrap_or(false);
    let after =
        cursor.map(|text| ConversationCursor::decode(&text)).transpose().map_err(no_cursor)?;
    let limit = checked_limit(limit)?;
    let filter = ConversationFilter { archived, pinned, temporary, after, limit };
    Ok(Json(conversations.list(caller.account_id, filter).await?))
}

/// `GET /api/conversations/{id}`
pub async fn get_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
) -> Result<Tagged, Problem> {
    Ok(tagged(conversations.get(caller.account_id, id).await?))
}

/// `PATCH /api/conversations/{id}`
pub async fn update_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    if_match: IfMatch,
    Json(body): Json<UpdateBody>,
) -> Result<Tagged, Problem> {
    let UpdateBody { title, metadata, pinned, archived, temporary, expires_in } = body;
    let lifetime = lifetime(temporary, expires_in)?;
    let change = ConversationChange { title, metadata, pinned, archived, lifetime };
    Ok(tagged(conversations.change(caller.account_id, id, &if_match, change).await?))
}

/// `DELETE /api/conversations/{id}`
pub async fn delete_conversation(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    conversations.delete(caller.account_id, id, &if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn tagged(conversation: Conversation) -> Tagged {
    ([(header::ETAG, conversation.etag())], Json(conversation))
}

fn lifetime(temporary: Option<bool>, expires_in: Option<i64>) -> Result<LifetimeChange, Problem> {
    LifetimeChange::asked(temporary, expires_in).map_err(|error| Problem::validation(vec![error]))
}

/// No account has models or blueprints yet, so every id of one is unknown.
fn refuse_references(model: Option<&String>, blueprint: Option<&String>) -> Result<(), Problem> {
    let model = model.map(|_| FieldError::new("/model_id", "The account has no such model."));
    let blueprint =
        blueprint.map(|_| FieldError::new("/blueprint_id", "The account has no such blueprint."));
    let errors: Vec<_> = model.into_iter().chain(blueprint).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation(errors)) }
}
