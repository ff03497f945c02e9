use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use credentials::{Jwk, Password};
use problem::{Json, Problem};
use serde::{Deserialize, Serialize};

use crate::browser::Client;
use crate::device::Device;
use crate::error::AuthError;
use crate::login::Login;
use crate::service::Auth;
use crate::signup::{Signup, SignupOutcome};

/// How long clients may use the key set that they have. A new key is published this long before it signs (SECURITY R26).
const JWKS_CACHE_CONTROL: &str = "public, max-age=300";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignupBody {
    email: String,
    password: Password,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    login: String,
    password: Password,
    #[serde(default)]
    totp: Option<String>,
}

#[derive(Serialize)]
pub struct Health {
    status: &'static str,
}

#[derive(Serialize)]
pub struct KeySet {
    keys: Vec<Jwk>,
}

/// `POST /api/auth/signup`
pub async fn signup(
    State(auth): State<Auth>,
    client: Client,
    device: Device,
    Json(body): Json<SignupBody>,
) -> Result<Response, Problem> {
    let SignupBody { email, password, username, name } = body;
    match auth.sign_up(Signup { email, password, username, name, device }).await? {
        SignupOutcome::SignedIn(signed_in) => client.answer(StatusCode::CREATED, *signed_in),
        SignupOutcome::Mailed(afterwards) => {
            Ok((StatusCode::ACCEPTED, Extension(afterwards)).into_response())
        }
    }
}

/// `POST /api/auth/login`
pub async fn login(
    State(auth): State<Auth>,
    client: Client,
    device: Device,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let LoginBody { login, password, totp } = body;
    let signed_in = auth.log_in(&Login { name: login, password, totp, device }).await?;
    client.answer(StatusCode::OK, signed_in)
}

/// `GET /.well-known/jwks.json`
pub async fn get_jwks(
    State(auth): State<Auth>,
) -> Result<([(HeaderName, &'static str); 1], Json<KeySet>), Problem> {
    let keys = auth.public_keys().await?;
    Ok(([(header::CACHE_CONTROL, JWKS_CACHE_CONTROL)], Json(KeySet { keys })))
}

/// `GET /api/openapi.json`: the document of all components together, which a test keeps up to date.
pub async fn get_openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../openapi.json"))
}

/// `GET /api/health` and `GET /healthz`
pub async fn get_health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /readyz`
pub async fn get_readyz(State(auth): State<Auth>) -> Result<Json<Health>, Problem> {
    auth.check_database().await.map_err(AuthError::into_unready)?;
    Ok(Json(Health { status: "ok" }))
}
