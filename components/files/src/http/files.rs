use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use caller::Caller;
use idempotency::Deferred;
use ids::FileId;
use problem::{Json, JsonObject, Path, Problem, Query};
use serde::{Deserialize, Serialize};

use super::incoming::{Form, Said, receive_form, receive_raw, refuse_encoding};
use super::{checked_limit, invalid};
use crate::error::FileError;
use crate::multipart::Multipart;
use crate::name::FileName;
use crate::service::{File, FileChange, FileFilter, Files, LINK_SECONDS_MAX, Order, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateQuery {
    name: Option<String>,
    bucket: Option<String>,
    metadata: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    bucket: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(default)]
    name: Option<FileName>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteQuery {
    force: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Serialize)]
pub struct Link {
    url: String,
}

/// `POST /api/files`: a form with the field `file`, or the bytes themselves.
pub async fn create_file(
    caller: Caller,
    State(files): State<Files>,
    deferred: Deferred,
    Query(query): Query<CreateQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<File>), Problem> {
    refuse_encoding(&headers)?;
    let CreateQuery { name, bucket, metadata } = query;
    let said = Said { name, bucket, metadata, purpose: None };
    let account = caller.account_id;
    let file = if Multipart::is_one(&headers) {
        let multipart = Multipart::new(&headers, body).map_err(FileError::from)?;
        receive_form(&files, account, multipart, said, Form::Ours, &deferred).await?
    } else {
        receive_raw(&files, account, &headers, body, said, &deferred).await?
    };
    Ok((StatusCode::CREATED, Json(file)))
}

/// `GET /api/files`
pub async fn list_files(
    caller: Caller,
    State(files): State<Files>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Vec<File>>>, Problem> {
    let after = query.cursor.map(|cursor| cursor.parse::<FileId>()).transpose();
    let after = after.map_err(|_| invalid("/cursor", "This is no cursor of this list."))?;
    let limit = checked_limit(query.limit)?;
    let bucket = query.bucket;
    let filter = FileFilter { bucket, purpose: None, order: Order::Desc, after, limit };
    Ok(Json(files.list(caller.account_id, &filter).await?))
}

/// `GET /api/files/{id}`
pub async fn get_file(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
) -> Result<Json<File>, Problem> {
    Ok(Json(files.get(caller.account_id, id).await?))
}

/// `PATCH /api/files/{id}`
pub async fn update_file(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
    Json(body): Json<UpdateBody>,
) -> Result<Json<File>, Problem> {
    let change = FileChange { name: body.name, metadata: body.metadata };
    Ok(Json(files.change(caller.account_id, id, &change).await?))
}

/// `DELETE /api/files/{id}`
pub async fn delete_file(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
    Query(query): Query<DeleteQuery>,
) -> Result<StatusCode, Problem> {
    files.delete(caller.account_id, id, query.force.unwrap_or(false)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/files/{id}/signed-url`
pub async fn create_signed_url(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
    body: Option<Json<LinkBody>>,
) -> Result<Json<Link>, Problem> {
    let seconds = body.and_then(|Json(body)| body.expires_in).unwrap_or(LINK_SECONDS_MAX);
    Ok(Json(Link { url: files.link(caller.account_id, id, seconds).await? }))
}
