use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress};
use credentials::Password;
use problem::{Json, Problem};
use serde::{Deserialize, Deserializer};

use super::ProfileChange;
use crate::service::{Auth, User};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    #[serde(default, deserialize_with = "given")]
    username: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    password: Password,
}

/// Tells `null` from a member that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
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
