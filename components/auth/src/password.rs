//! Passwords and addresses: changing, resetting, verifying.

pub mod http;
mod store;

use ambient::Afterwards;
use audit::{Entry, Log, When};
use caller::{Caller, ClientAddress};
use credentials::{OpaqueToken, Password, Verdict, hash_password, verify_password};
use ids::{AccountId, SessionId, UserId};
use limits::Charge;
use problem::FieldError;

use crate::error::AuthError;
use crate::identity;
use crate::mail::Purpose;
use crate::service::{Auth, User};

/// A person with the hash of the password, if there is one.
pub struct Known {
    pub user: User,
    pub password_hash: Option<String>,
    /// Whether signing in takes a code too.
    pub has_totp: bool,
    /// Whether the password is long enough only because of that.
    pub needs_totp: bool,
}

/// Whom a one-time token belongs to, and what a new password may not consist of.
pub struct Holder {
    pub id: UserId,
    /// Whose log tells of it.
    pub account_id: AccountId,
    pub email: String,
    pub username: Option<String>,
    pub name: Option<String>,
    pub has_totp: bool,
}

impl Auth {
    /// Changes the caller's password, or gives the caller the first one, and ends the other sessions.
    pub async fn change_password(
        &self,
        caller: &Caller,
        keep: SessionId,
        address: ClientAddress,
        current: Option<&Password>,
        new: &Password,
    ) -> Result<(), AuthError> {
        let known = self.reauthenticate(caller, current).await?;
        let User { email, username, name, .. } = &known.user;
        let words = [Some(email.as_str()), username.as_deref(), name.as_deref()];
        let needs_totp = self.check_new_password(new, words, known.has_totp)?;
        let new_hash = hash_password(new, self.entropy.bytes()?, &self.hashing)?;
        let now = self.clock.now();
        let change = store::Change {
            user_id: caller.user_id,
            old_hash: known.password_hash.as_deref(),
            new_hash: &new_hash,
            needs_totp,
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
        let words = [Some(email.as_str()), username.as_deref(), name.as_deref()];
        let needs_totp = self.check_new_password(new, words, holder.has_totp)?;
        let new_hash = hash_password(new, self.entropy.bytes()?, &self.hashing)?;
        let entry = Entry::by_user(Log::Account(holder.account_id), *id, "password.reset")
            .on(*id)
            .from(address);
        let reset =
            store::Reset { user_id: *id, token_hash, new_hash: &new_hash, needs_totp, at: now };
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

    /// Checks the password of someone who is signed in, before something that a stolen token alone must not do. Whoever has no password, since
    /// a provider vouches for them, must have signed in lately instead.
    pub async fn reauthenticate(
        &self,
        caller: &Caller,
        password: Option<&Password>,
    ) -> Result<Known, AuthError> {
        if password.is_some_and(Password::is_too_long) {
            return Err(AuthError::PasswordTooLong);
        }
        let known = store::find_known(&self.database, caller.user_id).await?;
        let known = known.ok_or(AuthError::ReauthenticationFailed)?;
        if password.is_some() {
            // Whoever has found a session open must not find out the password by trying.
            let limit = self.settings.limits.login;
            let charge = Charge::new("reauthenticate", caller.user_id, limit);
            limits::charge(&self.database, self.clock.now(), &[charge]).await?;
            self.admit_hashing().await?;
        }
        match (password, &known.password_hash) {
            (Some(password), Some(hash)) => match verify_password(password, hash, &self.hashing)? {
                Verdict::Right { .. } => Ok(known),
                Verdict::Wrong => Err(AuthError::ReauthenticationFailed),
            },
            (Some(_), None) => Err(AuthError::ReauthenticationFailed),
            (None, Some(_)) => Err(AuthError::PasswordMissing),
            (None, None) if caller.was_shown_lately(self.clock.now()) => Ok(known),
            (None, None) => Err(AuthError::SignedInLongAgo),
        }
    }

    /// Admits one more password to be hashed, of those that are hashed for everybody together: however many ask from however many addresses,
    /// there is time left for other requests (SECURITY R10). It comes after the limits of whoever asks, who could else use it up alone.
    pub async fn admit_hashing(&self) -> Result<(), AuthError> {
        let charge = Charge::new("hashing", "all", self.settings.limits.hashing);
        Ok(limits::charge(&self.database, self.clock.now(), &[charge]).await?)
    }

    /// The rules for a password that is being chosen, in a body's member `new_password`. Gives whether it needs a second factor beside it.
    fn check_new_password(
        &self,
        new: &Password,
        words: [Option<&str>; 3],
        has_totp: bool,
    ) -> Result<bool, AuthError> {
        if new.is_too_long() {
            return Err(AuthError::PasswordTooLong);
        }
        self.check_password(new, words.map(Option::unwrap_or_default), has_totp).map_err(
            |error| AuthError::Invalid(vec![FieldError::new("/new_password", error.to_string())]),
        )?;
        Ok(new.is_shorter_than(self.settings.password_chars_min))
    }
}
