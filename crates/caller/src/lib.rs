#![doc = include_str!("../README.md")]

mod authenticator;
mod client_address;
mod credential;
mod remembered;
mod role;
mod scope;

use std::time::Duration;

use ambient::UnixMillis;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ids::{AccountId, ApiKeyId, SessionId, UserId};
use problem::{Problem, kinds};

pub use authenticator::Authenticator;
pub use client_address::{ClientAddress, Network, TrustedProxies};
pub use role::{Role, UnknownRole};
pub use scope::{Scope, Scopes, UnknownScope};

/// How long ago the password may have been shown for what a stolen session alone must not do (SECURITY R44).
pub const STEP_UP_LIFETIME: Duration = Duration::from_mins(10);

/// Who is asking, for which account, with which role in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user_id: UserId,
    /// The account that the request is about, of which the caller is a member.
    pub account_id: AccountId,
    /// The caller's role in that account at this moment.
    pub role: Role,
    pub means: Means,
    /// Whether the person has signed in with a password of which the stored hash covers the beginning alone. Until another one is chosen
    /// there is nothing else to be done (SECURITY R5).
    pub must_change_password: bool,
}

/// By what means the caller has authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A person who is signed in.
    Session {
        id: SessionId,
        is_platform_admin: bool,
        /// When the person has last shown the password.
        authenticated_at: UnixMillis,
    },
    /// A program with a key that the person made.
    ApiKey { id: ApiKeyId, scopes: Scopes },
}

/// A handler that takes a session was reached by an API key.
#[derive(Debug, thiserror::Error)]
#[error("a handler needs a session, but its route is declared open to API keys")]
struct NoSession;

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

    /// Demands the scope, of an API key alone.
    ///
    /// # Errors
    /// 403.
    pub fn require_scope(&self, scope: Scope) -> Result<(), Problem> {
        match self.means {
            Means::ApiKey { scopes, .. } if !scopes.contains(scope) => Err(Problem::new(
                &kinds::INSUFFICIENT_SCOPE,
                format!("This needs an API key with the scope {scope}."),
            )),
            Means::ApiKey { .. } | Means::Session { .. } => Ok(()),
        }
    }

    /// Demands that a person is signed in, and not a program with a key.
    ///
    /// # Errors
    /// 403.
    pub fn require_session(&self) -> Result<(), Problem> {
        match self.means {
            Means::Session { .. } => Ok(()),
            Means::ApiKey { .. } => Err(Problem::new(
                &kinds::INSUFFICIENT_SCOPE,
                "This needs someone who is signed in; no API key may do it.",
            )),
        }
    }

    /// Demands an administrator of the platform who is signed in.
    ///
    /// # Errors
    /// 403.
    pub fn require_platform_admin(&self) -> Result<(), Problem> {
        self.require_session()?;
        match self.means {
            Means::Session { is_platform_admin: true, .. } => Ok(()),
            Means::Session { .. } | Means::ApiKey { .. } => {
                Err(Problem::new(&kinds::FORBIDDEN, "This is for administrators of the platform."))
            }
        }
    }

    /// Demands someone who is signed in and has shown the password lately.
    ///
    /// # Errors
    /// 403.
    pub fn require_step_up(&self, now: UnixMillis) -> Result<(), Problem> {
        self.require_session()?;
        if self.was_shown_lately(now) {
            return Ok(());
        }
        Err(Problem::new(
            &kinds::REAUTHENTICATION_REQUIRED,
            "Show the password again (POST /api/auth/reauthenticate), then try again.",
        ))
    }

    /// Whether this is a session of someone who has signed in, or shown the password again, within the last ten minutes.
    pub fn was_shown_lately(&self, now: UnixMillis) -> bool {
        match self.means {
            // A moment that lies ahead comes from another clock, and proves nothing.
            Means::Session { authenticated_at, .. } => {
                now < authenticated_at.plus(STEP_UP_LIFETIME)
                    && authenticated_at < now.plus(STEP_UP_LIFETIME)
            }
            Means::ApiKey { .. } => false,
        }
    }

    /// Demands that the person need not choose another password first.
    ///
    /// # Errors
    /// 403.
    pub fn require_settled_password(&self) -> Result<(), Problem> {
        if !self.must_change_password {
            return Ok(());
        }
        Err(Problem::new(
            &kinds::PASSWORD_CHANGE_REQUIRED,
            "Choose another password first: POST /api/auth/password.",
        ))
    }

    /// The session, on routes that only sessions reach.
    ///
    /// # Errors
    /// 500 when the route is open to API keys after all.
    pub fn session_id(&self) -> Result<SessionId, Problem> {
        match self.means {
            Means::Session { id, .. } => Ok(id),
            Means::ApiKey { .. } => Err(Problem::internal(&NoSession)),
        }
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
