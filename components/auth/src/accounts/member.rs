use ambient::UnixMillis;
use audit::Entry;
use caller::{Caller, ClientAddress, Role};
use ids::UserId;
use serde::Serialize;

use crate::accounts::store;
use crate::error::AuthError;
use crate::service::Auth;

/// A member of an account as other members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub user_id: UserId,
    pub email: String,
    pub username: Option<String>,
    pub name: Option<String>,
    pub role: Role,
    pub joined_at: UnixMillis,
}

impl Auth {
    /// Gives a member another role. Nobody changes those of the same or a higher rank, except for themselves, and nobody grants more than
    /// they have.
    pub async fn set_member_role(
        &self,
        caller: &Caller,
        address: ClientAddress,
        user_id: UserId,
        role: Role,
    ) -> Result<Member, AuthError> {
        let member = self.member(caller, user_id).await?;
        outranks(caller, &member)?;
        if caller.role < role {
            return Err(AuthError::RankTooLow);
        }
        if role == Role::Owner || member.role == Role::Owner {
            self.check_owner_may_change(caller).await?;
        }
        let entry = Entry::by(caller, address, "member.role_changed")
            .on(user_id)
            .with("from", member.role.as_str())
            .with("to", role.as_str());
        let change = store::RoleChange { user_id, from: member.role, to: role };
        let now = self.clock.now();
        if !store::set_member_role(&self.database, caller, &change, now, entry).await? {
            // The ranks were others by the time of the write.
            return Err(AuthError::RankTooLow);
        }
        Ok(Member { role, ..member })
    }

    /// Takes a member out of the account, with sessions, API keys and invitations. Everyone may leave; others go by rank.
    pub async fn remove_member(
        &self,
        caller: &Caller,
        address: ClientAddress,
        user_id: UserId,
    ) -> Result<(), AuthError> {
        let member = self.member(caller, user_id).await?;
        outranks(caller, &member)?;
        if member.role == Role::Owner {
            self.check_owner_may_change(caller).await?;
        }
        let action = if user_id == caller.user_id { "member.left" } else { "member.removed" };
        let entry =
            Entry::by(caller, address, action).on(user_id).with("role", member.role.as_str());
        let change = store::Removal { user_id, from: member.role };
        let now = self.clock.now();
        if store::remove_member(&self.database, caller, &change, now, entry).await? {
            Ok(())
        } else {
            Err(AuthError::RankTooLow)
        }
    }

    async fn member(&self, caller: &Caller, user_id: UserId) -> Result<Member, AuthError> {
        let member = store::get_member(&self.database, caller.account_id, user_id).await?;
        member.ok_or(AuthError::NotFound)
    }

    /// A personal account has one owner, for good: it is what remains of a person everywhere.
    async fn check_owner_may_change(&self, caller: &Caller) -> Result<(), AuthError> {
        if self.account(caller).await?.kind == "personal" {
            return Err(AuthError::PersonalAccount);
        }
        Ok(())
    }
}

/// Whether the caller may act on this member (SECURITY R58).
fn outranks(caller: &Caller, member: &Member) -> Result<(), AuthError> {
    let may = member.user_id == caller.user_id
        || (Role::Admin <= caller.role && member.role < caller.role);
    if may { Ok(()) } else { Err(AuthError::RankTooLow) }
}
