use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ambient::{Clock, Entropy, UnixMillis};
use audit::{Entry, Log, Outcome, When};
use caller::{ClientAddress, Role};
use credentials::{
    ACCESS_TOKEN_LIFETIME, Claims, HashParameters, Jwk, OpaqueToken, Password, PasswordHashError,
    PasswordPolicy, Verdict, hash_password, spend_a_verification, verify_password,
};
use database::Database;
use ids::{AccountId, Id, SessionId, UserId};
use limits::Charge;
use problem::FieldError;
use serde::Serialize;
use settings::AuthSettings;

use crate::attempt::{self, Attempt};
use crate::error::AuthError;
use crate::{identity, keys, store};

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
    hashing: HashParameters,
}

/// What someone signs up with.
pub struct Signup {
    pub email: String,
    pub password: Password,
    pub username: Option<String>,
    pub name: Option<String>,
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
    pub refresh_token: Revealed,
}

/// A token on its way to the person that it belongs to. It serializes, which is its purpose, and does not print.
pub struct Revealed(zeroize::Zeroizing<String>);

impl Revealed {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned().into())
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

/// A session that is about to be written, with its first refresh token.
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub account_id: AccountId,
    pub created_at: UnixMillis,
    pub refresh_token: OpaqueToken,
}

/// A person who might be signing in, as stored.
pub struct Candidate {
    pub user: User,
    pub account: Account,
    pub password_hash: Option<String>,
    pub is_active: bool,
}

impl Auth {
    /// # Errors
    /// [`PasswordHashError`] when password hashing is below the floor.
    pub fn new(
        database: Database,
        settings: AuthSettings,
        clock: Clock,
        entropy: Entropy,
    ) -> Result<Self, PasswordHashError> {
        let hashing = HashParameters::recommended()?;
        Ok(Self {
            database,
            settings: Arc::new(settings),
            clock,
            entropy,
            is_registered: Arc::default(),
            hashing,
        })
    }

    /// Creates a person with a personal account, signed in.
    pub async fn sign_up(
        &self,
        signup: Signup,
        address: ClientAddress,
    ) -> Result<SignedIn, AuthError> {
        let Signup { email, password, username, name } = signup;
        let (email, username, name) = self.check(&email, &password, username, name)?;
        let charge = Charge::new("signup:ip", address.network(), self.settings.limits.signup);
        limits::charge(&self.database, self.clock.now(), &[charge]).await?;
        // Before anything is written, so that a wrong master key leaves nothing behind.
        let key = keys::current(self).await?;
        let password_hash = hash_password(&password, self.entropy.bytes()?, &self.hashing)?;
        let now = self.clock.now();
        let user = User {
            id: Id::generate(now, &self.entropy)?,
            email,
            email_verified: false,
            username,
            name,
            auth_provider: "local".to_owned(),
            created_at: now,
            last_login_at: Some(now),
        };
        let account = Account {
            id: Id::generate(now, &self.entropy)?,
            name: account_name(&user),
            kind: "personal".to_owned(),
            role: Role::Owner,
            created_at: now,
        };
        let session = self.new_session(user.id, account.id, now)?;
        let entry = Entry::by_user(Log::Account(account.id), user.id, "auth.signup")
            .on(user.id)
            .from(address);
        store::create_user(&self.database, &user, &account, &password_hash, &session, entry)
            .await?;
        self.signed_in(&key, user, account, &session)
    }

    /// Signs a person in. Whether the login is unknown, the password wrong or the person disabled makes no difference outside, and the
    /// work is the same.
    pub async fn log_in(
        &self,
        login: &str,
        password: &Password,
        address: ClientAddress,
    ) -> Result<SignedIn, AuthError> {
        if password.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        let key = keys::current(self).await?;
        let candidate = self.candidate(login).await?;
        let known = candidate.as_ref().map(|known| (known.user.id, known.account.id));
        let attempt = Attempt::new(login, known, address);
        let limit = self.settings.limits.login;
        limits::charge(&self.database, self.clock.now(), &attempt.charges(limit)).await?;
        let (mut candidate, hash) = match self.check_password(candidate, password)? {
            Ok(passed) => passed,
            Err(outcome) => return Err(self.refuse(&attempt, outcome).await),
        };
        let now = self.clock.now();
        let session = self.new_session(candidate.user.id, candidate.account.id, now)?;
        let entry = attempt::succeeded(candidate.user.id, candidate.account.id, address);
        let forgiven = attempt.failure_charges(limit).iter().map(Charge::forgive).collect();
        if !store::create_session(&self.database, &session, &hash, forgiven, entry).await? {
            return Err(self.refuse(&attempt, Outcome::Denied).await);
        }
        candidate.user.last_login_at = Some(now);
        self.signed_in(&key, candidate.user, candidate.account, &session)
    }

