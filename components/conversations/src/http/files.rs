use axum::extract::State;
use axum::http::StatusCode;
use caller::Caller;
use ids::{ConversationId, FileId};
use problem::{Json, Path, Problem};

use crate::service::{AttachedFile, Conversations, Page};

/// `GET /api/conversations/{id}/files`
pub async fn list_attached_files(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
) -> Result<Json<Page<Vec<AttachedFile>>>, Problem> {
    let data = conversations.attached_files(caller.account_id, id).await?;
    Ok(Json(Page { data, next_cursor: None }))
}

/// `GET /api/conversations/{id}/files/{file_id}`
pub async fn get_attached_file(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path((id, file)): Path<(ConversationId, FileId)>,
) -> Result<Json<AttachedFile>, Problem> {
    Ok(Json(conversations.attached_file(caller.account_id, id, file).await?))
}

/// `PUT /api/conversations/{id}/files/{file_id}`
pub async fn attach_file(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path((id, file)): Path<(ConversationId, FileId)>,
) -> Result<Json<AttachedFile>, Problem> {
    Ok(Json(conversations.attach_file(caller.account_id, id, file).await?))
}

/// `DELETE /api/conversations/{id}/files/{file_id}`
pub async fn detach_file(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path((id, file)): Path<(ConversationId, FileId)>,
) -> Result<StatusCode, Problem> {
    conversations.detach_file(caller.account_id, id, file).await?;
    Ok(StatusCode::NO_CONTENT)
}
