//! Signing in with a password, and with a second factor where there is one.

use std::time::Duration;

use ambient::UnixMillis;
use audit::{Log, Outcome, When};
use credentials::{
    Password, PasswordHashError, RecoveryCode, SigningKey, Verdict, hash_password,
    spend_a_verification, verify_password,
};
use database::Statement;
use ids::UserId;
use limits::Charge;

use crate::attempt::{self, Attempt};
use crate::device::Device;
use crate::error::AuthError;
use crate::service::{Auth, Candidate, SignedIn};
use crate::{identity, keys, store};

/// How often a login looks again when the stored hash was replaced between reading it and opening the session: by another login that
/// upgraded it, or by a new password.
const ATTEMPTS: usize = 3;

/// How long every login takes at least while there are hashes from elsewhere: bcrypt of cost 12 takes about 544 ms in a component, a new
/// hash about 100 ms on top, and one of ours 100 ms. Who measures must not see who has come from where (SECURITY R7).
const CONCEALED: Duration = Duration::from_millis(700);

/// What someone signs in with.
pub struct Login {
    /// E-mail address or user name.
    pub name: String,
    pub password: Password,
    /// A code of the authenticator app, or a recovery code.
    pub totp: Option<String>,
    pub device: Device,
}

/// How the second factor was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// With the code of this time step.
    Step(u64),
    /// With the recovery code of this hash.
    Recovery([u8; 32]),
}

/// What a login has shown by the time that its session is written.
pub struct Shown<'a> {
    pub password_hash: &'a str,
    /// The same password, hashed as it is done today.
    pub upgraded_hash: Option<String>,
    /// Whether the hash covers the beginning of the password alone, so that another must be chosen.
    pub must_change: bool,
    pub proof: Option<Proof>,
    /// What a success gives back of the limits.
    pub forgiven: Vec<Statement>,
}

impl Auth {
    /// Signs a person in. Whether the login is unknown, the password wrong or the person disabled makes no difference outside, and the
    /// work is the same.
    pub async fn log_in(&self, login: &Login) -> Result<SignedIn, AuthError> {
        if login.password.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        let candidate = self.candidate(&login.name).await?;
        let known = candidate.as_ref().map(|known| (known.user.id, known.account.id));
        let attempt = Attempt::new(&login.name, known, login.device.address);
        let charges = attempt.charges(self.settings.limits.login);
        let began = self.clock.now();
        limits::charge(&self.database, began, &charges).await?;
        // Before the attempt counts as a failure: what is refused here was nobody's.
        self.admit_hashing().await?;
        if !self.settings.limits.login.is_off() {
            attempt.backoff().attempt(&self.database, began).await?;
        }
        // Opening it is dear: whoever is refused above is not worth it.
        let key = keys::current(self).await?;
        let has_legacy_hashes = store::has_legacy_hash(&self.database).await?;
        let outcome = match self.try_log_in(&key, login, candidate, &attempt).await {
            Err(AuthError::InvalidCredentials) => {
                Err(self.refuse(&attempt, Outcome::Failure).await)
            }
            Err(AuthError::Disabled) => Err(self.refuse(&attempt, Outcome::Denied).await),
            outcome => outcome,
        };
        self.sign_log(known.map_or(Log::Platform, |(_, account)| Log::Account(account))).await;
        if has_legacy_hashes {
            self.clock.wait_until(began.plus(CONCEALED), CONCEALED).await;
        }
        outcome
    }

    /// Signs the end of a log when it is time. Sign-ins are where it is done: they come up in every log, and are slow anyway.
    async fn sign_log(&self, log: Log) {
        let (database, keyring) = (&self.database, &self.settings.keyring);
        let now = self.clock.now();
        let signed = audit::checkpoint_if_due(database, keyring, &log.to_string(), now).await;
        // The entries are written; the next sign-in will sign them.
        if let Err(error) = signed {
            tracing::warn!(cause = problem::chain(&error), "the end of a log was not signed");
        }
    }

