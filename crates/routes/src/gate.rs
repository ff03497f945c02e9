use ambient::{Clock, Entropy};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use caller::{Authenticator, Caller, ClientAddress, Means, TrustedProxies};
use database::Database;
use idempotency::{Pepper, Replays};
use ids::AccountId;
use limits::Allowance;
use problem::{BodyLimit, Problem, kinds};
use settings::DataSettings;

use crate::{Access, PasswordRule, Readiness, Tenant};

/// What stands before the handlers.
#[derive(Debug, Clone)]
pub struct Gates {
    pub readiness: Readiness,
    pub authenticator: Authenticator,
    pub trusted_proxies: TrustedProxies,
    pub replays: Replays,
    /// How many requests one session or API key may send.
    pub allowance: Allowance,
    pub clock: Clock,
}

impl Gates {
    /// The gates of a component with these settings. The `peppers` are those of [`Replays::new`].
    pub fn new(
        database: Database,
        settings: &DataSettings,
        clock: Clock,
        entropy: Entropy,
        peppers: impl IntoIterator<Item = Pepper>,
    ) -> Self {
        let (url, proxies) = (settings.public_url.clone(), &settings.trusted_proxies);
        Self {
            readiness: Readiness::new(database.clone(), clock.clone(), settings.auto_migrate),
            allowance: Allowance::new(database.clone(), "api", settings.limit_api),
            replays: Replays::new(database.clone(), clock.clone(), entropy, peppers),
            authenticator: Authenticator::new(database, url, clock.clone()),
            trusted_proxies: TrustedProxies::new(proxies.iter().copied()),
            clock,
        }
    }
}

/// The gate of one route.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub authenticator: Authenticator,
    pub allowance: Allowance,
    pub clock: Clock,
    pub access: Access,
    pub tenant: Tenant,
    pub password: PasswordRule,
}

impl Gate {
    async fn admit(
        &self,
        headers: &HeaderMap,
        params: Result<RawPathParams, RawPathParamsRejection>,
    ) -> Result<Caller, Problem> {
        let mut caller = self.authenticator.authenticate(headers).await?;
        match caller.means {
            Means::Session { id, .. } => self.allowance.spend(id, self.clock.now()).await?,
            Means::ApiKey { id, .. } => self.allowance.spend(id, self.clock.now()).await?,
        }
        if self.password != PasswordRule::Any {
            caller.require_settled_password()?;
        }
        self.access.check_means(&caller)?;
        if self.tenant == Tenant::Path {
            let account_id = named_account(params).ok_or_else(Problem::not_found)?;
            caller = self.authenticator.enter(caller, account_id).await?;
        }
        self.access.check_role(&caller)?;
        if self.password == PasswordRule::ShownLately {
            caller.require_step_up(self.clock.now())?;
        }
        Ok(caller)
    }
}

/// The account in the path. What is no id names no account.
fn named_account(params: Result<RawPathParams, RawPathParamsRejection>) -> Option<AccountId> {
    let params = params.ok()?;
    let (_, text) = params.iter().find(|(name, _)| *name == "id")?;
    text.parse().ok()
}

pub(crate) async fn authorize(
    State(gate): State<Gate>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Response {
    match gate.admit(request.headers(), params).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Parameters of the query that hold credentials elsewhere.
const CREDENTIALS: [&str; 6] =
    ["access_token", "api_key", "authorization", "id_token", "refresh_token", "x-api-key"];

/// Refuses credentials in URLs before anything is done with the request: whoever sends one there should learn of it at once.
pub(crate) async fn refuse_credentials(request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let has_one = form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known)));
    if has_one {
        let detail = "Send credentials in headers. This one should be replaced: URLs are logged.";
        return Problem::new(&kinds::CREDENTIAL_IN_URL, detail).into_response();
    }
    next.run(request).await
}

pub(crate) async fn make_ready(
    State(readiness): State<Readiness>,
    request: Request,
    next: Next,
) -> Response {
    match readiness.ensure().await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Tells extractors what the route and the deployment say about this request: how large its body may be, and where it comes from.
pub(crate) async fn announce(
    State((limit, proxies)): State<(BodyLimit, TrustedProxies)>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = ClientAddress::of(request.headers(), &proxies);
    let extensions = request.extensions_mut();
    extensions.insert(limit);
    extensions.insert(address);
    next.run(request).await
}
