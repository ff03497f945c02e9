use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use ids::{AccountId, SessionId};
use problem::{Json, Path, Problem, Query};
use serde::Deserialize;

use super::SessionView;
use crate::device::Device;
use crate::page::{ListQuery, Page};
use crate::service::{Auth, SignedIn};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    refresh_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    account_id: String,
}

/// `POST /api/auth/refresh`
pub async fn refresh_session(
    State(auth): State<Auth>,
    device: Device,
    Json(body): Json<RefreshBody>,
) -> Result<Json<SignedIn>, Problem> {
    Ok(Json(auth.refresh(&body.refresh_token, &device).await?))
}

/// `POST /api/auth/logout`
pub async fn logout(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
) -> Result<StatusCode, Problem> {
    auth.log_out(&caller, caller.session_id()?, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/auth/switch`
pub async fn switch_account(
    caller: Caller,
    State(auth): State<Auth>,
    device: Device,
    Json(body): Json<SwitchBody>,
) -> Result<Json<SignedIn>, Problem> {
    // What is no id names nothing, like an account of others.
    let account_id: AccountId = body.account_id.parse().map_err(|_| Problem::not_found())?;
    let from = caller.session_id()?;
    Ok(Json(auth.switch_account(&caller, from, account_id, device).await?))
}

/// `GET /api/me/sessions`
pub async fn list_sessions(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<SessionView>>, Problem> {
    let part = query.part()?;
    let rows = auth.list_sessions(&caller, caller.session_id()?, &part).await?;
    Ok(Json(part.page(rows, |session| session.id.to_string())))
}

/// `DELETE /api/me/sessions/{id}`
pub async fn revoke_session(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    auth.revoke_session(&caller, id, address).await?;
    Ok(StatusCode::NO_CONTENT)
}
