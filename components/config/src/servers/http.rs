use axum::extract::State;
use axum::http::StatusCode;
use idempotency::Claim;
use ids::McpServerId;
use problem::{Json, Path, Problem, Query};

use crate::owner::{By, Whose};
use crate::servers::draft::{Change, Draft};
use crate::servers::entry::McpServer;
use crate::servers::test::Tested;
use crate::service::Config;
use paging::{ListQuery, Page};

/// `GET /api/mcp-servers`
pub async fn list_mcp_servers<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<McpServer>>, Problem> {
    Ok(Json(config.servers(actor.owner, query.part()?).await?))
}

/// `POST /api/mcp-servers`
pub async fn create_mcp_server<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    claim: Claim,
    Json(draft): Json<Draft>,
) -> Result<(StatusCode, Json<McpServer>), Problem> {
    draft.refuse_processes()?;
    Ok((StatusCode::CREATED, Json(config.create_server(&actor, draft, &claim).await?)))
}

/// `GET /api/mcp-servers/{id}`
pub async fn get_mcp_server<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<McpServerId>,
) -> Result<Json<McpServer>, Problem> {
    Ok(Json(config.find_server(actor.owner, id).await?.into()))
}

/// `PATCH /api/mcp-servers/{id}`
pub async fn update_mcp_server<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<McpServerId>,
    Json(change): Json<Change>,
) -> Result<Json<McpServer>, Problem> {
    change.refuse_processes()?;
    Ok(Json(config.change_server(&actor, id, change).await?))
}

/// `DELETE /api/mcp-servers/{id}`
pub async fn delete_mcp_server<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<McpServerId>,
) -> Result<StatusCode, Problem> {
    config.delete_server(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/mcp-servers/{id}/test`
pub async fn test_mcp_server<W: Whose>(
    By(actor, _): By<W>,
    State(config): State<Config>,
    Path(id): Path<McpServerId>,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(config.test_server(actor.owner, id).await?))
}