    async fn try_log_in(
        &self,
        key: &SigningKey,
        login: &Login,
        mut candidate: Option<Candidate>,
        attempt: &Attempt,
    ) -> Result<SignedIn, AuthError> {
        let mut seen_hash = None;
        for _ in 0..ATTEMPTS {
            let Some((mut known, hash)) = with_password(candidate) else {
                spend_a_verification(&login.password, &self.hashing)?;
                return Err(AuthError::InvalidCredentials);
            };
            if seen_hash.as_ref() == Some(&hash) {
                // Nothing has changed: it was the code that was used before.
                return Err(AuthError::InvalidCredentials);
            }
            let now = self.clock.now();
            let mut shown = self.check_login(login, &known, &hash, now).await?;
            let failures = attempt.failure_charges(self.settings.limits.login);
            shown.forgiven = failures.iter().map(Charge::forgive).collect();
            shown.forgiven.push(attempt.backoff().forgive());
            let must_change = shown.must_change;
            let (user_id, account_id) = (known.user.id, known.account.id);
            let session = self.new_session(user_id, account_id, login.device.clone(), now)?;
            let entry = attempt::succeeded(user_id, account_id, login.device.address);
            if store::create_session(&self.database, &session, shown, entry).await? {
                known.user.last_login_at = Some(now);
                let Candidate { user, account, .. } = known;
                let token = &session.refresh_token;
                let mut signed_in = self.signed_in(key, user, account, session.id, token, now)?;
                signed_in.password_change_required = must_change;
                return Ok(signed_in);
            }
            seen_hash = Some(hash);
            candidate = self.candidate(&login.name).await?;
        }
        Err(AuthError::Disabled)
    }

    /// Checks everything that a person signs in with, the password first: only who knows it learns anything else.
    async fn check_login<'a>(
        &self,
        login: &Login,
        candidate: &Candidate,
        hash: &'a str,
        now: UnixMillis,
    ) -> Result<Shown<'a>, AuthError> {
        let verdict = self.verdict(&login.password, hash)?;
        let Verdict::Right { is_outdated, is_truncated } = verdict else {
            return Err(AuthError::InvalidCredentials);
        };
        if !candidate.is_active {
            return Err(AuthError::Disabled);
        }
        if self.settings.require_email_verification && !candidate.user.email_verified {
            self.remind(candidate).await?;
            return Err(AuthError::UnverifiedLogin);
        }
        let proof = match (&login.totp, candidate.has_totp) {
            (_, false) => None,
            (None, true) => return Err(AuthError::TotpRequired),
            (Some(code), true) => Some(self.prove(candidate.user.id, code, now).await?),
        };
        // The password is right; that it cannot be hashed anew is no reason to refuse it.
        let upgraded_hash = if is_outdated {
            let salt = self.entropy.bytes()?;
            hash_password(&login.password, salt, &self.hashing).ok()
        } else {
            None
        };
        Ok(Shown {
            password_hash: hash,
            upgraded_hash,
            must_change: is_truncated,
            proof,
            forgiven: Vec::new(),
        })
    }

    /// What the password is. A stored hash that cannot be verified fits no password, after the usual work; that somebody has such a one is
    /// for the log and not for whoever tries.
    fn verdict(&self, password: &Password, hash: &str) -> Result<Verdict, AuthError> {
        match verify_password(password, hash, &self.hashing) {
            Err(PasswordHashError::Unusable) => {
                tracing::error!("a stored password hash cannot be verified");
                spend_a_verification(password, &self.hashing)?;
                Ok(Verdict::Wrong)
            }
            verdict => Ok(verdict?),
        }
    }

    /// Sends the mail that proves the address once more, as often as mails may be sent.
    async fn remind(&self, candidate: &Candidate) -> Result<(), AuthError> {
        if !self.mailer.is_on() {
            return Ok(());
        }
        match self.charge_mail(&candidate.user.email).await {
            Ok(()) => self.mail_verification(&candidate.user).await,
            // The answer is the same: the mails before this one are on their way.
            Err(AuthError::Limited(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What a code proves. Whether it was used before is decided where the session is written.
    pub async fn prove(
        &self,
        user_id: UserId,
        code: &str,
        now: UnixMillis,
    ) -> Result<Proof, AuthError> {
        let charge = Charge::new("totp", user_id, self.settings.limits.totp);
        limits::charge(&self.database, now, &[charge]).await?;
        let Some(enrolment) = self.find_enrolment(user_id).await? else {
            return Err(AuthError::InvalidCredentials);
        };
        if let Some(step) = enrolment.secret.step_of(code, now) {
            return Ok(Proof::Step(step));
        }
        // Any other text has a hash too; if it is that of no unused recovery code, no session is written.
        Ok(Proof::Recovery(RecoveryCode::hash_of(code)))
    }

    /// Records that nobody was signed in, and says so.
    async fn refuse(&self, attempt: &Attempt, outcome: Outcome) -> AuthError {
        let (now, entry) = (self.clock.now(), attempt.failed(outcome));
        match audit::commit(&self.database, now, Vec::new(), vec![entry], When::Always).await {
            Ok(_) => AuthError::InvalidCredentials,
            Err(error) => error.into(),
        }
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
}

/// A candidate that has a password, and its hash.
fn with_password(candidate: Option<Candidate>) -> Option<(Candidate, String)> {
    let mut candidate = candidate?;
    let hash = candidate.password_hash.take()?;
    Some((candidate, hash))
}
