//! `/v1/uploads` as the OpenAI SDKs call it: the client chooses the parts, and says their order in the end.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use caller::Caller;
use idempotency::Claim;
use ids::{AccountId, PartId, UploadId};
use problem::{Json, Path, Problem};
use serde::{Deserialize, Serialize};

use super::incoming::BUCKET_DEFAULT;
use super::invalid;
use super::openai_files::FileObject;
use crate::error::FileError;
use crate::media_type::MediaType;
use crate::multipart::Multipart;
use crate::name::FileName;
use crate::service::{Completion, Files, NewUpload, PartNumber, Purpose, Upload};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    bytes: u64,
    filename: FileName,
    mime_type: String,
    purpose: Purpose,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteBody {
    part_ids: Vec<PartId>,
}

/// OpenAI's "Upload object".
#[derive(Serialize)]
pub struct UploadObject {
    id: UploadId,
    object: &'static str,
    bytes: u64,
    /// Whole seconds since 1970, as the other time.
    created_at: u64,
    filename: FileName,
    purpose: Purpose,
    status: &'static str,
    expires_at: u64,
    file: Option<FileObject>,
}

#[derive(Serialize)]
pub struct PartObject {
    id: PartId,
    object: &'static str,
    created_at: u64,
    upload_id: UploadId,
}

impl UploadObject {
    fn new(upload: Upload, status: &'static str, file: Option<FileObject>) -> Self {
        Self {
            id: upload.id,
            object: "upload",
            bytes: upload.size,
            created_at: upload.created_at.as_seconds(),
            filename: upload.name,
            purpose: upload.purpose,
            status,
            expires_at: upload.expires_at.as_seconds(),
            file,
        }
    }
}

/// `POST /v1/uploads`
pub async fn openai_create_upload(
    caller: Caller,
    State(files): State<Files>,
    Json(body): Json<CreateBody>,
) -> Result<Json<UploadObject>, Problem> {
    let declared: MediaType = body
        .mime_type
        .parse()
        .map_err(|_| invalid("/mime_type", "This is no media type as text/plain."))?;
    let new = NewUpload {
        bucket: BUCKET_DEFAULT.to_owned(),
        name: body.filename,
        declared,
        size: body.bytes,
        sha256: None,
        metadata: None,
        purpose: body.purpose,
        part_bytes: None,
    };
    let none = |_: &Upload| Ok(Vec::new());
    let upload = files.create_upload(caller.account_id, new, none, &Claim::default()).await?;
    Ok(Json(UploadObject::new(upload, "pending", None)))
}

/// `POST /v1/uploads/{id}/parts`: a form with the field `data`.
pub async fn openai_add_part(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PartObject>, Problem> {
    Ok(Json(receive(&files, caller.account_id, id, &headers, body).await?))
}

/// `POST /v1/uploads/{id}/complete`
pub async fn openai_complete_upload(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
    Json(body): Json<CompleteBody>,
) -> Result<Json<UploadObject>, Problem> {
    let completion = Completion::Listed(body.part_ids);
    let (upload, file) = files.complete_upload(caller.account_id, id, &completion).await?;
    Ok(Json(UploadObject::new(upload, "completed", Some(file.into()))))
}

/// `POST /v1/uploads/{id}/cancel`
pub async fn openai_cancel_upload(
    caller: Caller,
    State(files): State<Files>,
    Path(id): Path<UploadId>,
) -> Result<Json<UploadObject>, Problem> {
    let upload = files.cancel_upload(caller.account_id, id).await?;
    Ok(Json(UploadObject::new(upload, "cancelled", None)))
}

async fn receive(
    files: &Files,
    account: AccountId,
    id: UploadId,
    headers: &HeaderMap,
    body: Body,
) -> Result<PartObject, FileError> {
    const NO_DATA: FileError = FileError::Unreadable("The form has one field, data.");
    let mut receiving = files.receive_part(account, id, PartNumber::Open).await?;
    let outcome = async {
        let mut multipart = Multipart::new(headers, body)?;
        multipart.next_part().await?.filter(|head| head.name == "data").ok_or(NO_DATA)?;
        while let Some(bytes) = multipart.next_bytes().await? {
            receiving.push(&bytes).await?;
        }
        if multipart.next_part().await?.is_some() {
            return Err(NO_DATA);
        }
        multipart.finish().await?;
        receiving.finish(None).await
    };
    match outcome.await {
        Ok(part) => Ok(PartObject {
            id: part.id,
            object: "upload.part",
            created_at: receiving.created_at().as_seconds(),
            upload_id: id,
        }),
        Err(error) => {
            receiving.give_up().await;
            Err(error)
        }
    }
}
