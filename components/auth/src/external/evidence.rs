//! What a client shows of a provider, and what follows from it.

use oidc::{code_challenge, is_compact};
use problem::FieldError;
use settings::OidcProvider;

use super::{Refusal, Vouched, ticket_store};
use crate::device::Device;
use crate::error::AuthError;
use crate::service::Auth;
use credentials::OpaqueToken;

/// A longer text is no token of a provider's.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// What a client shows.
pub struct Evidence {
    pub provider: String,
    pub shown: Shown,
}

/// One of two things.
pub enum Shown {
    /// A token that the provider gave to the client.
    Token(String),
    /// The code that a browser brought from here, with the verifier of the application's challenge.
    Code { code: String, verifier: String },
}

impl Shown {
    /// What the members of a body amount to.
    pub fn new(
        token: Option<String>,
        code: Option<String>,
        verifier: Option<String>,
    ) -> Result<Self, AuthError> {
        match (token, code, verifier) {
            (Some(token), None, None) => Ok(Self::Token(token)),
            (None, Some(code), Some(verifier)) => Ok(Self::Code { code, verifier }),
            _ => {
                let detail = "Send either token, or code and code_verifier.";
                Err(AuthError::Invalid(vec![FieldError::new("", detail)]))
            }
        }
    }
}

impl Auth {
    /// Who somebody is by what they show. A refusal is recorded.
    pub(super) async fn examine(
        &self,
        evidence: &Evidence,
        device: &Device,
    ) -> Result<Vouched, AuthError> {
        let Some(provider) = self.oidc_provider(&evidence.provider) else {
            let detail = "There is no such identity provider here.";
            return Err(AuthError::Invalid(vec![FieldError::new("/provider", detail)]));
        };
        self.charge_external("oidc:exchange", device).await?;
        let outcome = match &evidence.shown {
            Shown::Token(token) => self.examine_token(provider, token).await,
            Shown::Code { code, verifier } => self.examine_code(provider, code, verifier).await,
        };
        match outcome {
            Ok(vouched) => Ok(vouched),
            Err(error) => Err(self.record(provider, error, device).await),
        }
    }

    /// What has the form of a signed token is checked as one; the rest only the provider understands.
    async fn examine_token(
        &self,
        provider: &OidcProvider,
        token: &str,
    ) -> Result<Vouched, AuthError> {
        let identity = if is_compact(token) {
            self.verify_id_token(provider, token, None).await?
        } else {
            let introspection = provider.introspection.as_ref().ok_or(Refusal::Opaque)?;
            if token.is_empty() || TOKEN_BYTES_MAX < token.len() {
                return Err(Refusal::Opaque.into());
            }
            self.introspect(provider, introspection, token, self.clock.now()).await?
        };
        Ok(Vouched {
            provider: provider.name.clone(),
            issuer: provider.issuer.clone(),
            identity,
            code_hash: None,
        })
    }

    async fn examine_code(
        &self,
        provider: &OidcProvider,
        code: &str,
        verifier: &str,
    ) -> Result<Vouched, AuthError> {
        let code_hash = OpaqueToken::hash_of(code);
        let ticket = ticket_store::find_ticket(&self.database, code_hash, self.clock.now()).await?;
        let ticket = ticket.ok_or(Refusal::Ticket)?;
        let is_its_own = ticket.vouched.provider == provider.name
            && ticket.vouched.issuer == provider.issuer
            && ticket.challenge == code_challenge(verifier);
        if !is_its_own {
            // Somebody else has the code: nobody may use it any more.
            ticket_store::delete_ticket(&self.database, code_hash).await?;
            return Err(Refusal::Ticket.into());
        }
        Ok(ticket.vouched)
    }
}
