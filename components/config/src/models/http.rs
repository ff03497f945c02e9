use axum::extract::State;
use axum::http::StatusCode;
use idempotency::Claim;
use ids::ModelId;
use problem::{Json, Path, Problem, Query};

use crate::models::draft::{Change, Draft};
use crate::models::entry::Model;
use crate::models::test::Tested;
use crate::owner::{By, Whose};
use crate::service::Config;
use paging::{ListQuery, Page};

/// `GET /api/models`
pub async fn list_models<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Model>>, Problem> {
    Ok(Json(config.models(actor.owner, query.part()?).await?))
}

/// `POST /api/models`
pub async fn create_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    claim: Claim,
    Json(draft): Json<Draft>,
) -> Result<(StatusCode, Json<Model>), Problem> {
    Ok((StatusCode::CREATED, Json(config.create_model(&actor, draft, &claim).await?)))
}

/// `GET /api/models/{id}`
pub async fn get_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<ModelId>,
) -> Result<Json<Model>, Problem> {
    Ok(Json(config.model(actor.owner, id).await?))
}

/// `PATCH /api/models/{id}`
pub async fn update_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<ModelId>,
    Json(change): Json<Change>,
) -> Result<Json<Model>, Problem> {
    Ok(Json(config.change_model(&actor, id, change).await?))
}

/// `DELETE /api/models/{id}`
pub async fn delete_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<ModelId>,
) -> Result<StatusCode, Problem> {
    config.delete_model(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/models/{id}/activate`
pub async fn activate_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<ModelId>,
) -> Result<Json<Model>, Problem> {
    Ok(Json(config.activate_model(&actor, id).await?))
}

/// `POST /api/models/{id}/test`
pub async fn test_model<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<ModelId>,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(config.test_model(actor.owner, id).await?))
}
