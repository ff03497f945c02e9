//! Signing in with a browser: it is sent to the provider and comes back with a code (OpenID Connect Core 1.0 section 3.1).

use std::time::Duration;

use credentials::OpaqueToken;
use limits::Charge;
use oidc::{AuthorizationRequest, TokenRequest, code_challenge};
use problem::FieldError;
use settings::OidcProvider;

use super::cookie::FLOW_MAX_S;
use super::{Refusal, Vouched, ticket_store};
use crate::device::Device;
use crate::error::AuthError;
use crate::service::{Auth, SignedIn};

/// How long an application may take to fetch what the browser has brought it, a second factor included (SECURITY R42).
const TICKET_MAX: Duration = Duration::from_mins(5);

/// The length of an `S256` challenge, and of every token of ours.
const CHALLENGE_BYTES: usize = 43;

/// What an application wants when it sends a browser here.
pub struct Beginning {
    /// Where the browser is to be sent afterwards. Nowhere: it gets the tokens as an answer.
    pub return_to: Option<String>,
    /// The challenge of the application (RFC 7636, `S256`), so that the code in the browser is of no use to anybody else.
    pub code_challenge: Option<String>,
}

/// A browser on its way to the provider.
pub struct Departure {
    pub url: String,
    /// What the browser keeps.
    pub secret: OpaqueToken,
}

/// What a provider says to a browser.
pub struct Arrival {
    pub state: String,
    pub code: Option<String>,
    pub issuer: Option<String>,
}

/// What becomes of a browser that came back.
pub enum Landing {
    SignedIn(Box<SignedIn>),
    /// To the application, with a code for it.
    ToApp {
        address: String,
        code: OpaqueToken,
    },
    /// To the application, with what went wrong.
    ToAppWith {
        address: String,
        error: AuthError,
    },
}

/// A sign-in that a browser has begun, as stored.
pub struct StoredFlow {
    pub provider: String,
    pub browser_hash: Vec<u8>,
    pub app: Option<App>,
    pub expires_at: ambient::UnixMillis,
}

/// The application that a browser belongs to.
pub struct App {
    pub return_to: String,
    pub challenge: String,
}

impl Auth {
    /// The provider of this name.
    pub(super) fn oidc_provider(&self, name: &str) -> Option<&OidcProvider> {
        self.settings.oidc_providers.iter().find(|provider| provider.name == name)
    }

    /// Sends a browser to a provider.
    pub async fn depart(
        &self,
        name: &str,
        beginning: Beginning,
        device: &Device,
    ) -> Result<Departure, AuthError> {
        let provider = self.oidc_provider(name).ok_or(AuthError::NotFound)?;
        self.charge_external("oidc:start", device).await?;
        let app = app(provider, beginning)?;
        let documents = self.documents(provider).await?;
        let (secret, state) =
            (OpaqueToken::generate(&self.entropy)?, OpaqueToken::generate(&self.entropy)?);
        let now = self.clock.now();
        let flow = StoredFlow {
            provider: provider.name.clone(),
            browser_hash: secret.hash().to_vec(),
            app,
            expires_at: now.plus(Duration::from_secs(FLOW_MAX_S)),
        };
        ticket_store::put_flow(&self.database, state.hash(), &flow, now).await?;
        let request = AuthorizationRequest {
            client_id: &provider.client.id,
            redirect_uri: &self.redirect_uri(provider),
            scope: &provider.scope,
            state: state.reveal(),
            nonce: &derived("nonce", secret.reveal(), state.reveal()),
            code_challenge: &code_challenge(&verifier(secret.reveal(), state.reveal())),
        };
        Ok(Departure { url: request.url(&documents.discovery.authorization_endpoint), secret })
    }

    /// Takes back a browser that a provider has sent.
    pub async fn arrive(
        &self,
        name: &str,
        arrival: &Arrival,
        secret: Option<&str>,
        device: Device,
    ) -> Result<Landing, AuthError> {
        let provider = self.oidc_provider(name).ok_or(AuthError::NotFound)?;
        self.charge_external("oidc:callback", &device).await?;
        let app = match self.take_flow(provider, arrival, secret).await {
            Ok(app) => app,
            Err(error) => return Err(self.record(provider, error, &device).await),
        };
        // Without a secret there was no flow.
        let vouched = self.vouched_by(provider, arrival, secret.unwrap_or_default()).await;
        let vouched = match vouched {
            Ok(vouched) => vouched,
            Err(error) => {
                let error = self.record(provider, error, &device).await;
                return match (app, error) {
                    // A fault of ours is answered where it occurs, so that it is logged as one.
                    (Some(App { return_to: address, .. }), error) if error.is_external() => {
                        Ok(Landing::ToAppWith { address, error })
                    }
                    (_, error) => Err(error),
                };
            }
        };
        let Some(App { return_to: address, challenge }) = app else {
            let signed_in = self.sign_in_with(&vouched, None, device).await?;
            return Ok(Landing::SignedIn(Box::new(signed_in)));
        };
        let (code, now) = (OpaqueToken::generate(&self.entropy)?, self.clock.now());
        let times = (now, now.plus(TICKET_MAX));
        let hash = code.hash();
        ticket_store::put_ticket(&self.database, hash, &vouched, &challenge, times).await?;
        Ok(Landing::ToApp { address, code })
    }

