use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use idempotency::Claim;
use problem::{Json, Path, Problem};
use serde::Deserialize;

use crate::service::{Bucket, BucketChange, Files, Page, Visibility};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    name: String,
    file_bytes_max: u64,
    mime_types: Vec<String>,
    #[serde(default)]
    visibility: Visibility,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    #[serde(default)]
    file_bytes_max: Option<u64>,
    #[serde(default)]
    mime_types: Option<Vec<String>>,
    #[serde(default)]
    visibility: Option<Visibility>,
}

/// `GET /api/buckets`
pub async fn list_buckets(
    _: Caller,
    State(files): State<Files>,
) -> Result<Json<Page<Vec<Bucket>>>, Problem> {
    Ok(Json(Page { data: files.buckets().await?, next_cursor: None }))
}

/// `POST /api/buckets`
pub async fn create_bucket(
    caller: Caller,
    address: ClientAddress,
    State(files): State<Files>,
    claim: Claim,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Json<Bucket>), Problem> {
    let CreateBody { name, file_bytes_max, mime_types, visibility } = body;
    let bucket = Bucket { name, file_bytes_max, mime_types, visibility };
    let bucket = files.create_bucket(&caller, address, bucket, &claim).await?;
    Ok((StatusCode::CREATED, Json(bucket)))
}

/// `PATCH /api/buckets/{name}`
pub async fn update_bucket(
    caller: Caller,
    address: ClientAddress,
    State(files): State<Files>,
    Path(name): Path<String>,
    Json(body): Json<UpdateBody>,
) -> Result<Json<Bucket>, Problem> {
    let UpdateBody { file_bytes_max, mime_types, visibility } = body;
    let change = BucketChange { file_bytes_max, mime_types, visibility };
    Ok(Json(files.change_bucket(&caller, address, &name, &change).await?))
}
