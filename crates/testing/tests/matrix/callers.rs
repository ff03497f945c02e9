//! The kinds of callers.

use caller::Role;

/// In which account a caller is at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The one that the matrix looks at.
    Here,
    /// Another.
    There,
}

/// What the caller shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Nothing,
    Nonsense,
    /// An access token whose time is over.
    ExpiredToken,
    /// An access token of a session that was revoked.
    RevokedSession,
    /// An access token of someone who was shut out.
    Suspended,
    Session,
    /// An API key with one scope that hardly any route takes.
    KeyWithoutScope,
    /// An API key with all scopes.
    KeyWithAllScopes,
    /// An API key with all scopes whose time is over.
    ExpiredKey,
    /// An API key of someone who was shut out.
    SuspendedKey,
}

/// Someone who calls.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub name: &'static str,
    pub home: Home,
    pub role: Role,
    pub shows: Shows,
    pub is_platform_admin: bool,
}

const fn caller(name: &'static str, home: Home, role: Role, shows: Shows) -> Caller {
    Caller { name, home, role, shows, is_platform_admin: false }
}

pub const CALLERS: [Caller; 20] = [
    caller("anonymous", Home::Here, Role::Owner, Shows::Nothing),
    caller("nonsense", Home::Here, Role::Owner, Shows::Nonsense),
    caller("expired token", Home::Here, Role::Owner, Shows::ExpiredToken),
    caller("revoked session", Home::Here, Role::Owner, Shows::RevokedSession),
    caller("suspended", Home::Here, Role::Owner, Shows::Suspended),
    caller("expired key", Home::Here, Role::Owner, Shows::ExpiredKey),
    caller("suspended key", Home::Here, Role::Owner, Shows::SuspendedKey),
    caller("foreign owner", Home::There, Role::Owner, Shows::Session),
    caller("foreign member", Home::There, Role::Member, Shows::Session),
    caller("foreign key", Home::There, Role::Owner, Shows::KeyWithAllScopes),
    Caller {
        name: "platform admin",
        home: Home::There,
        role: Role::Owner,
        shows: Shows::Session,
        is_platform_admin: true,
    },
    Caller {
        name: "platform admin's key",
        home: Home::There,
        role: Role::Owner,
        shows: Shows::KeyWithAllScopes,
        is_platform_admin: true,
    },
    caller("viewer", Home::Here, Role::Viewer, Shows::Session),
    caller("viewer's key", Home::Here, Role::Viewer, Shows::KeyWithAllScopes),
    caller("member", Home::Here, Role::Member, Shows::Session),
    caller("member's key", Home::Here, Role::Member, Shows::KeyWithAllScopes),
    caller("admin", Home::Here, Role::Admin, Shows::Session),
    caller("key without scope", Home::Here, Role::Owner, Shows::KeyWithoutScope),
    caller("owner's key", Home::Here, Role::Owner, Shows::KeyWithAllScopes),
    caller("owner", Home::Here, Role::Owner, Shows::Session),
];