    /// The candidate with the hash that the password fits, or why there is none. The work is the same for all.
    fn check_password(
        &self,
        candidate: Option<Candidate>,
        password: &Password,
    ) -> Result<Result<(Candidate, String), Outcome>, AuthError> {
        let Some((candidate, hash)) = candidate
            .and_then(|mut candidate| candidate.password_hash.take().map(|hash| (candidate, hash)))
        else {
            spend_a_verification(password, &self.hashing)?;
            return Ok(Err(Outcome::Failure));
        };
        Ok(match verify_password(password, &hash, &self.hashing)? {
            Verdict::Wrong => Err(Outcome::Failure),
            Verdict::Right { .. } if !candidate.is_active => Err(Outcome::Denied),
            Verdict::Right { .. } => Ok((candidate, hash)),
        })
    }

    /// Records that nobody was signed in, and says so.
    async fn refuse(&self, attempt: &Attempt, outcome: Outcome) -> AuthError {
        let (now, entry) = (self.clock.now(), attempt.failed(outcome));
        match audit::commit(&self.database, now, Vec::new(), vec![entry], When::Always).await {
            Ok(_) => AuthError::InvalidCredentials,
            Err(error) => error.into(),
        }
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

    async fn candidate(&self, login: &str) -> Result<Option<Candidate>, AuthError> {
        let login = login.trim();
        if login.contains('@') {
            let Ok(email) = identity::email(login) else { return Ok(None) };
            return store::find_by_email(&self.database, &email).await;
        }
        let Ok(username) = identity::username(login) else { return Ok(None) };
        store::find_by_username(&self.database, &username).await
    }

    /// Everything that a sign-up can get wrong, reported together.
    fn check(
        &self,
        email: &str,
        password: &Password,
        username: Option<String>,
        name: Option<String>,
    ) -> Result<(String, Option<String>, Option<String>), AuthError> {
        if password.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        let mut errors = Vec::new();
        let email = keep(identity::email(email), &mut errors).unwrap_or_default();
        let username =
            username.and_then(|username| keep(identity::username(&username), &mut errors));
        let name = name.and_then(|name| keep(identity::name(&name), &mut errors));
        let (local, domain) = email.split_once('@').unwrap_or_default();
        let site = domain.split('.').next().unwrap_or_default();
        let context =
            [local, site, username.as_deref().unwrap_or(""), name.as_deref().unwrap_or("")];
        let policy = PasswordPolicy { chars_min: self.settings.password_chars_min };
        if let Err(error) = policy.check(password, &context) {
            errors.push(FieldError::new("/password", error.to_string()));
        }
        if errors.is_empty() {
            Ok((email, username, name))
        } else {
            Err(AuthError::Invalid(errors))
        }
    }

    fn new_session(
        &self,
        user_id: UserId,
        account_id: AccountId,
        now: UnixMillis,
    ) -> Result<NewSession, AuthError> {
        Ok(NewSession {
            id: Id::generate(now, &self.entropy)?,
            user_id,
            account_id,
            created_at: now,
            refresh_token: OpaqueToken::generate(&self.entropy)?,
        })
    }

    fn signed_in(
        &self,
        key: &credentials::SigningKey,
        user: User,
        account: Account,
        session: &NewSession,
    ) -> Result<SignedIn, AuthError> {
        let at = session.created_at;
        let token_id = Id::generate(at, &self.entropy)?;
        let claims = Claims::issued(at, user.id, account.id, session.id, token_id);
        let access_token = key.sign(&self.settings.data.public_url, &claims)?;
        Ok(SignedIn {
            user,
            account,
            access_token: Revealed(access_token.into()),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIFETIME.as_secs(),
            refresh_token: Revealed(session.refresh_token.reveal().to_owned().into()),
        })
    }
}

/// What a personal account is called until its owner renames it.
fn account_name(user: &User) -> String {
    let local = user.email.split('@').next().unwrap_or_default();
    user.name.as_deref().or(user.username.as_deref()).unwrap_or(local).to_owned()
}

fn keep<T>(result: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}
