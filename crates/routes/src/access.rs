use caller::{Caller, Role, Scope};
use problem::Problem;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Members of the account with at least this role; programs with an API key of such a member that has this scope.
    Account(Role, Scope),
    /// Whoever is signed in, whatever the role: what a person does for itself. No API key.
    Person,
    /// People with at least this role in the account. No API key: what must not be done by a program that lost its key to a thief.
    Member(Role),
    /// Administrators of the platform who are signed in. No API key.
    Platform,
}

/// Whose data a route is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenant {
    /// No account's: public data, the caller's own person, the platform.
    None,
    /// The account of the credential. Ids in the path name things of it.
    Credential,
    /// The account whose id is the parameter `id` of the path.
    Path,
}

impl Access {
    /// Whose data a route with this access is about, unless it says otherwise.
    pub(crate) fn usual_tenant(self) -> Tenant {
        match self {
            Self::Account(..) | Self::Member(_) => Tenant::Credential,
            Self::Public | Self::Person | Self::Platform => Tenant::None,
        }
    }

    /// What the credential must be good for, whatever account the route is about.
    pub(crate) fn check_means(self, caller: &Caller) -> Result<(), Problem> {
        match self {
            Self::Public => Ok(()),
            Self::Account(_, scope) => caller.require_scope(scope),
            Self::Person | Self::Member(_) => caller.require_session(),
            Self::Platform => caller.require_platform_admin(),
        }
    }

    /// What the caller must be in the account.
    pub(crate) fn check_role(self, caller: &Caller) -> Result<(), Problem> {
        match self {
            Self::Account(role, _) | Self::Member(role) => caller.require(role),
            Self::Public | Self::Person | Self::Platform => Ok(()),
        }
    }
}
