//! Sessions: refreshing, ending, listing and moving them.

pub mod http;
mod store;

use std::time::Duration;

use ambient::UnixMillis;
use audit::{Entry, Log, Outcome};
use caller::{Caller, ClientAddress};
use credentials::OpaqueToken;
use ids::{AccountId, Id, SessionId};
use limits::Charge;
use serde::Serialize;

use crate::device::Device;
use crate::error::AuthError;
use crate::keys;
use crate::service::{Account, Auth, NewSession, REFRESH_TOKEN_IDLE, SignedIn, User};
use paging::Part;

/// How long a spent refresh token still leads to its successor: a client whose answer was lost, or two tabs at once (SECURITY R29).
const GRACE: Duration = Duration::from_secs(10);

/// A session as its person sees it.
#[derive(Debug, Serialize)]
pub struct SessionView {
    pub id: SessionId,
    pub account_id: AccountId,
    pub account_name: String,
    /// Whether it is the one that asks.
    pub current: bool,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    pub created_at: UnixMillis,
    pub last_used_at: UnixMillis,
    pub expires_at: UnixMillis,
}

/// A refresh token as stored, with what it belongs to.
pub struct StoredToken {
    pub session_id: SessionId,
    pub user: User,
    pub account: Account,
    /// Whether session, person and membership still count.
    pub is_live: bool,
    pub expires_at: UnixMillis,
    pub spent: Option<Spent>,
}

/// That a refresh token was spent, and what came of it.
pub struct Spent {
    pub at: UnixMillis,
    pub successor_hash: Vec<u8>,
    /// Whether the successor was spent as well.
    pub is_followed: bool,
}

impl Spent {
    /// Whether showing the successor again is safe: it is young, and nobody has used it.
    fn is_graced(&self, now: UnixMillis) -> bool {
        !self.is_followed && now <= self.at.plus(GRACE) && self.at <= now.plus(GRACE)
    }
}

/// The change of a refresh token into its successor.
pub struct Rotation<'a> {
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub token_hash: [u8; 32],
    pub successor_hash: [u8; 32],
    pub at: UnixMillis,
    pub expires_at: UnixMillis,
    pub device: &'a Device,
}

impl Auth {
    /// Spends a refresh token for its successor and an access token. Using a spent one ends its session: one of the two who have it is a
    /// thief, and nothing tells which.
    pub async fn refresh(&self, text: &str, device: &Device) -> Result<SignedIn, AuthError> {
        let key = keys::current(self).await?;
        let now = self.clock.now();
        let token_hash = OpaqueToken::hash_of(text);
        let mut stored = self.refresh_token(token_hash, now).await?;
        let charge = Charge::new("refresh", stored.session_id, self.settings.limits.refresh);
        limits::charge(&self.database, now, &[charge]).await?;
        if stored.spent.is_none() {
            if !stored.is_live || stored.expires_at <= now {
                return Err(AuthError::InvalidRefreshToken);
            }
            let successor = OpaqueToken::successor(text, self.settings.keyring.current());
            let rotation = Rotation {
                account_id: stored.account.id,
                session_id: stored.session_id,
                token_hash,
                successor_hash: successor.hash(),
                at: now,
                expires_at: now.plus(REFRESH_TOKEN_IDLE),
                device,
            };
            if store::rotate(&self.database, &rotation).await? {
                let StoredToken { user, account, session_id, .. } = stored;
                return self.signed_in(&key, user, account, session_id, &successor, now);
            }
            // Someone was faster: with this token, or by ending the session.
            stored = self.refresh_token(token_hash, now).await?;
        }
        let Some(spent) = &stored.spent else { return Err(AuthError::InvalidRefreshToken) };
        if !stored.is_live {
            return Err(AuthError::InvalidRefreshToken);
        }
        if !spent.is_graced(now) {
            let entry = reused(&stored, device);
            store::revoke(&self.database, stored.account.id, stored.session_id, now, entry).await?;
            self.mail_notice(&stored.user.email, "A copied token ended one of your sessions").await;
            return Err(AuthError::InvalidRefreshToken);
        }
        let successor = self.find_successor(text, &spent.successor_hash)?;
        let StoredToken { user, account, session_id, .. } = stored;
        self.signed_in(&key, user, account, session_id, &successor, now)
    }

    /// Ends the caller's session.
    pub async fn log_out(
        &self,
        caller: &Caller,
        id: SessionId,
        address: ClientAddress,
    ) -> Result<(), AuthError> {
        let entry = Entry::by(caller, address, "auth.logout").on(id);
        let now = self.clock.now();
        store::revoke(&self.database, caller.account_id, id, now, entry).await?;
        Ok(())
    }

    /// Opens a session for another account of the caller; the present one stays.
    pub async fn switch_account(
        &self,
        caller: &Caller,
        from: SessionId,
        account_id: AccountId,
        device: Device,
    ) -> Result<SignedIn, AuthError> {
        let key = keys::current(self).await?;
        let now = self.clock.now();
        let session = NewSession {
            id: Id::generate(now, &self.entropy)?,
            user_id: caller.user_id,
            account_id,
            created_at: now,
            refresh_token: OpaqueToken::generate(&self.entropy)?,
            device,
        };
        let entry = Entry::by_user(Log::Account(account_id), caller.user_id, "auth.switched")
            .on(session.id)
            .from(session.device.address);
        let from = (caller.account_id, from);
        let switched = store::switch(&self.database, &session, from, entry).await?;
        let (user, account) = switched.ok_or(AuthError::NotFound)?;
        self.signed_in(&key, user, account, session.id, &session.refresh_token, now)
    }

    /// The caller's living sessions, the newest first: a part of them.
    pub async fn list_sessions(
        &self,
        caller: &Caller,
        current: SessionId,
        part: &Part<SessionId>,
    ) -> Result<Vec<SessionView>, AuthError> {
        store::list(&self.database, caller.user_id, current, part, self.clock.now()).await
    }

    /// Ends one of the caller's sessions, for whichever account.
    pub async fn revoke_session(
        &self,
        caller: &Caller,
        id: SessionId,
        address: ClientAddress,
    ) -> Result<(), AuthError> {
        let entry = Entry::by(caller, address, "session.revoked").on(id);
        let now = self.clock.now();
        let was_there = store::revoke_own(&self.database, caller.user_id, id, now, entry).await?;
        if was_there { Ok(()) } else { Err(AuthError::NotFound) }
    }

    async fn refresh_token(
        &self,
        token_hash: [u8; 32],
        now: UnixMillis,
    ) -> Result<StoredToken, AuthError> {
        store::find_refresh_token(&self.database, token_hash, now)
            .await?
            .ok_or(AuthError::InvalidRefreshToken)
    }

    /// The successor that was given before. The ring may have changed since, so each of its keys is tried.
    fn find_successor(&self, text: &str, hash: &[u8]) -> Result<OpaqueToken, AuthError> {
        self.settings
            .keyring
            .iter()
            .map(|root| OpaqueToken::successor(text, root))
            .find(|successor| successor.hash() == hash)
            .ok_or(AuthError::InvalidRefreshToken)
    }
}

/// The entry of a token that was used twice: nothing tells by whom.
fn reused(stored: &StoredToken, device: &Device) -> Entry {
    Entry::by_anyone(Log::Account(stored.account.id), "session.reuse_detected")
        .on(stored.session_id)
        .from(device.address)
        .outcome(Outcome::Denied)
}
