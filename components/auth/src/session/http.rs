use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use caller::{Caller, ClientAddress};
use ids::{AccountId, SessionId};
use problem::{Json, Path, Problem, Query};
use serde::Deserialize;

use super::SessionView;
use crate::browser::{Client, RefreshCookie};
use crate::device::Device;
use crate::service::Auth;
use paging::{ListQuery, Page};

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
    client: Client,
    cookie: RefreshCookie,
    device: Device,
    body: Option<Json<RefreshBody>>,
) -> Result<Response, Problem> {
    let token = client.refresh_token(cookie, body.map(|Json(body)| body.refresh_token))?;
    client.answer(StatusCode::OK, auth.refresh(&token, &device).await?)
}

/// `POST /api/auth/logout`
pub async fn logout(
    caller: Caller,
    State(auth): State<Auth>,
    client: Client,
    address: ClientAddress,
) -> Result<Response, Problem> {
    auth.log_out(&caller, caller.session_id()?, address).await?;
    client.farewell()
}

/// `POST /api/auth/switch`
pub async fn switch_account(
    caller: Caller,
    State(auth): State<Auth>,
    client: Client,
    device: Device,
    Json(body): Json<SwitchBody>,
) -> Result<Response, Problem> {
    // What is no id names nothing, like an account of others.
    let account_id: AccountId = body.account_id.parse().map_err(|_| Problem::not_found())?;
    let from = caller.session_id()?;
    let signed_in = auth.switch_account(&caller, from, account_id, device).await?;
    client.answer(StatusCode::OK, signed_in)
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
