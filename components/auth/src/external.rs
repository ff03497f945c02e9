//! Signing in with an OpenID provider.
//!
//! Whatever way a sign-in takes, it ends in something that a provider vouches for ([`Vouched`]), and that alone leads to a person: by issuer
//! and subject, never by an address.

mod cookie;
mod documents;
mod evidence;
mod flow;
pub mod http;
mod identities;
mod provider_call;
mod sign_in;
mod store;
mod ticket_store;

use egress::{EgressError, UrlRefused};
use oidc::{Identity, InvalidDiscovery, InvalidIdToken, InvalidIntrospection, InvalidKeySet};

pub use sign_in::is_reachable;

/// What a provider vouches for: somebody, at this issuer.
pub struct Vouched {
    /// What the operator calls the provider.
    pub provider: String,
    pub issuer: String,
    pub identity: Identity,
    /// The hash of the code that it was fetched with, which the session spends.
    pub code_hash: Option<[u8; 32]>,
}

/// Why a sign-in is refused. For the audit log: outside, all are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the browser did not begin this sign-in, or too long ago")]
    Flow,
    #[error("the answer does not come from the provider that the browser was sent to")]
    MixedUp,
    #[error("the provider did not sign the person in")]
    Declined,
    #[error("the provider does not know the code")]
    Code,
    #[error(transparent)]
    IdToken(#[from] InvalidIdToken),
    #[error(transparent)]
    Introspection(#[from] InvalidIntrospection),
    #[error("opaque tokens of this provider are not taken")]
    Opaque,
    #[error("the code is unknown, spent, too old, or another application's")]
    Ticket,
    #[error("the person is disabled")]
    Disabled,
    #[error("the code of the second factor is wrong or was used before")]
    SecondFactor,
}

/// Why a provider could not be asked, or its answer not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("the provider answered with status {0}")]
    Status(u16),
    #[error("the provider answered with something else than JSON")]
    NotJson,
    #[error(transparent)]
    Discovery(#[from] InvalidDiscovery),
    #[error("the provider's description names a URL that may not be called")]
    Endpoint(#[from] UrlRefused),
    #[error(transparent)]
    KeySet(#[from] InvalidKeySet),
    #[error("the provider's answer is malformed")]
    Malformed,
    #[error("the provider was asked a moment ago and did not answer")]
    Resting,
}
