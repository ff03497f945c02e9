//! One's own profile, and leaving.

pub mod http;
mod store;

use audit::{Entry, Log};
use caller::{Caller, ClientAddress};
use credentials::Password;
use ids::UserId;

use crate::error::AuthError;
use crate::identity;
use crate::service::{Auth, User};

/// Changes of a profile. `None` leaves a member as it is, `Some(None)` removes it.
pub struct ProfileChange {
    pub username: Option<Option<String>>,
    pub name: Option<Option<String>>,
}

impl Auth {
    /// The person of this id, who was there a moment ago.
    pub async fn find_user(&self, user_id: UserId) -> Result<User, AuthError> {
        store::find(&self.database, user_id).await?.ok_or(AuthError::NotFound)
    }

    /// Changes the caller's profile.
    pub async fn change_profile(
        &self,
        caller: &Caller,
        address: ClientAddress,
        change: ProfileChange,
    ) -> Result<User, AuthError> {
        let mut errors = Vec::new();
        let mut check = |value: Option<String>, rule: fn(&str) -> Result<String, _>| {
            value.and_then(|text| rule(&text).map_err(|error| errors.push(error)).ok())
        };
        let username = change.username.map(|value| check(value, identity::username));
        let name = change.name.map(|value| check(value, identity::name));
        if !errors.is_empty() {
            return Err(AuthError::Invalid(errors));
        }
        let change = ProfileChange { username, name };
        let entry = Entry::by(caller, address, "user.updated").on(caller.user_id);
        store::update(&self.database, caller.user_id, &change, self.clock.now(), entry)
            .await?
            .ok_or(AuthError::NotFound)
    }

    /// Removes the caller and everything that nobody else has a part in.
    pub async fn delete_self(
        &self,
        caller: &Caller,
        address: ClientAddress,
        password: &Password,
    ) -> Result<(), AuthError> {
        let (known, hash) = self.reauthenticate(caller.user_id, password).await?;
        // The logs of the accounts that go, go with them.
        let entry = Entry::by_user(Log::Platform, caller.user_id, "user.deleted")
            .on(caller.user_id)
            .from(address);
        let now = self.clock.now();
        if !store::delete(&self.database, caller.user_id, &hash, now, entry).await? {
            return Err(AuthError::LastOwner);
        }
        self.mail_notice(&known.user.email, "Your account was deleted").await;
        Ok(())
    }
}
