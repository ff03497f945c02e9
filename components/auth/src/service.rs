use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ambient::{Clock, Entropy, UnixMillis};
use caller::Role;
use credentials::{
    ACCESS_TOKEN_LIFETIME, Claims, HashParameters, Jwk, OpaqueToken, PASSWORD_CHARS_FLOOR,
    Password, PasswordError, PasswordPolicy,
};
use database::{Database, Statement};
use egress::Egress;
use idempotency::Claim;
use ids::{AccountId, Id, SessionId, UserId};
use mailer::Mailer;
use serde::Serialize;
use settings::AuthSettings;

use crate::device::Device;
use crate::error::{AuthError, SetupError};
use crate::{keys, store};

/// However often it is refreshed, a session ends after this time.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// A refresh token that is not used for this long is dead.
pub const REFRESH_TOKEN_IDLE: Duration = Duration::from_hours(7 * 24);

/// The component's state.
#[derive(Debug, Clone)]
pub struct Auth {
    pub database: Database,
    pub settings: Arc<AuthSettings>,
    pub clock: Clock,
    pub entropy: Entropy,
    /// Whether this instance has seen that the master key belongs to the database.
    pub is_registered: Arc<AtomicBool>,
    pub hashing: HashParameters,
    pub mailer: Mailer,
    /// What identity providers are asked through.
    pub egress: Egress,
}

/// A person as the person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    pub auth_provider: String,
    pub created_at: UnixMillis,
    pub last_login_at: Option<UnixMillis>,
}

/// An account as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub kind: String,
    pub role: Role,
    pub created_at: UnixMillis,
}

/// The answer to everyone who has just signed in. It shows the tokens, once.
#[derive(Debug, Serialize)]
pub struct SignedIn {
    pub user: User,
    pub account: Account,
    pub access_token: Revealed,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// Not for a client in a browser, which gets it as a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Revealed>,
    /// Whether the session is good for choosing another password alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub password_change_required: bool,
}

/// A token on its way to the person that it belongs to. It serializes, which is its purpose, and does not print.
pub struct Revealed(zeroize::Zeroizing<String>);

impl Revealed {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Revealed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl std::fmt::Debug for Revealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Revealed(..)")
    }
}

/// The statement that keeps an answer for a repetition of the request, sealed; none without a claim.
pub fn kept(claim: &Claim, answer: &impl Serialize) -> Result<Option<Statement>, AuthError> {
    let body = zeroize::Zeroizing::new(serde_json::to_vec(answer)?);
    Ok(claim.seal(&body, None)?)
}

/// A session that is about to be written, with its first refresh token.
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub account_id: AccountId,
    pub created_at: UnixMillis,
    pub refresh_token: OpaqueToken,
    pub device: Device,
}

/// A person who might be signing in, as stored.
pub struct Candidate {
    pub user: User,
    pub account: Account,
    pub password_hash: Option<String>,
    pub is_active: bool,
    /// Whether signing in asks for a second factor.
    pub has_totp: bool,
}

impl Auth {
    /// # Errors
    /// [`SetupError`] when password hashing is below the floor, or nothing can be sent from here.
    pub fn new(
        database: Database,
        settings: AuthSettings,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, SetupError> {
        let mailer = Mailer::new(settings.delivery.clone(), clock.clone(), entropy.clone())?;
        Ok(Self {
            database,
            settings: Arc::new(settings),
            clock,
            entropy,
            is_registered: Arc::default(),
            hashing: HashParameters::recommended()?,
            mailer,
            egress: Egress::new()?,
        })
    }

    /// The keys that verify tokens; there is always at least one.
    pub async fn public_keys(&self) -> Result<Vec<Jwk>, AuthError> {
        keys::current(self).await?;
        let keys = store::list_signing_keys(&self.database, self.clock.now()).await?;
        Ok(keys.iter().map(|key| Jwk::new(key)).collect())
    }

    /// Whether the database answers.
    pub async fn check_database(&self) -> Result<(), AuthError> {
        Ok(store::ping(&self.database).await?)
    }

    /// The rules for a password that is being chosen by someone with this address, user name and name. Beside a second factor it may be
    /// shorter (NIST SP 800-63B-4 section 3.1.1.2).
    pub fn check_password(
        &self,
        password: &Password,
        [email, username, name]: [&str; 3],
        has_totp: bool,
    ) -> Result<(), PasswordError> {
        let (local, domain) = email.split_once('@').unwrap_or_default();
        let site = domain.split('.').next().unwrap_or_default();
        let alone = self.settings.password_chars_min;
        let policy =
            PasswordPolicy { chars_min: if has_totp { PASSWORD_CHARS_FLOOR } else { alone } };
        policy.check(password, &[local, site, username, name])
    }

    /// A session that begins now.
    pub fn new_session(
        &self,
        user_id: UserId,
        account_id: AccountId,
        device: Device,
        now: UnixMillis,
    ) -> Result<NewSession, AuthError> {
        Ok(NewSession {
            id: Id::generate(now, &self.entropy)?,
            user_id,
            account_id,
            created_at: now,
            refresh_token: OpaqueToken::generate(&self.entropy)?,
            device,
        })
    }

    /// The answer that shows the tokens of a session: its refresh token and a new access token.
    pub fn signed_in(
        &self,
        key: &credentials::SigningKey,
        user: User,
        account: Account,
        session_id: SessionId,
        refresh_token: &OpaqueToken,
        at: UnixMillis,
    ) -> Result<SignedIn, AuthError> {
        let token_id = Id::generate(at, &self.entropy)?;
        let claims = Claims::issued(at, user.id, account.id, session_id, token_id);
        let access_token = key.sign(&self.settings.data.public_url, &claims)?;
        Ok(SignedIn {
            user,
            account,
            access_token: Revealed(access_token.into()),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
            refresh_token: Some(Revealed::new(refresh_token.reveal())),
            password_change_required: false,
        })
    }
}
