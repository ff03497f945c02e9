use axum::extract::State;
use axum::http::{HeaderName, header};
use caller::Caller;
use ids::ConversationId;
use problem::{IfMatch, Json, JsonObject, Path, Problem};

use crate::service::{Context, Conversations};

/// The bare document with its entity tag.
type Tagged = ([(HeaderName, String); 1], Json<JsonObject>);

/// `GET /api/conversations/{id}/context`
pub async fn get_context(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
) -> Result<Tagged, Problem> {
    Ok(tagged(conversations.context(caller.account_id, id).await?))
}

/// `PUT /api/conversations/{id}/context`
pub async fn put_context(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    if_match: IfMatch,
    Json(document): Json<JsonObject>,
) -> Result<Tagged, Problem> {
    Ok(tagged(conversations.put_context(caller.account_id, id, &if_match, document).await?))
}

fn tagged(context: Context) -> Tagged {
    ([(header::ETAG, context.etag())], Json(context.document))
}
