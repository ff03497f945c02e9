use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Role;

/// What an API key may be used for. Someone who is signed in may use everything that the role allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    ConversationsRead,
    ConversationsWrite,
    MemoryRead,
    MemoryWrite,
    FilesRead,
    FilesWrite,
    ConfigRead,
    ConfigWrite,
    Chat,
    AccountRead,
    AccountAdmin,
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no scope")]
pub struct UnknownScope;

impl Scope {
    /// Every scope, in the order in which they are written.
    pub const ALL: [Self; 11] = [
        Self::ConversationsRead,
        Self::ConversationsWrite,
        Self::MemoryRead,
        Self::MemoryWrite,
        Self::FilesRead,
        Self::FilesWrite,
        Self::ConfigRead,
        Self::ConfigWrite,
        Self::Chat,
        Self::AccountRead,
        Self::AccountAdmin,
    ];

    /// Its name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationsRead => "conversations:read",
            Self::ConversationsWrite => "conversations:write",
            Self::MemoryRead => "memory:read",
            Self::MemoryWrite => "memory:write",
            Self::FilesRead => "files:read",
            Self::FilesWrite => "files:write",
            Self::ConfigRead => "config:read",
            Self::ConfigWrite => "config:write",
            Self::Chat => "chat",
            Self::AccountRead => "account:read",
            Self::AccountAdmin => "account:admin",
        }
    }

    /// The lowest role that can do something with it.
    pub fn least_role(self) -> Role {
        match self {
            Self::ConversationsRead
            | Self::MemoryRead
            | Self::FilesRead
            | Self::ConfigRead
            | Self::AccountRead => Role::Viewer,
            Self::ConversationsWrite
            | Self::MemoryWrite
            | Self::FilesWrite
            | Self::ConfigWrite
            | Self::Chat => Role::Member,
            Self::AccountAdmin => Role::Admin,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of scopes. Displays and parses as the names with single spaces between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the scope is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// What a key gets that was made without naming scopes: all that this role can use, except for the administration of the account.
    pub fn usual(role: Role) -> Self {
        Scope::ALL
            .into_iter()
            .filter(|scope| *scope != Scope::AccountAdmin && scope.least_role() <= role)
            .collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_ascii_whitespace().map(str::parse::<Scope>).collect()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_keep_their_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for text in ["", "Chat", "chat ", "conversations", "*", "admin"] {
            assert_eq!(text.parse::<Scope>(), Err(UnknownScope), "{text:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        for scope in Scope::ALL {
            let set: Scopes = [scope, scope].into_iter().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), [scope]);
            assert_eq!(set.to_string(), scope.as_str());
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        let all: Scopes = Scope::ALL.into_iter().collect();
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!("".parse(), Ok(Scopes::default()));
        assert!("chat root".parse::<Scopes>().is_err());
    }

    #[test]
    fn without_a_choice_a_key_gets_what_the_role_can_use_but_no_administration() {
        assert_eq!(
            Scopes::usual(Role::Viewer).to_string(),
            "conversations:read memory:read files:read config:read account:read"
        );
        assert_eq!(Scopes::usual(Role::Owner), Scopes::usual(Role::Member));
        assert!(!Scopes::usual(Role::Owner).contains(Scope::AccountAdmin));
        assert_eq!(Scopes::usual(Role::Owner).iter().count(), Scope::ALL.len() - 1);
    }
}
