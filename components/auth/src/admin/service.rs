use ambient::UnixMillis;
use audit::{Entry, Log};
use caller::{Caller, ClientAddress};
use ids::UserId;
use serde::Serialize;

use crate::admin::store;
use crate::error::AuthError;
use crate::service::Auth;

/// A person as administrators of the platform see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRecord {
    pub id: UserId,
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    pub auth_provider: String,
    pub is_active: bool,
    pub is_admin: bool,
    pub created_at: UnixMillis,
    pub last_login_at: Option<UnixMillis>,
}

/// What to change about a person; `None` stays as it is.
pub struct UserChange {
    pub id: UserId,
    pub is_active: Option<bool>,
    pub is_admin: Option<bool>,
}

impl Auth {
    /// Shuts or opens all doors to a person, or makes one an administrator of the platform, or takes that back. Someone who is shut out is
    /// signed out too, and stays so after being let in again. Nobody does it to themselves: the last administrator could not undo it.
    pub async fn update_user(
        &self,
        caller: &Caller,
        address: ClientAddress,
        change: &UserChange,
    ) -> Result<UserRecord, AuthError> {
        if change.id == caller.user_id {
            return Err(AuthError::OwnPerson);
        }
        let entry = |action| Entry::by(caller, address, action).in_log(Log::Platform).on(change.id);
        let active = change.is_active.map(|yes| if yes { "user.enabled" } else { "user.disabled" });
        let admin = change.is_admin.map(|yes| if yes { "user.promoted" } else { "user.demoted" });
        let entries: Vec<_> = active.into_iter().chain(admin).map(entry).collect();
        if !entries.is_empty() {
            store::update_user(&self.database, change, self.clock.now(), entries).await?;
        }
        store::get_user(&self.database, change.id).await?.ok_or(AuthError::NotFound)
    }

    /// Ends all sessions of a person.
    pub async fn sign_out_user(
        &self,
        caller: &Caller,
        address: ClientAddress,
        id: UserId,
    ) -> Result<(), AuthError> {
        let user = store::get_user(&self.database, id).await?.ok_or(AuthError::NotFound)?;
        let entry = Entry::by(caller, address, "user.signed_out").in_log(Log::Platform).on(user.id);
        Ok(store::sign_out_user(&self.database, id, self.clock.now(), entry).await?)
    }

    /// Takes the second factor from a person who has lost it, and ends all sessions: whoever asked for this may have been somebody else, and
    /// then the person learns of it by mail. Nobody does it to themselves: that would spare a thief of the session the password.
    pub async fn reset_mfa(
        &self,
        caller: &Caller,
        address: ClientAddress,
        id: UserId,
    ) -> Result<(), AuthError> {
        if id == caller.user_id {
            return Err(AuthError::OwnPerson);
        }
        let user = store::get_user(&self.database, id).await?.ok_or(AuthError::NotFound)?;
        let entry = Entry::by(caller, address, "user.mfa_reset").in_log(Log::Platform).on(user.id);
        store::reset_mfa(&self.database, id, self.clock.now(), entry).await?;
        let subject = "An administrator removed the second factor of your account";
        self.mail_notice(&user.email, subject).await;
        Ok(())
    }
}
