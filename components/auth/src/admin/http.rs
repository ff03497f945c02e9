use audit::{Log, Recorded};
use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use ids::UserId;
use problem::{Json, Path, Problem, Query};
use serde::Deserialize;

use crate::accounts::http::{AuditQuery, audit_page};
use crate::admin::service::{UserChange, UserRecord};
use crate::admin::store;
use crate::error::AuthError;
use crate::service::Auth;
use paging::{ListQuery, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    is_admin: Option<bool>,
}

/// `GET /api/admin/users`
pub async fn list_users(
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<UserRecord>>, Problem> {
    let part = query.part()?;
    let rows = store::list_users(&auth.database, &part).await?;
    Ok(Json(part.page(rows, |user| user.id.to_string())))
}

/// `GET /api/admin/users/{id}`
pub async fn get_user(
    State(auth): State<Auth>,
    Path(id): Path<UserId>,
) -> Result<Json<UserRecord>, Problem> {
    let user = store::get_user(&auth.database, id).await?;
    Ok(Json(user.ok_or(AuthError::NotFound)?))
}

/// `PATCH /api/admin/users/{id}`
pub async fn update_user(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<UserId>,
    Json(body): Json<UserBody>,
) -> Result<Json<UserRecord>, Problem> {
    let UserBody { is_active, is_admin } = body;
    let change = UserChange { id, is_active, is_admin };
    Ok(Json(auth.update_user(&caller, address, &change).await?))
}

/// `POST /api/admin/users/{id}/sign-out`
pub async fn sign_out_user(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Problem> {
    auth.sign_out_user(&caller, address, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/admin/users/{id}/reset-mfa`
pub async fn reset_mfa(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Problem> {
    auth.reset_mfa(&caller, address, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/admin/audit`
pub async fn list_platform_audit(
    State(auth): State<Auth>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<Recorded>>, Problem> {
    audit_page(&auth, Log::Platform, query).await
}
