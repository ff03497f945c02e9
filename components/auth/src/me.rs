//! One's own profile, and leaving.

mod address;
pub mod http;
mod store;

use audit::{Entry, Log};
use caller::{Caller, ClientAddress};
use credentials::Password;
use ids::UserId;
use serde::{Deserialize, Deserializer};

pub use address::AddressChange;

use crate::error::AuthError;
use crate::identity;
use crate::service::{Auth, User};

/// Changes of a profile.
pub struct ProfileChange {
    pub username: TextChange,
    pub name: TextChange,
}

/// What becomes of a text. As JSON: absent, null, or a string.
#[derive(Default)]
pub enum TextChange {
    #[default]
    Stay,
    Remove,
    Set(String),
}

impl TextChange {
    fn is_given(&self) -> bool {
        !matches!(self, Self::Stay)
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Set(text) => Some(text.clone()),
            Self::Stay | Self::Remove => None,
        }
    }

    /// The same change to what `rule` makes of the text.
    fn try_map<E>(self, rule: impl FnOnce(&str) -> Result<String, E>) -> Result<Self, E> {
        match self {
            Self::Set(text) => rule(&text).map(Self::Set),
            other => Ok(other),
        }
    }
}

impl<'de> Deserialize<'de> for TextChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Self::Remove, Self::Set))
    }
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
        let username = change.username.try_map(identity::username);
        let name = change.name.try_map(identity::name);
        let change = match (username, name) {
            (Ok(username), Ok(name)) => ProfileChange { username, name },
            (username, name) => {
                let errors = username.err().into_iter().chain(name.err());
                return Err(AuthError::Invalid(errors.collect()));
            }
        };
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
        password: Option<&Password>,
    ) -> Result<(), AuthError> {
        let known = self.reauthenticate(caller, password).await?;
        // The logs of the accounts that go, go with them.
        let entry = Entry::by_user(Log::Platform, caller.user_id, "user.deleted")
            .on(caller.user_id)
            .from(address);
        let now = self.clock.now();
        let hash = known.password_hash.as_deref();
        if !store::delete(&self.database, caller.user_id, hash, now, entry).await? {
            return Err(AuthError::LastOwner);
        }
        self.mail_notice(&known.user.email, "Your account was deleted").await;
        Ok(())
    }
}
