//! From what a provider vouches for to a session.

use ambient::UnixMillis;
use audit::{Entry, Log, Outcome, When};
use credentials::SigningKey;
use ids::{Id, UserId};
use settings::OidcProvider;

use super::evidence::Evidence;
use super::{Refusal, Vouched, store};
use crate::device::Device;
use crate::error::AuthError;
use crate::service::{Account, Auth, Candidate, SignedIn, User};
use crate::{identity, keys};

/// How often it is looked again whether somebody is here, when two of their sign-ins arrive at once.
const ATTEMPTS: usize = 2;

/// The action in the audit log, as of every sign-in.
const LOGIN: &str = "auth.login";

/// Under this name (RFC 2606) nobody has an address.
const NOWHERE: &str = "external.invalid";

impl Auth {
    /// Signs somebody in who shows what a provider has given them.
    pub async fn exchange(
        &self,
        evidence: &Evidence,
        totp: Option<&str>,
        device: Device,
    ) -> Result<SignedIn, AuthError> {
        let vouched = self.examine(evidence, &device).await?;
        self.sign_in_with(&vouched, totp, device).await
    }

    /// Opens a session for whom a provider vouches. The first time makes a person with a personal account.
    pub(super) async fn sign_in_with(
        &self,
        vouched: &Vouched,
        totp: Option<&str>,
        device: Device,
    ) -> Result<SignedIn, AuthError> {
        let key = keys::current(self).await?;
        let mut failure = AuthError::IdentityTaken;
        for _ in 0..ATTEMPTS {
            let (issuer, subject) = (&vouched.issuer, &vouched.identity.subject);
            if let Some(known) = store::find_person(&self.database, issuer, subject).await? {
                return self.open(&key, vouched, known, totp, device).await;
            }
            match self.create(&key, vouched, device.clone()).await {
                // Somebody has the address, or was faster; perhaps it is the same person.
                Err(error @ (AuthError::EmailTaken | AuthError::IdentityTaken)) => failure = error,
                outcome => return outcome,
            }
        }
        Err(failure)
    }

    /// Opens a session for somebody who is here already.
    async fn open(
        &self,
        key: &SigningKey,
        vouched: &Vouched,
        mut known: Candidate,
        totp: Option<&str>,
        device: Device,
    ) -> Result<SignedIn, AuthError> {
        if !known.is_active {
            return Err(self.refuse_known(vouched, &known, Refusal::Disabled, &device).await);
        }
        let now = self.clock.now();
        let user_id = known.user.id;
        // The provider's word does not replace the second factor (SECURITY R42).
        let proof = match (totp, known.has_totp) {
            (_, false) => None,
            (None, true) => return Err(AuthError::TotpRequired),
            (Some(code), true) => match self.prove(user_id, code, now).await {
                Err(AuthError::InvalidCredentials) => None,
                outcome => Some(outcome?),
            },
        };
        let session = self.new_session(user_id, known.account.id, device, now)?;
        let entry = entry(Log::Account(known.account.id), user_id, LOGIN, vouched, &session.device);
        if !store::create_session(&self.database, vouched, &session, proof, entry).await? {
            let refusal = if known.has_totp { Refusal::SecondFactor } else { Refusal::Ticket };
            return Err(self.refuse_known(vouched, &known, refusal, &session.device).await);
        }
        known.user.last_login_at = Some(now);
        let Candidate { user, account, .. } = known;
        self.signed_in(key, user, account, session.id, &session.refresh_token, now)
    }

    /// Makes a person with a personal account, who is signed in.
    async fn create(
        &self,
        key: &SigningKey,
        vouched: &Vouched,
        device: Device,
    ) -> Result<SignedIn, AuthError> {
        let now = self.clock.now();
        let user = new_user(vouched, Id::generate(now, &self.entropy)?, now);
        if self.settings.require_email_verification && !user.email_verified {
            return Err(AuthError::UnverifiedIdentity);
        }
        let name = match (&user.name, user.email_verified) {
            (Some(name), _) => name.clone(),
            (None, true) => user.email.split('@').next().unwrap_or_default().to_owned(),
            (None, false) => "Personal".to_owned(),
        };
        let account = Account { name, ..self.personal_account(&user)? };
        let session = self.new_session(user.id, account.id, device, now)?;
        let log = Log::Account(account.id);
        let entry = entry(log, user.id, "auth.signup", vouched, &session.device);
        let new = store::NewPerson {
            user: &user,
            account: &account,
            identity_id: Id::generate(now, &self.entropy)?,
        };
        if !store::create_person(&self.database, vouched, &new, &session, entry).await? {
            return Err(Refusal::Ticket.into());
        }
        self.signed_in(key, user, account, session.id, &session.refresh_token, now)
    }

    /// Records that nobody was signed in, if that is what the error says, and passes it on.
    pub(super) async fn record(
        &self,
        provider: &OidcProvider,
        error: AuthError,
        device: &Device,
    ) -> AuthError {
        let AuthError::External(refusal) = error else { return error };
        let entry = Entry::by_anyone(Log::Platform, LOGIN)
            .with("provider", provider.name.as_str())
            .with("reason", refusal.to_string())
            .from(device.address)
            .outcome(Outcome::Failure);
        self.append(entry, refusal).await
    }

    /// Records in the person's own account that they were not signed in.
    async fn refuse_known(
        &self,
        vouched: &Vouched,
        known: &Candidate,
        refusal: Refusal,
        device: &Device,
    ) -> AuthError {
        let is_disabled = refusal == Refusal::Disabled;
        let entry = Entry::by_anyone(Log::Account(known.account.id), LOGIN)
            .on(known.user.id)
            .with("provider", vouched.provider.as_str())
            .with("reason", refusal.to_string())
            .from(device.address)
            .outcome(if is_disabled { Outcome::Denied } else { Outcome::Failure });
        self.append(entry, refusal).await
    }

    async fn append(&self, entry: Entry, refusal: Refusal) -> AuthError {
        let now = self.clock.now();
        match audit::commit(&self.database, now, Vec::new(), vec![entry], When::Always).await {
            Ok(_) => refusal.into(),
            Err(error) => error.into(),
        }
    }
}

fn entry(
    log: Log,
    user_id: UserId,
    action: &'static str,
    vouched: &Vouched,
    device: &Device,
) -> Entry {
    Entry::by_user(log, user_id, action)
        .on(user_id)
        .with("provider", vouched.provider.as_str())
        .from(device.address)
}

/// A person as the provider describes them. Only an address that the provider has verified is taken; whoever has none gets one that leads
/// nowhere, so that it is nobody else's.
fn new_user(vouched: &Vouched, id: UserId, now: UnixMillis) -> User {
    let oidc::Identity { verified_email, name, .. } = &vouched.identity;
    let email = verified_email.as_deref().and_then(|email| identity::email(email).ok());
    User {
        id,
        email_verified: email.is_some(),
        email: email.unwrap_or_else(|| format!("{id}@{NOWHERE}")),
        username: None,
        name: name.as_deref().and_then(|name| identity::name(name).ok()),
        auth_provider: vouched.provider.clone(),
        created_at: now,
        last_login_at: Some(now),
    }
}

/// Whether mails to this address can arrive.
pub fn is_reachable(email: &str) -> bool {
    !email.ends_with(&format!("@{NOWHERE}"))
}
