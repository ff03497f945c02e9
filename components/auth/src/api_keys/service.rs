use std::time::Duration;

use ambient::UnixMillis;
use audit::Entry;
use caller::{Caller, ClientAddress, Scope, Scopes};
use credentials::ApiKeyToken;
use idempotency::Claim;
use ids::{ApiKeyId, Id};
use problem::FieldError;
use serde::Serialize;

use crate::api_keys::store;
use crate::error::AuthError;
use crate::identity;
use crate::service::{Auth, Revealed, kept};

pub const EXPIRES_IN_DAYS_DEFAULT: u32 = 90;
pub const EXPIRES_IN_DAYS_MAX: u32 = 365;

/// How many keys a person may have in one account, those that are over not counted.
pub const API_KEYS_MAX: u32 = 50;

/// What someone makes a key with.
pub struct NewApiKey {
    pub name: String,
    pub scopes: Option<Vec<Scope>>,
    pub expires_in_days: Option<u32>,
}

/// A key as its maker sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// How the token begins.
    pub prefix: String,
    pub scopes: Scopes,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
    pub last_used_at: Option<UnixMillis>,
}

/// A key that was just made, with the secret that nobody sees again.
#[derive(Serialize)]
pub struct CreatedApiKey {
    #[serde(flatten)]
    pub api_key: ApiKey,
    pub token: Revealed,
}

impl Auth {
    /// Makes a key for the caller in the caller's account.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        address: ClientAddress,
        new: NewApiKey,
        claim: &Claim,
    ) -> Result<CreatedApiKey, AuthError> {
        let (name, scopes, days) = check(caller, &new)?;
        let token = ApiKeyToken::generate(&self.entropy)?;
        let now = self.clock.now();
        let api_key = ApiKey {
            id: Id::generate(now, &self.entropy)?,
            name,
            prefix: token.shown().to_owned(),
            scopes,
            created_at: now,
            expires_at: now.plus(Duration::from_hours(24 * u64::from(days))),
            last_used_at: None,
        };
        let entry = Entry::by(caller, address, "api_key.created")
            .on(api_key.id)
            .with("scopes", scopes.to_string());
        let created = CreatedApiKey { api_key, token: Revealed::new(token.reveal()) };
        let new = store::NewApiKey {
            api_key: &created.api_key,
            hash: token.hash(),
            kept: kept(claim, &created)?,
        };
        if store::create_api_key(&self.database, caller, new, entry).await? {
            Ok(created)
        } else {
            Err(AuthError::LimitReached { what: "API keys", most: API_KEYS_MAX })
        }
    }

    /// Ends a key of the caller's.
    pub async fn delete_api_key(
        &self,
        caller: &Caller,
        address: ClientAddress,
        id: ApiKeyId,
    ) -> Result<(), AuthError> {
        let entry = Entry::by(caller, address, "api_key.deleted").on(id);
        let now = self.clock.now();
        let existed = store::delete_api_key(&self.database, caller, id, now, entry).await?;
        if existed { Ok(()) } else { Err(AuthError::NotFound) }
    }
}

/// Everything that a new key can get wrong, reported together.
fn check(caller: &Caller, new: &NewApiKey) -> Result<(String, Scopes, u32), AuthError> {
    let mut errors = Vec::new();
    let name = identity::name(&new.name).map_err(|error| errors.push(error)).ok();
    let days = new.expires_in_days.unwrap_or(EXPIRES_IN_DAYS_DEFAULT);
    if !(1..=EXPIRES_IN_DAYS_MAX).contains(&days) {
        let detail = format!("It must be from 1 to {EXPIRES_IN_DAYS_MAX}.");
        errors.push(FieldError::new("/expires_in_days", detail));
    }
    let scopes = match &new.scopes {
        None => Scopes::usual(caller.role),
        Some(scopes) => {
            for (n, scope) in scopes.iter().enumerate() {
                if caller.role < scope.least_role() {
                    let detail = format!("It needs the role {}.", scope.least_role());
                    errors.push(FieldError::new(format!("/scopes/{n}"), detail));
                }
            }
            scopes.iter().copied().collect()
        }
    };
    if scopes.is_empty() {
        errors.push(FieldError::new("/scopes", "A key without scopes could do nothing."));
    }
    match name {
        Some(name) if errors.is_empty() => Ok((name, scopes, days)),
        _ => Err(AuthError::Invalid(errors)),
    }
}
