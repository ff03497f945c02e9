use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use caller::{Caller, ClientAddress};
use credentials::Password;
use ids::IdentityId;
use problem::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, Shown};
use super::flow::{Arrival, Beginning, Landing};
use super::identities::ExternalIdentity;
use super::{cookie, store};
use crate::browser::Client;
use crate::device::Device;
use crate::service::Auth;
use paging::{ListQuery, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeBody {
    provider: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    code_verifier: Option<String>,
    #[serde(default)]
    totp: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkBody {
    provider: String,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    code_verifier: Option<String>,
    /// Left out by whoever has none.
    #[serde(default)]
    password: Option<Password>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartQuery {
    return_to: Option<String>,
    code_challenge: Option<String>,
}

/// Providers add parameters of their own, which mean nothing here.
#[derive(Deserialize)]
pub struct CallbackQuery {
    state: String,
    code: Option<String>,
    iss: Option<String>,
}

/// A provider as everyone may see it.
#[derive(Serialize)]
pub struct ProviderView {
    name: String,
    label: String,
    /// Where a browser begins.
    start_url: String,
}

/// `GET /api/auth/providers`
pub async fn list_providers(State(auth): State<Auth>) -> Json<Page<ProviderView>> {
    let home = &auth.settings.data.public_url;
    let providers = auth.settings.oidc_providers.iter();
    let data = providers.map(|provider| ProviderView {
        name: provider.name.clone(),
        label: provider.label.clone(),
        start_url: format!("{home}/api/auth/oidc/{}/start", provider.name),
    });
    Json(Page { data: data.collect(), next_cursor: None })
}

/// `POST /api/auth/exchange`
pub async fn exchange_token(
    State(auth): State<Auth>,
    client: Client,
    device: Device,
    Json(body): Json<ExchangeBody>,
) -> Result<Response, Problem> {
    let ExchangeBody { provider, token, code, code_verifier, totp } = body;
    let evidence = Evidence { provider, shown: Shown::new(token, code, code_verifier)? };
    client.answer(StatusCode::OK, auth.exchange(&evidence, totp.as_deref(), device).await?)
}

/// `GET /api/auth/oidc/{provider}/start`
pub async fn start_oidc(
    State(auth): State<Auth>,
    device: Device,
    Path(provider): Path<String>,
    Query(query): Query<StartQuery>,
) -> Result<Response, Problem> {
    let StartQuery { return_to, code_challenge } = query;
    let departure =
        auth.depart(&provider, Beginning { return_to, code_challenge }, &device).await?;
    let kept = cookie::keep(&departure.secret, &auth.settings.data.public_url);
    redirect(&departure.url, kept)
}

/// `GET /api/auth/oidc/{provider}/callback`
pub async fn finish_oidc(
    State(auth): State<Auth>,
    device: Device,
    headers: HeaderMap,
    Path(provider): Path<String>,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Problem> {
    let home = &auth.settings.data.public_url;
    let CallbackQuery { state, code, iss } = query;
    let arrival = Arrival { state, code, issuer: iss };
    let secret = cookie::kept(&headers, home);
    // Behind `#`, so that no server sees it: neither in a log nor in a referrer.
    match auth.arrive(&provider, &arrival, secret, device).await? {
        Landing::SignedIn(signed_in) => {
            let mut response = Json(signed_in).into_response();
            if let Some(value) = cookie::forget(home) {
                response.headers_mut().insert(header::SET_COOKIE, value);
            }
            Ok(response)
        }
        Landing::ToApp { address, code } => {
            redirect(&format!("{address}#code={}", code.reveal()), cookie::forget(home))
        }
        Landing::ToAppWith { address, error } => {
            let problem = Problem::from(error);
            problem.log("");
            redirect(&format!("{address}#error={}", problem.kind().code), cookie::forget(home))
        }
    }
}

/// `GET /api/me/identities`
pub async fn list_identities(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<ExternalIdentity>>, Problem> {
    let part = query.part()?;
    let rows = store::list(&auth.database, caller.user_id, &part).await?;
    Ok(Json(part.page(rows, |identity| identity.id.to_string())))
}

/// `POST /api/me/identities`
pub async fn link_identity(
    caller: Caller,
    State(auth): State<Auth>,
    device: Device,
    Json(body): Json<LinkBody>,
) -> Result<(StatusCode, Json<ExternalIdentity>), Problem> {
    let LinkBody { provider, token, code, code_verifier, password } = body;
    let evidence = Evidence { provider, shown: Shown::new(token, code, code_verifier)? };
    let identity = auth.link_identity(&caller, &evidence, password.as_ref(), &device).await?;
    Ok((StatusCode::CREATED, Json(identity)))
}

/// `DELETE /api/me/identities/{id}`
pub async fn unlink_identity(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path(id): Path<IdentityId>,
) -> Result<StatusCode, Problem> {
    auth.unlink_identity(&caller, id, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn redirect(url: &str, cookie: Option<HeaderValue>) -> Result<Response, Problem> {
    // Both parts are checked where they come from; what no header can hold would be a fault of ours.
    let location = HeaderValue::from_str(url).map_err(|error| Problem::internal(&error))?;
    let location: [(HeaderName, HeaderValue); 1] = [(header::LOCATION, location)];
    let mut response = (StatusCode::FOUND, location).into_response();
    if let Some(value) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Ok(response)
}
