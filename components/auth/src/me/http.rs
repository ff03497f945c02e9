use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use caller::{Caller, ClientAddress};
use credentials::Password;
use problem::{Json, Problem};
use serde::Deserialize;

use super::{AddressChange, ProfileChange, TextChange};
use crate::service::{Auth, User};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    #[serde(default)]
    username: TextChange,
    #[serde(default)]
    name: TextChange,
    #[serde(default)]
    email: Option<String>,
    /// Needed for another address, by whoever has a password.
    #[serde(default)]
    current_password: Option<Password>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// Left out by whoever has none.
    #[serde(default)]
    password: Option<Password>,
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
) -> Result<Response, Problem> {
    let ProfileBody { username, name, email, current_password } = body;
    let afterwards = match email {
        Some(email) => {
            let change = AddressChange { email, current_password };
            Some(auth.ask_for_address(&caller, address, change).await?)
        }
        None => None,
    };
    let user = auth.change_profile(&caller, address, ProfileChange { username, name }).await?;
    Ok(match afterwards {
        Some(afterwards) => (Extension(afterwards), Json(user)).into_response(),
        None => Json(user).into_response(),
    })
}

/// `DELETE /api/me`
pub async fn delete_me(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<PasswordBody>,
) -> Result<StatusCode, Problem> {
    auth.delete_self(&caller, address, body.password.as_ref()).await?;
    Ok(StatusCode::NO_CONTENT)
}
