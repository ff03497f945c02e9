use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress, Scope};
use idempotency::Claim;
use ids::ApiKeyId;
use problem::{Json, Path, Problem, Query};
use serde::Deserialize;

use crate::api_keys::service::{ApiKey, CreatedApiKey, NewApiKey};
use crate::api_keys::store;
use crate::service::Auth;
use paging::{ListQuery, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    name: String,
    #[serde(default)]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    expires_in_days: Option<u32>,
}

/// `POST /api/tokens`
pub async fn create_api_key(
    caller: Caller,
    State(auth): State<Auth>,
    claim: Claim,
    address: ClientAddress,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Json<CreatedApiKey>), Problem> {
    let CreateBody { name, scopes, expires_in_days } = body;
    let new = NewApiKey { name, scopes, expires_in_days };
    let created = auth.create_api_key(&caller, address, new, &claim).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /api/tokens`
pub async fn list_api_keys(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<ApiKey>>, Problem> {
    let part = query.part()?;
    let rows = store::list_api_keys(&auth.database, &caller, &part).await?;
    Ok(Json(part.page(rows, |api_key| api_key.id.to_string())))
}

/// `DELETE /api/tokens/{id}`
pub async fn delete_api_key(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    auth.delete_api_key(&caller, address, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