    /// Counts an attempt to sign in with a provider, before anything else is done for it.
    pub(super) async fn charge_external(
        &self,
        name: &'static str,
        device: &Device,
    ) -> Result<(), AuthError> {
        let charge = Charge::new(name, device.address.network(), self.settings.limits.login);
        Ok(limits::charge(&self.database, self.clock.now(), &[charge]).await?)
    }

    /// The one use of a state: by the browser that it was made for, in time.
    async fn take_flow(
        &self,
        provider: &OidcProvider,
        arrival: &Arrival,
        secret: Option<&str>,
    ) -> Result<Option<App>, AuthError> {
        let state_hash = OpaqueToken::hash_of(&arrival.state);
        let flow = ticket_store::take_flow(&self.database, state_hash).await?;
        let flow = flow.ok_or(Refusal::Flow)?;
        let browser_hash = secret.map(OpaqueToken::hash_of);
        let is_its_own = browser_hash.is_some_and(|hash| hash.as_slice() == flow.browser_hash);
        if !is_its_own || flow.expires_at <= self.clock.now() {
            return Err(Refusal::Flow.into());
        }
        if flow.provider != provider.name {
            return Err(Refusal::MixedUp.into());
        }
        Ok(flow.app)
    }

    /// Exchanges the code that a browser has brought for what the provider vouches for.
    async fn vouched_by(
        &self,
        provider: &OidcProvider,
        arrival: &Arrival,
        secret: &str,
    ) -> Result<Vouched, AuthError> {
        let documents = self.documents(provider).await?;
        let names_issuer = documents.discovery.authorization_response_iss_parameter_supported;
        match &arrival.issuer {
            Some(issuer) if *issuer == provider.issuer => {}
            None if !names_issuer => {}
            _ => return Err(Refusal::MixedUp.into()),
        }
        let code = arrival.code.as_deref().ok_or(Refusal::Declined)?;
        let request = TokenRequest {
            code,
            redirect_uri: &self.redirect_uri(provider),
            code_verifier: &verifier(secret, &arrival.state),
        };
        let token = self.redeem(provider, &documents.discovery, &request).await?;
        let nonce = derived("nonce", secret, &arrival.state);
        let identity = self.verify_id_token(provider, &token, Some(&nonce)).await?;
        Ok(Vouched {
            provider: provider.name.clone(),
            issuer: provider.issuer.clone(),
            identity,
            code_hash: None,
        })
    }

    fn redirect_uri(&self, provider: &OidcProvider) -> String {
        format!("{}/api/auth/oidc/{}/callback", self.settings.data.public_url, provider.name)
    }
}

/// The application that a browser belongs to, if the operator knows it. An address counts to the letter (SECURITY R37).
fn app(provider: &OidcProvider, beginning: Beginning) -> Result<Option<App>, AuthError> {
    let Beginning { return_to, code_challenge: challenge } = beginning;
    let refuse = |pointer, detail| Err(AuthError::Invalid(vec![FieldError::new(pointer, detail)]));
    match (return_to, challenge) {
        (None, None) => Ok(None),
        (None, Some(_)) => refuse("/return_to", "A challenge needs an address to return to."),
        (Some(return_to), _) if !provider.return_to.contains(&return_to) => {
            refuse("/return_to", "The operator has not allowed this address.")
        }
        (Some(return_to), Some(challenge)) if is_challenge(&challenge) => {
            Ok(Some(App { return_to, challenge }))
        }
        (Some(_), _) => refuse(
            "/code_challenge",
            "It must be the SHA-256 of the application's verifier in base64url.",
        ),
    }
}

fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Both follow from what only the browser has, so that the database is of no use to whoever reads it.
fn verifier(secret: &str, state: &str) -> String {
    derived("verifier", secret, state)
}

fn derived(purpose: &str, secret: &str, state: &str) -> String {
    // A digest in base64url, which is what a challenge is made by too.
    code_challenge(&format!("selvage/oidc/{purpose}/{secret}/{state}"))
}
