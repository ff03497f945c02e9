#![doc = include_str!("../README.md")]

mod authenticator;
mod credential;
mod remembered;
mod role;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ids::{AccountId, SessionId, UserId};
use problem::{Problem, kinds};

pub use authenticator::Authenticator;
pub use role::{Role, UnknownRole};

/// Who is asking, for which account, with which role in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub role: Role,
}

impl Caller {
    /// Demands at least this role.
    ///
    /// # Errors
    /// 403: the account is the caller's own, so that its role is too low is no secret.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if role <= self.role {
            return Ok(());
        }
        Err(Problem::new(&kinds::FORBIDDEN, format!("This needs the role {role} in the account.")))
    }
}

/// A handler asked for a caller on a route that is declared public.
#[derive(Debug, thiserror::Error)]
#[error("a handler takes a Caller, but its route is declared public")]
struct Undeclared;

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal(&Undeclared))
    }
}
