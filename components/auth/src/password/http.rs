use ambient::Afterwards;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use credentials::Password;
use problem::{Json, Problem};
use serde::Deserialize;

use crate::service::Auth;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeBody {
    /// Left out by whoever has none yet.
    #[serde(default)]
    current_password: Option<Password>,
    new_password: Password,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgotBody {
    email: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    token: String,
    new_password: Password,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyBody {
    token: String,
}

/// `POST /api/auth/password`
pub async fn change_password(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<ChangeBody>,
) -> Result<StatusCode, Problem> {
    let ChangeBody { current_password, new_password } = body;
    let keep = caller.session_id()?;
    let current = current_password.as_ref();
    auth.change_password(&caller, keep, address, current, &new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/auth/password/forgot`
pub async fn forget_password(
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<ForgotBody>,
) -> Result<(StatusCode, Extension<Afterwards>), Problem> {
    let afterwards = auth.forget_password(address, &body.email).await?;
    Ok((StatusCode::ACCEPTED, Extension(afterwards)))
}

/// `POST /api/auth/password/reset`
pub async fn reset_password(
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<ResetBody>,
) -> Result<StatusCode, Problem> {
    auth.reset_password(address, &body.token, &body.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/auth/email/verify`
pub async fn verify_email(
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<VerifyBody>,
) -> Result<StatusCode, Problem> {
    auth.verify_email(address, &body.token).await?;
    Ok(StatusCode::NO_CONTENT)
}
