//! What providers have published, kept in the database: components keep nothing, and providers need not be asked each time.

use std::time::Duration;

use ambient::UnixMillis;
use egress::UrlPolicy;
use oidc::{Discovery, Expected, Identity, KeySet, key_id, verify_id_token};
use settings::OidcProvider;

use super::{ProviderError, Refusal, store};
use crate::error::AuthError;
use crate::service::Auth;

/// From this age on the provider is asked again before its documents are used.
const FRESH: Duration = Duration::from_mins(10);

/// To this age the documents of a provider that does not answer still count.
const USABLE: Duration = Duration::from_hours(1);

/// What is known of a provider.
pub struct Documents {
    pub discovery: Discovery,
    pub keys: KeySet,
    pub fetched_at: UnixMillis,
}

/// The same as the database keeps it.
pub struct StoredDocuments {
    pub discovery: String,
    pub key_set: String,
    pub fetched_at: UnixMillis,
}

impl StoredDocuments {
    /// Reads the documents again, under the rules of today. `None` when they break one: the provider is asked anew then.
    fn read(&self, provider: &OidcProvider, policy: &UrlPolicy) -> Option<Documents> {
        let discovery = Discovery::read(self.discovery.as_bytes(), &provider.issuer).ok()?;
        check_endpoints(&discovery, policy).ok()?;
        let keys = KeySet::read(self.key_set.as_bytes()).ok()?;
        Some(Documents { discovery, keys, fetched_at: self.fetched_at })
    }
}

/// A clock that was set back makes documents of the future, which are asked for again.
fn is_younger(documents: &Documents, age: Duration, now: UnixMillis) -> bool {
    documents.fetched_at <= now && now < documents.fetched_at.plus(age)
}

/// Every URL that the provider names must be one that may be called, before any is.
fn check_endpoints(discovery: &Discovery, policy: &UrlPolicy) -> Result<(), ProviderError> {
    for url in discovery.endpoints() {
        policy.check(url)?;
    }
    Ok(())
}

impl Auth {
    /// What the provider has published.
    pub(super) async fn documents(&self, provider: &OidcProvider) -> Result<Documents, AuthError> {
        let now = self.clock.now();
        let stored = self.stored(provider).await?;
        match stored {
            Some(documents) if is_younger(&documents, FRESH, now) => Ok(documents),
            stored => self.refreshed(provider, stored, now).await,
        }
    }

    /// Checks an ID token with the provider's keys. A key that is not known yet is asked for, though not more often than every half minute,
    /// however many tokens name unknown keys.
    pub(super) async fn verify_id_token(
        &self,
        provider: &OidcProvider,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Identity, AuthError> {
        let kid = key_id(token).map_err(Refusal::from)?;
        let mut documents = self.documents(provider).await?;
        let now = self.clock.now();
        if !documents.keys.knows(kid.as_deref()) {
            documents = self.refreshed(provider, Some(documents), now).await?;
        }
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &provider.client.id,
            algorithms: &provider.algorithms,
            nonce,
            now,
        };
        Ok(verify_id_token(token, &documents.keys, &expected).map_err(Refusal::from)?)
    }

    async fn stored(&self, provider: &OidcProvider) -> Result<Option<Documents>, AuthError> {
        let stored = store::find_documents(&self.database, &provider.issuer).await?;
        Ok(stored.and_then(|stored| stored.read(provider, &self.settings.egress)))
    }

    /// Asks the provider, if nobody did a moment ago. What is known already still counts for a while when there is no new answer.
    async fn refreshed(
        &self,
        provider: &OidcProvider,
        known: Option<Documents>,
        now: UnixMillis,
    ) -> Result<Documents, AuthError> {
        let known = known.filter(|documents| is_younger(documents, USABLE, now));
        let error = if store::claim_provider(&self.database, &provider.issuer, now).await? {
            match self.ask_for_documents(provider, now).await {
                Ok((documents, stored)) => {
                    store::put_documents(&self.database, &provider.issuer, &stored).await?;
                    return Ok(documents);
                }
                Err(error) => error,
            }
        } else {
            ProviderError::Resting
        };
        match known {
            Some(documents) => {
                let cause = problem::chain(&error);
                tracing::warn!(
                    provider = provider.name,
                    cause,
                    "a provider's older documents are used"
                );
                Ok(documents)
            }
            None => Err(error.into()),
        }
    }

    async fn ask_for_documents(
        &self,
        provider: &OidcProvider,
        now: UnixMillis,
    ) -> Result<(Documents, StoredDocuments), ProviderError> {
        let (text, discovery) = self.fetch_discovery(provider).await?;
        check_endpoints(&discovery, &self.settings.egress)?;
        let key_set = self.fetch_key_set(&discovery.jwks_uri).await?;
        let keys = KeySet::read(key_set.as_bytes())?;
        let stored = StoredDocuments { discovery: text, key_set, fetched_at: now };
        Ok((Documents { discovery, keys, fetched_at: now }, stored))
    }
}
