use std::fmt;
use std::sync::Arc;

use ambient::{Entropy, EntropyError, UnixMillis};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use database::Statement;
use ids::{AccountId, UserId};
use problem::Problem;

use crate::derived::Derived;

/// What a handler adds to the batch of its effect, so that a repetition of the request gets the same answer.
///
/// It is an argument of the handlers of all routes that are declared repeatable, and empty when the request had no key.
#[derive(Debug, Clone, Default)]
pub struct Claim(Option<Arc<Claimed>>);

/// A key that was not used before.
#[derive(Clone)]
pub(crate) struct Claimed {
    pub account_id: AccountId,
    pub user_id: UserId,
    pub route: &'static str,
    pub status: u16,
    pub derived: Derived,
    pub at: UnixMillis,
    pub entropy: Entropy,
}

/// A handler takes a claim on a route that is not declared repeatable.
#[derive(Debug, thiserror::Error)]
#[error("a handler takes a Claim, but its route is not declared repeatable")]
struct Undeclared;

impl Claim {
    pub(crate) fn new(claimed: Claimed) -> Self {
        Self(Some(Arc::new(claimed)))
    }

    /// Keeps an answer that is known before its effect, sealed. It follows the statement of the effect in the batch, and keeps nothing when
    /// that changed nothing. With the thing `about` that it tells of the answer is erased.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn seal(
        &self,
        body: &[u8],
        about: Option<String>,
    ) -> Result<Option<Statement>, EntropyError> {
        let Some(claimed) = &self.0 else { return Ok(None) };
        let Claimed { account_id, user_id, derived, entropy, .. } = claimed.as_ref();
        let sealed = derived.seal(body, &row(*account_id, *user_id), entropy)?;
        let statement =
            claimed.bind(include_str!("../queries/insert_key.sql")).bind(sealed).bind(about);
        Ok(Some(statement))
    }

    /// Keeps an answer that the database makes: a statement that inserts into `idempotency_key`. Its first seven parameters are bound here, in
    /// the order of `insert_key.sql`.
    pub fn bind(&self, sql: &'static str) -> Option<Statement> {
        Some(self.0.as_ref()?.bind(sql))
    }
}

impl Claimed {
    fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql)
            .bind(self.account_id.to_string())
            .bind(self.user_id.to_string())
            .bind(self.derived.name.as_slice())
            .bind(self.route)
            .bind(self.derived.fingerprint.as_slice())
            .bind(self.at.0)
            .bind(i64::from(self.status))
    }
}

/// What a sealed answer is bound to besides its key. Its form is part of what is stored.
pub(crate) fn row(account_id: AccountId, user_id: UserId) -> String {
    format!("selvage/1/idempotency_key.sealed_body/{account_id}/{user_id}")
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("route", &self.route).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Claim {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(&Undeclared))
    }
}
