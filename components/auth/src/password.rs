//! Passwords and addresses: changing, resetting, verifying.

pub mod http;
mod store;

use ambient::Afterwards;
use audit::{Entry, Log, When};
use caller::{Caller, ClientAddress};
use credentials::{OpaqueToken, Password, Verdict, hash_password, verify_password};
use ids::{AccountId, SessionId, UserId};
use problem::FieldError;

use crate::error::AuthError;
use crate::identity;
use crate::mail::Purpose;
use crate::service::{Auth, User};

/// A person with the hash of the password, if there is one.
pub struct Known {
    pub user: User,
    pub password_hash: Option<String>,
}

/// Whom a one-time token belongs to, and what a new password may not consist of.
pub struct Holder {
    pub id: UserId,
    /// Whose log tells of it.
    pub account_id: AccountId,
    pub email: String,
    pub username: Option<String>,
    pub name: Option<String>,
}

impl Auth {
    /// Changes the caller's password and ends the other sessions.
    pub async fn change_password(
        &self,
        caller: &Caller,
        keep: SessionId,
        address: ClientAddress,
        current: &Password,
        new: &Password,
    ) -> Result<(), AuthError> {
        let (known, old_hash) = self.reauthenticate(caller.user_id, current).await?;
        let User { email, username, name, .. } = &known.user;
        self.check_new_password(
            new,
            [email, username.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default()],
        )?;
        let new_hash = hash_password(new, self.entropy.bytes()?, &self.hashing)?;
        let now = self.clock.now();
        let change = store::Change {
            user_id: caller.user_id,
            old_hash: &old_hash,
            new_hash: &new_hash,
            keep,
            at: now,
        };
        let entry = Entry::by(caller, address, "password.changed").on(caller.user_id);
        if !store::change(&self.database, &change, entry).await? {
            return Err(AuthError::ReauthenticationFailed);
        }
        self.mail_notice(email, "Your password was changed").await;
        Ok(())
    }

    /// Sends a link to whoever has this address. Nothing outside tells whether anybody has: whatever depends on it follows the answer.
    pub async fn forget_password(
        &self,
        address: ClientAddress,
        email: &str,
    ) -> Result<Afterwards, AuthError> {
        self.require_mailer()?;
        let email = identity::email(email).map_err(|error| AuthError::Invalid(vec![error]))?;
        self.charge_mail(&email).await?;
        let auth = self.clone();
        Ok(Afterwards::new(async move {
            let outcome = auth.send_reset(address, &email).await;
            crate::mail::report(outcome, "a mail for a new password was not sent");
        }))
    }

    async fn send_reset(&self, address: ClientAddress, email: &str) -> Result<(), AuthError> {
        let candidate = crate::store::find_by_email(&self.database, email).await?;
        let action = "password.reset_requested";
        let entry = match &candidate {
            Some(known) => {
                Entry::by_anyone(Log::Account(known.account.id), action).on(known.user.id)
            }
            None => Entry::by_anyone(Log::Platform, action),
        };
        let (now, entries) = (self.clock.now(), vec![entry.from(address)]);
        audit::commit(&self.database, now, Vec::new(), entries, When::Always).await?;
        match candidate {
            Some(known) => self.mail_reset(&known.user).await,
            None => Ok(()),
        }
    }

    /// Sets a new password with a token that was mailed. It ends every session and opens none.
    pub async fn reset_password(
        &self,
        address: ClientAddress,
        token: &str,
        new: &Password,
    ) -> Result<(), AuthError> {
        if new.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        let token_hash = OpaqueToken::hash_of(token);
        let now = self.clock.now();
        let holder = store::find_holder(&self.database, token_hash, Purpose::Reset, now)
            .await?
            .ok_or(AuthError::InvalidToken)?;
        let Holder { id, email, username, name, .. } = &holder;
        self.check_new_password(
            new,
            [email, username.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default()],
        )?;
        let new_hash = hash_password(new, self.entropy.bytes()?, &self.hashing)?;
        let entry = Entry::by_user(Log::Account(holder.account_id), *id, "password.reset")
            .on(*id)
            .from(address);
        let reset = store::Reset { user_id: *id, token_hash, new_hash: &new_hash, at: now };
        if !store::reset(&self.database, &reset, entry).await? {
            return Err(AuthError::InvalidToken);
        }
        self.mail_notice(email, "Your password was changed").await;
        Ok(())
    }

    /// Proves an address with a token that was mailed to it, and makes it the person's if that is what the token is for.
    pub async fn verify_email(&self, address: ClientAddress, token: &str) -> Result<(), AuthError> {
        let token_hash = OpaqueToken::hash_of(token);
        let now = self.clock.now();
        let holder = store::find_holder(&self.database, token_hash, Purpose::Verify, now).await?;
        let Some(holder) = holder else {
            // It may be the token of an address that is to be the person's from now on.
            let is_changed = self.change_address(address, token_hash).await?;
            return if is_changed { Ok(()) } else { Err(AuthError::InvalidToken) };
        };
        let entry = Entry::by_user(Log::Account(holder.account_id), holder.id, "email.verified")
            .on(holder.id)
            .from(address);
        if store::verify_email(&self.database, token_hash, now, entry).await? {
            Ok(())
        } else {
            Err(AuthError::InvalidToken)
        }
    }

    /// Checks the password of someone who is signed in, before something that a stolen token alone must not do.
    pub async fn reauthenticate(
        &self,
        user_id: UserId,
        password: &Password,
    ) -> Result<(Known, String), AuthError> {
        if password.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        let known = store::find_known(&self.database, user_id).await?;
        let Some((known, hash)) = known.and_then(|mut known| {
            let hash = known.password_hash.take()?;
            Some((known, hash))
        }) else {
            return Err(AuthError::ReauthenticationFailed);
        };
        match verify_password(password, &hash, &self.hashing)? {
            Verdict::Right { .. } => Ok((known, hash)),
            Verdict::Wrong => Err(AuthError::ReauthenticationFailed),
        }
    }

    /// The rules for a password that is being chosen, in a body's member `new_password`.
    fn check_new_password(&self, new: &Password, known: [&str; 3]) -> Result<(), AuthError> {
        if new.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        self.check_password(new, known).map_err(|error| {
            AuthError::Invalid(vec![FieldError::new("/new_password", error.to_string())])
        })
    }
}
