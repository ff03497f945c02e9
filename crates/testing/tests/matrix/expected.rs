//! What each cell must answer: the rules of `SECURITY.md` R50 once more, from the declaration alone.

use caller::{Role, Scope};
use routes::{Access, Tenant};

use crate::callers::Shows;
use crate::cells::Cell;
use crate::world::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Unauthorized,
    Forbidden,
    NotFound,
    /// What the table declares.
    Success(u16),
    /// The caller gets to the handler, whose rule says otherwise.
    Rule(u16),
    /// A public route, whose answer depends on what it is for; only a fault would be wrong.
    NoFault,
}

impl Expected {
    pub fn admits(&self, status: u16) -> bool {
        match self {
            Self::Unauthorized => status == 401,
            Self::Forbidden => status == 403,
            Self::NotFound => status == 404,
            Self::Success(expected) | Self::Rule(expected) => status == *expected,
            Self::NoFault => status < 500,
        }
    }
}

/// Routes whose handlers have rules beyond the table, with the callers whom these stop and how.
const RULES: &[(&str, &[Role], u16)] = &[
    // No invitation has the token of the example.
    ("accept_invitation", &Role::ALL, 422),
    // The message of the example is in no conversation.
    ("fork_conversation", &Role::ALL, 422),
    // The matrix sends no query, and this must say which conversation it is about.
    ("delete_memories", &Role::ALL, 400),
    // The matrix sends no bytes: no file, no form, and not the part that is expected.
    ("create_file", &Role::ALL, 400),
    ("openai_create_file", &Role::ALL, 400),
    ("openai_add_part", &Role::ALL, 400),
    ("put_part", &Role::ALL, 422),
    // The file of the example belongs to a conversation.
    ("delete_file", &Role::ALL, 409),
    ("openai_delete_file", &Role::ALL, 409),
    // Nobody is a member of the account of the example.
    ("switch_account", &Role::ALL, 404),
    // Nobody here has a password, so none is the right one.
    ("change_password", &Role::ALL, 403),
    ("delete_me", &Role::ALL, 403),
    ("enrol_totp", &Role::ALL, 403),
    ("reauthenticate", &Role::ALL, 403),
    ("remove_totp", &Role::ALL, 403),
    // And so nobody has a second factor to confirm.
    ("confirm_totp", &Role::ALL, 422),
    ("link_identity", &Role::ALL, 403),
    // Which is also why an identity is the only way in.
    ("unlink_identity", &Role::ALL, 409),
    // No model has a key.
    ("test_model", &Role::ALL, 422),
    ("test_system_model", &Role::ALL, 422),
    // No model has a key, and no run waits.
    ("anthropic_create_message", &Role::ALL, 422),
    ("openai_create_completion", &Role::ALL, 422),
    ("openai_create_response", &Role::ALL, 422),
    ("create_run", &Role::ALL, 422),
    ("decide_approvals", &Role::ALL, 409),
    // The member in the path is a viewer: only admins and owners outrank one.
    ("update_member", &[Role::Viewer, Role::Member], 403),
    ("remove_member", &[Role::Viewer, Role::Member], 403),
];

pub fn expected(cell: &Cell<'_>) -> Expected {
    let Cell { route, caller, varied, .. } = cell;
    if route.access == Access::Public {
        return Expected::NoFault;
    }
    let is_key = match caller.shows {
        Shows::Session => false,
        Shows::KeyWithoutScope | Shows::KeyWithAllScopes => true,
        Shows::Nothing
        | Shows::Nonsense
        | Shows::ExpiredToken
        | Shows::RevokedSession
        | Shows::Suspended
        | Shows::ExpiredKey
        | Shows::SuspendedKey => return Expected::Unauthorized,
    };
    let (least, may) = match route.access {
        Access::Public => (None, true),
        // The one scope that the key without scopes has.
        Access::Account(role, scope) => {
            (Some(role), caller.shows != Shows::KeyWithoutScope || scope == Scope::Chat)
        }
        Access::Member(role) => (Some(role), !is_key),
        Access::Person => (None, !is_key),
        Access::Platform => (None, !is_key && caller.is_platform_admin),
    };
    if !may {
        return Expected::Forbidden;
    }
    let is_low = least.is_some_and(|least| caller.role < least);
    let (in_account, is_own) = match varied {
        // The account comes first in the path.
        Some((0, kind)) if route.tenant == Tenant::Path => (*kind == Kind::Own, true),
        Some((_, kind)) => (true, *kind == Kind::Own),
        None => (true, true),
    };
    // The platform is one: its administrators reach people of every account.
    let reaches_all =
        route.access == Access::Platform && matches!(varied, Some((_, Kind::Foreign)));
    if !in_account {
        Expected::NotFound
    } else if is_low {
        Expected::Forbidden
    } else if is_own || reaches_all {
        own(cell)
    } else {
        Expected::NotFound
    }
}

fn own(cell: &Cell<'_>) -> Expected {
    let rule = RULES.iter().find(|(operation, roles, _)| {
        *operation == cell.route.operation_id && roles.contains(&cell.caller.role)
    });
    rule.map_or(Expected::Success(cell.route.outcome.status), |(_, _, status)| {
        Expected::Rule(*status)
    })
}
