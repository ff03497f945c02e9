use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use credentials::Password;
use problem::{Json, Problem};
use serde::Deserialize;

use super::{ProfileChange, TextChange};
use crate::service::{Auth, User};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    #[serde(default)]
    username: TextChange,
    #[serde(default)]
    name: TextChange,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    password: Password,
}

/// `GET /api/me`
pub async fn get_me(caller: Caller, State(auth): State<Auth>) -> Result<Json<User>, Problem> {
    Ok(Json(auth.find_user(caller.user_id).await?))
}

/// `PATCH /api/me`
pub async fn update_me(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<ProfileBody>,
) -> Result<Json<User>, Problem> {
    let change = ProfileChange { username: body.username, name: body.name };
    Ok(Json(auth.change_profile(&caller, address, change).await?))
}

/// `DELETE /api/me`
pub async fn delete_me(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<PasswordBody>,
) -> Result<StatusCode, Problem> {
    auth.delete_self(&caller, address, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
