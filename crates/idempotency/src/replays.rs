use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, UnixMillis};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use database::Database;
use problem::{Problem, kinds};
use zeroize::Zeroizing;

use crate::claim::{Claim, Claimed, row};
use crate::derived::{Derived, Pepper, Request};
use crate::store::{self, Kept};
use crate::{Key, SealError};

/// How long an answer is kept.
pub const LIFETIME: Duration = Duration::from_hours(24);

static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answers that are kept.
#[derive(Clone)]
pub struct Replays {
    database: Database,
    clock: Clock,
    entropy: Entropy,
    peppers: Arc<[Pepper]>,
}

/// What is known of a key.
#[derive(Debug)]
pub enum Look {
    /// Nothing: the request is to be carried out with this claim.
    New(Claim),
    /// The answer to the same request.
    Known(Response),
}

#[derive(Debug, thiserror::Error)]
enum Damaged {
    #[error("a kept answer has no status")]
    Status,
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Replays {
    /// `peppers` are secrets of the deployment, the current one first and then those that it replaces; none where there is no root key.
    pub fn new(
        database: Database,
        clock: Clock,
        entropy: Entropy,
        peppers: impl IntoIterator<Item = Zeroizing<[u8; 32]>>,
    ) -> Self {
        let mut peppers: Vec<Pepper> = peppers.into_iter().collect();
        if peppers.is_empty() {
            peppers.push(Zeroizing::new([0; 32]));
        }
        Self { database, clock, entropy, peppers: peppers.into() }
    }

    /// Whether the caller has used this key before, for whatever request.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn know(&self, caller: &Caller, key: &Key) -> Result<bool, Problem> {
        for pepper in self.peppers.iter() {
            let name = Derived::name(pepper, key);
            if store::find(&self.database, caller, &name).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is known of this key of the caller's.
    ///
    /// # Errors
    /// 422 when the key was used for another request, 404 when what the first one made is gone, 503 when the database is away.
    pub async fn look(
        &self,
        caller: &Caller,
        key: &Key,
        request: &Request<'_>,
    ) -> Result<Look, Problem> {
        let now = self.clock.now();
        for pepper in self.peppers.iter() {
            let derived = Derived::new(pepper, key, request);
            let Some(kept) = store::find(&self.database, caller, &derived.name).await? else {
                continue;
            };
            // A clock that was set back makes nothing live longer.
            if is_over(&kept, now) {
                store::delete(&self.database, caller, &derived.name, kept.created_at).await?;
                continue;
            }
            if kept.fingerprint != derived.fingerprint {
                return Err(Problem::new(
                    &kinds::IDEMPOTENCY_KEY_REUSED,
                    "This Idempotency-Key was sent with another request. Give each request a key of its own.",
                ));
            }
            return replay(kept, &derived, caller).map(Look::Known);
        }
        let pepper = self.peppers.first().cloned().unwrap_or_default();
        let derived = Derived::new(&pepper, key, request);
        let (account_id, user_id) = (caller.account_id, caller.user_id);
        let (route, status, entropy) = (request.route, request.status, self.entropy.clone());
        let claimed = Claimed { account_id, user_id, route, status, derived, at: now, entropy };
        Ok(Look::New(Claim::new(claimed)))
    }
}

impl fmt::Debug for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replays").finish_non_exhaustive()
    }
}

fn is_over(kept: &Kept, now: UnixMillis) -> bool {
    kept.created_at.plus(LIFETIME) <= now || now.plus(LIFETIME) <= kept.created_at
}

fn replay(kept: Kept, derived: &Derived, caller: &Caller) -> Result<Response, Problem> {
    let Kept { status, etag, body, .. } = kept;
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| Problem::internal(&Damaged::Status))?;
    let body = match body.ok_or_else(Problem::not_found)? {
        store::Body::Plain(text) => text.into_bytes(),
        store::Body::Sealed(sealed) => derived
            .open(&sealed, &row(caller.account_id, caller.user_id))
            .map_err(|error| Problem::internal(&Damaged::from(error)))?,
    };
    let mut response = (status, Body::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(IDEMPOTENT_REPLAYED.clone(), HeaderValue::from_static("true"));
    if let Some(etag) = etag.and_then(|etag| etag.parse().ok()) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}
