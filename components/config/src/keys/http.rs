use axum::extract::State;
use axum::http::StatusCode;
use idempotency::Claim;
use ids::ProviderKeyId;
use problem::{Json, Path, Problem, Query};

use crate::keys::draft::{Change, Draft};
use crate::keys::service::KeyRecord;
use crate::owner::{By, Own};
use crate::service::Config;
use paging::{ListQuery, Page};

/// `GET /api/keys`
pub async fn list_provider_keys(
    By(actor, _): By<Own>,
    State(config): State<Config>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<KeyRecord>>, Problem> {
    Ok(Json(config.keys(actor.caller.account_id, query.part()?).await?))
}

/// `POST /api/keys`
pub async fn create_provider_key(
    By(actor, _): By<Own>,
    State(config): State<Config>,
    claim: Claim,
    Json(draft): Json<Draft>,
) -> Result<(StatusCode, Json<KeyRecord>), Problem> {
    Ok((StatusCode::CREATED, Json(config.create_key(&actor, draft, &claim).await?)))
}

/// `PATCH /api/keys/{id}`
pub async fn update_provider_key(
    By(actor, _): By<Own>,
    State(config): State<Config>,
    Path(id): Path<ProviderKeyId>,
    Json(change): Json<Change>,
) -> Result<Json<KeyRecord>, Problem> {
    Ok(Json(config.change_key(&actor, id, change).await?))
}

/// `DELETE /api/keys/{id}`
pub async fn delete_provider_key(
    By(actor, _): By<Own>,
    State(config): State<Config>,
    Path(id): Path<ProviderKeyId>,
) -> Result<StatusCode, Problem> {
    config.delete_key(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
