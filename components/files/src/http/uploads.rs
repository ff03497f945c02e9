use ambient::UnixMillis;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use caller::Caller;
use idempotency::Claim;
use ids::{AccountId, FileId, UploadId};
use problem::{Json, JsonObject, Path, Problem};
use serde::{Deserialize, Serialize};

use super::incoming::{next_bytes, refuse_encoding};
use super::{content_digest, invalid, sha256};
use crate::error::FileError;
use crate::media_type::MediaType;
use crate::name::FileName;
use crate::service::{
    Completion, File, Files, NewUpload, PART_BYTES, Part, PartNumber, Purpose, Upload,
};
use crate::store::hex;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    bucket: String,
    name: FileName,
    mime_type: String,
    size_bytes: u64,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Serialize)]
pub struct UploadView {
    id: UploadId,
    bucket: String,
    name: FileName,
    mime_type: String,
    size_bytes: u64,
    part_size: u64,
    parts_total: u64,
    /// The numbers of the parts that are there.
    received: Vec<u32>,
    status: &'static str,
    /// The file that it has become.
    file_id: Option<FileId>,
    expires_at: UnixMillis,
    created_at: UnixMillis,
}

#[derive(Serialize)]
pub struct PartView {
    number: Option<u32>,
    size_bytes: u64,
    sha256: String,
}

impl UploadView {
    fn new(upload: &Upload, parts: &[Part]) -> Self {
        Self {
            id: upload.id,
            bucket: upload.bucket.clone(),
            name: upload.name.clone(),
            mime_type: upload.media_type.to_string(),
            size_bytes: upload.size,
            part_size: upload.part_bytes.unwrap_or(PART_BYTES),
            parts_total: upload.parts_total(),
            received: parts.iter().filter_map(|part| part.number).collect(),
            status: if upload.is_complete { "completed" } else { "pending" },
            file_id: upload.is_complete.then_some(upload.file),
            expires_at: upload.expires_at,
            created_at: upload.created_at,
        }
    }
}

/// `POST /api/uploads`
pub async fn create_upload(
    caller: Caller,
    State(files): State<Files>,
    claim: Claim,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Json<UploadView>), Problem> {
    let declared: MediaType = body
        .mime_type
        .parse()
        .map_err(|_| invalid("/mime_type", "This is no media type as text/plain."))?;
    let new = NewUpload {
        bucket: body.bucket,
        name: body.name,
        declared,
        size: body.size_bytes,
        sha256: body.sha256.map(|text| sha256(&text, "/sha256")).transpose()?,
        metadata: body.metadata,
        purpose: Purpose::default(),
        part_bytes: Some(PART_BYTES),
    };
    let answer = |upload: &Upload| serde_json::to_vec(&UploadView::new(upload, &[]));
    let upload = files.create_upload(caller.account_id, new, answer, &claim).await?;
    Ok((StatusCode::CREATED, Json(UploadView::new(&upload, &[]))))
}

/// `GET /api/uploads/{id}`
pub async fn get_upload(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
) -> Result<Json<UploadView>, Problem> {
    let (upload, parts) = files.upload(caller.account_id, id).await?;
    Ok(Json(UploadView::new(&upload, &parts)))
}

/// `DELETE /api/uploads/{id}`
pub async fn delete_upload(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
) -> Result<StatusCode, Problem> {
    files.cancel_upload(caller.account_id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /api/uploads/{id}/parts/{n}`
pub async fn put_part(
    caller: Caller,
    State(files): State<Files>,
    Path((id, number)): Path<(UploadId, u32)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PartView>, Problem> {
    refuse_encoding(&headers)?;
    let part = receive(&files, caller.account_id, id, number, &headers, body).await?;
    let Part { number, size, sha256, .. } = part;
    Ok(Json(PartView { number, size_bytes: size, sha256: hex(&sha256) }))
}

/// `POST /api/uploads/{id}/complete`
pub async fn complete_upload(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
) -> Result<Json<File>, Problem> {
    let (_, file) = files.complete_upload(caller.account_id, id, &Completion::Numbered).await?;
    Ok(Json(file))
}

async fn receive(
    files: &Files,
    account: AccountId,
    id: UploadId,
    number: u32,
    headers: &HeaderMap,
    body: Body,
) -> Result<Part, FileError> {
    let digest = content_digest(headers)?;
    let mut receiving = files.receive_part(account, id, PartNumber::Chosen(number)).await?;
    let outcome = async {
        let mut body = body.into_data_stream();
        while let Some(bytes) = next_bytes(&mut body).await? {
            receiving.push(&bytes).await?;
        }
        receiving.finish(digest).await
    };
    match outcome.await {
        Ok(part) => Ok(part),
        Err(error) => {
            receiving.give_up().await;
            Err(error)
        }
    }
}
