//! `/v1/files` as the OpenAI SDKs call it.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use caller::Caller;
use idempotency::Deferred;
use ids::FileId;
use problem::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};

use super::incoming::{Form, Said, receive_form};
use super::invalid;
use crate::error::FileError;
use crate::multipart::Multipart;
use crate::name::FileName;
use crate::service::{File, FileFilter, Files, Order, Purpose};

/// As many as OpenAI gives at most; ours reads no more at once than its own lists do.
const LIMIT_MAX: u32 = 10_000;
const PAGE_MAX: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    purpose: Option<String>,
    limit: Option<u32>,
    order: Option<Order>,
    after: Option<FileId>,
}

/// OpenAI's "File object".
#[derive(Serialize)]
pub struct FileObject {
    id: FileId,
    object: &'static str,
    bytes: u64,
    /// Whole seconds since 1970.
    created_at: u64,
    filename: FileName,
    purpose: Purpose,
    status: &'static str,
}

#[derive(Serialize)]
pub struct FileList {
    object: &'static str,
    data: Vec<FileObject>,
    first_id: Option<FileId>,
    last_id: Option<FileId>,
    has_more: bool,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's name")]
pub struct Deleted {
    id: FileId,
    object: &'static str,
    deleted: bool,
}

impl From<File> for FileObject {
    fn from(file: File) -> Self {
        Self {
            id: file.id,
            object: "file",
            bytes: file.size_bytes,
            created_at: file.created_at.as_seconds(),
            filename: file.name,
            purpose: file.purpose,
            status: "processed",
        }
    }
}

/// `POST /v1/files`
pub async fn openai_create_file(
    caller: Caller,
    State(files): State<Files>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<FileObject>, Problem> {
    let multipart = Multipart::new(&headers, body).map_err(FileError::from)?;
    let (said, deferred) = (Said::default(), Deferred::default());
    let file =
        receive_form(&files, caller.account_id, multipart, said, Form::OpenAi, &deferred).await?;
    Ok(Json(file.into()))
}

/// `GET /v1/files`
pub async fn openai_list_files(
    caller: Caller,
    State(files): State<Files>,
    Query(query): Query<ListQuery>,
) -> Result<Json<FileList>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT_MAX);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(invalid("/limit", format!("It must be from 1 to {LIMIT_MAX}.")));
    }
    let purpose = query.purpose.map(|text| {
        Purpose::of(&text).ok_or_else(|| invalid("/purpose", "There is no such purpose."))
    });
    let filter = FileFilter {
        bucket: None,
        purpose: purpose.transpose()?,
        order: query.order.unwrap_or_default(),
        after: query.after,
        limit: limit.min(PAGE_MAX),
    };
    let page = files.list(caller.account_id, &filter).await?;
    let data: Vec<FileObject> = page.data.into_iter().map(FileObject::from).collect();
    Ok(Json(FileList {
        object: "list",
        first_id: data.first().map(|file| file.id),
        last_id: data.last().map(|file| file.id),
        has_more: page.next_cursor.is_some(),
        data,
    }))
}

/// `GET /v1/files/{id}`
pub async fn openai_get_file(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
) -> Result<Json<FileObject>, Problem> {
    Ok(Json(files.get(caller.account_id, id).await?.into()))
}

/// `DELETE /v1/files/{id}`
pub async fn openai_delete_file(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<FileId>,
) -> Result<Json<Deleted>, Problem> {
    files.delete(caller.account_id, id, false).await?;
    Ok(Json(Deleted { id, object: "file", deleted: true }))
}
