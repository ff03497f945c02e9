use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use credentials::Password;
use problem::{Json, Problem};
use serde::Deserialize;

use crate::service::Auth;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepUpBody {
    password: Password,
    #[serde(default)]
    totp: Option<String>,
}

/// `POST /api/auth/reauthenticate`
pub async fn reauthenticate(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<StepUpBody>,
) -> Result<StatusCode, Problem> {
    let StepUpBody { password, totp } = body;
    let session_id = caller.session_id()?;
    auth.step_up(&caller, session_id, address, &password, totp.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
