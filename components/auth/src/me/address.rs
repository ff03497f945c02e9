//! Changing one's address: asked for with the password, done by whoever reads mail at the new one.

use ambient::{Afterwards, UnixMillis};
use audit::{Entry, Log};
use caller::{Caller, ClientAddress};
use credentials::{OpaqueToken, Password};
use ids::{AccountId, UserId};
use problem::FieldError;

use super::store;
use crate::error::AuthError;
use crate::identity;
use crate::mail::{Purpose, report};
use crate::service::Auth;

/// What a change of address takes.
pub struct AddressChange {
    pub email: String,
    pub current_password: Option<Password>,
}

/// Whom a token to change an address belongs to.
pub struct Mover {
    pub id: UserId,
    /// Whose log tells of it.
    pub account_id: AccountId,
    /// The address that is left.
    pub email: String,
}

/// A token that is about to be mailed.
pub struct NewAddress<'a> {
    pub user_id: UserId,
    pub email: &'a str,
    pub token_hash: [u8; 32],
    pub at: UnixMillis,
    pub expires_at: UnixMillis,
}

impl Auth {
    /// Sends a link to the address that the caller wants to have, and a notice to the one that the caller has. Whether somebody has the new
    /// one already makes no difference outside: its owner is told, and nobody else. Nothing changes until the link is followed.
    pub async fn ask_for_address(
        &self,
        caller: &Caller,
        address: ClientAddress,
        change: AddressChange,
    ) -> Result<Afterwards, AuthError> {
        let AddressChange { email, current_password } = change;
        let email = identity::email(&email).map_err(|error| AuthError::Invalid(vec![error]))?;
        self.require_mailer()?;
        let known = match self.reauthenticate(caller, current_password.as_ref()).await {
            Err(AuthError::PasswordMissing) => {
                let detail = "Another address needs your current password.";
                return Err(AuthError::Invalid(vec![FieldError::new("/current_password", detail)]));
            }
            known => known?,
        };
        self.charge_mail(&email).await?;
        let entry = Entry::by(caller, address, "email.change_requested").on(caller.user_id);
        let (auth, old, user_id) = (self.clone(), known.user.email, caller.user_id);
        Ok(Afterwards::new(async move {
            if email != old {
                let outcome = auth.send_address_change(user_id, &old, &email, entry).await;
                report(outcome, "a mail for a new address was not sent");
            }
        }))
    }

    async fn send_address_change(
        &self,
        user_id: UserId,
        old: &str,
        email: &str,
        entry: Entry,
    ) -> Result<(), AuthError> {
        let token = OpaqueToken::generate(&self.entropy)?;
        let now = self.clock.now();
        let new = NewAddress {
            user_id,
            email,
            token_hash: token.hash(),
            at: now,
            expires_at: now.plus(Purpose::Change.lifetime()),
        };
        let is_free = store::put_address_change(&self.database, &new, entry).await?;
        let subject = "Somebody, probably you, wants to give your account another address";
        self.mail_notice(old, subject).await;
        if is_free {
            self.mail_address_change(email, &token).await;
        } else {
            self.mail_known_address(email).await;
        }
        Ok(())
    }

    /// Gives a person the address to which this token was mailed. `false` when it is no token for that.
    pub async fn change_address(
        &self,
        address: ClientAddress,
        token_hash: [u8; 32],
    ) -> Result<bool, AuthError> {
        let now = self.clock.now();
        let Some(mover) = store::find_mover(&self.database, token_hash, now).await? else {
            return Ok(false);
        };
        let Mover { id, account_id, email } = mover;
        let entry =
            Entry::by_user(Log::Account(account_id), id, "email.changed").on(id).from(address);
        if !store::change_email(&self.database, id, token_hash, now, entry).await? {
            return Ok(false);
        }
        self.mail_notice(&email, "Your account has another address now").await;
        Ok(true)
    }
}
