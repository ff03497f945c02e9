//! Signing up.

use ambient::Afterwards;
use audit::{Entry, Log};
use caller::Role;
use credentials::{Password, SigningKey, hash_password};
use ids::Id;
use limits::Charge;
use problem::FieldError;

use crate::device::Device;
use crate::error::AuthError;
use crate::service::{Account, Auth, SignedIn, User};
use crate::store::NewUser;
use crate::{identity, keys, store};

/// What someone signs up with.
pub struct Signup {
    pub email: String,
    pub password: Password,
    pub username: Option<String>,
    pub name: Option<String>,
    pub device: Device,
}

/// What a sign-up leads to.
#[derive(Debug)]
pub enum SignupOutcome {
    /// The person is signed in.
    SignedIn(Box<SignedIn>),
    /// A mail follows the answer, to a new person or to one who was there already: nothing tells which.
    Mailed(Afterwards),
}

impl Auth {
    /// Makes a person with a personal account, and signs the person in where the address need not be proven first.
    pub async fn sign_up(&self, signup: Signup) -> Result<SignupOutcome, AuthError> {
        let network = signup.device.address.network();
        let charge = Charge::new("signup:ip", network, self.settings.limits.signup);
        limits::charge(&self.database, self.clock.now(), &[charge]).await?;
        let must_verify = self.settings.require_email_verification;
        if must_verify {
            self.require_mailer()?;
        }
        let Signup { email, password, username, name, device } = signup;
        let (email, username, name) = self.check(&email, &password, username, name)?;
        // Before anything is written, so that a wrong master key leaves nothing behind.
        let key = keys::current(self).await?;
        if must_verify {
            self.charge_mail(&email).await?;
            self.refuse_taken(username.as_deref()).await?;
        }
        self.admit_hashing().await?;
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
            last_login_at: (!must_verify).then_some(now),
        };
        if !must_verify {
            return self.create_signed_in(&key, user, &password_hash, device).await;
        }
        let auth = self.clone();
        Ok(SignupOutcome::Mailed(Afterwards::new(async move {
            let outcome = auth.create_unverified(user, &password_hash, &device).await;
            crate::mail::report(outcome, "a sign-up came to nothing");
        })))
    }

    /// Writes a person who is signed in at once.
    async fn create_signed_in(
        &self,
        key: &SigningKey,
        user: User,
        password_hash: &str,
        device: Device,
    ) -> Result<SignupOutcome, AuthError> {
        let now = user.created_at;
        let account = self.personal_account(&user)?;
        let session = self.new_session(user.id, account.id, device, now)?;
        let entry = entry(&user, &account, &session.device);
        let new = NewUser { user: &user, account: &account, password_hash };
        store::create_user(&self.database, &new, Some(&session), entry).await?;
        let token = &session.refresh_token;
        let signed_in = self.signed_in(key, user, account, session.id, token, now)?;
        Ok(SignupOutcome::SignedIn(Box::new(signed_in)))
    }

    /// Writes a person who has yet to prove the address. Someone who is there already gets a mail instead. Whoever has signed up sees no
    /// difference: that it came to nothing is in the log, and signing up again mends it.
    async fn create_unverified(
        &self,
        user: User,
        password_hash: &str,
        device: &Device,
    ) -> Result<(), AuthError> {
        let account = self.personal_account(&user)?;
        let entry = entry(&user, &account, device);
        let new = NewUser { user: &user, account: &account, password_hash };
        match store::create_user(&self.database, &new, None, entry).await {
            Ok(()) => self.mail_verification(&user).await,
            Err(AuthError::EmailTaken) => self.mail_known(&user.email).await,
            Err(error) => Err(error),
        }
    }

    /// The account that a person has alone.
    pub fn personal_account(&self, user: &User) -> Result<Account, AuthError> {
        Ok(Account {
            id: Id::generate(user.created_at, &self.entropy)?,
            name: account_name(user),
            kind: "personal".to_owned(),
            role: Role::Owner,
            created_at: user.created_at,
        })
    }

    /// Says that a user name is taken before anything depends on the address: together the two would tell whether that is known.
    async fn refuse_taken(&self, username: Option<&str>) -> Result<(), AuthError> {
        let Some(username) = username else { return Ok(()) };
        match store::find_by_username(&self.database, username).await? {
            Some(_) => Err(AuthError::UsernameTaken),
            None => Ok(()),
        }
    }

    /// What someone is told who signs up with an address that is known: the owner of the address, and nobody else.
    async fn mail_known(&self, email: &str) -> Result<(), AuthError> {
        let Some(candidate) = store::find_by_email(&self.database, email).await? else {
            return Ok(());
        };
        if candidate.user.email_verified {
            self.mail_known_address(&candidate.user.email).await;
            return Ok(());
        }
        self.mail_verification(&candidate.user).await
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
        let known =
            [email.as_str(), username.as_deref().unwrap_or(""), name.as_deref().unwrap_or("")];
        if let Err(error) = self.check_password(password, known, false) {
            errors.push(FieldError::new("/password", error.to_string()));
        }
        if errors.is_empty() {
            Ok((email, username, name))
        } else {
            Err(AuthError::Invalid(errors))
        }
    }
}

fn entry(user: &User, account: &Account, device: &Device) -> Entry {
    Entry::by_user(Log::Account(account.id), user.id, "auth.signup")
        .on(user.id)
        .from(device.address)
}

/// What a personal account is called until its owner renames it.
fn account_name(user: &User) -> String {
    let local = user.email.split('@').next().unwrap_or_default();
    user.name.as_deref().or(user.username.as_deref()).unwrap_or(local).to_owned()
}

fn keep<T>(result: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}
