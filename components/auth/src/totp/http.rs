use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use credentials::Password;
use idempotency::Claim;
use problem::{Json, Problem};
use serde::Deserialize;

use super::Enrolment;
use crate::service::Auth;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// Left out by whoever has none.
    #[serde(default)]
    password: Option<Password>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    code: String,
}

/// `POST /api/auth/totp`
pub async fn enrol_totp(
    caller: Caller,
    State(auth): State<Auth>,
    claim: Claim,
    Json(body): Json<PasswordBody>,
) -> Result<Json<Enrolment>, Problem> {
    Ok(Json(auth.enrol_totp(&caller, body.password.as_ref(), &claim).await?))
}

/// `POST /api/auth/totp/confirm`
pub async fn confirm_totp(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<CodeBody>,
) -> Result<StatusCode, Problem> {
    auth.confirm_totp(&caller, address, &body.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/auth/totp`
pub async fn remove_totp(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<PasswordBody>,
) -> Result<StatusCode, Problem> {
    auth.remove_totp(&caller, address, body.password.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
