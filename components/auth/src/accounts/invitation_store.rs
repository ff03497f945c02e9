use ambient::UnixMillis;
use audit::{Entry, When};
use caller::Caller;
use database::{Database, DatabaseError, Row, Statement};
use idempotency::Claim;
use ids::{AccountId, InvitationId, UserId};

use crate::accounts::invitation::{Found, INVITATIONS_MAX, Invitation};
use crate::accounts::store::changed;
use crate::error::AuthError;
use crate::service::Account;
use paging::Part;

/// Who becomes a member of what, by which invitation.
pub struct Acceptance {
    pub account_id: AccountId,
    pub invitation_id: InvitationId,
    pub user_id: UserId,
    pub hash: [u8; 32],
}

/// An invitation that is about to be written.
pub struct NewInvitation<'a> {
    pub invitation: &'a Invitation,
    pub hash: [u8; 32],
    /// Keeps the answer, if there is a claim.
    pub kept: Option<Statement>,
}

/// Whether someone with this address is a member.
pub async fn has_member(
    database: &Database,
    account_id: AccountId,
    email: &str,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/find_member_by_email.sql"))
        .bind(account_id.to_string())
        .bind(email);
    Ok(!database.query(statement).await?.is_empty())
}

/// Writes an invitation in the place of an older one to the same address; `false` when the account has as many as any may.
pub async fn create(
    database: &Database,
    caller: &Caller,
    new: NewInvitation<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let NewInvitation { invitation, hash, kept } = new;
    let now = invitation.created_at;
    let account_id = caller.account_id.to_string();
    let supersede = Statement::new(include_str!("../../queries/delete_stale_invitations.sql"))
        .bind(account_id.as_str())
        .bind(invitation.email.as_str())
        .bind(now.0);
    let insert = Statement::new(include_str!("../../queries/insert_invitation.sql"))
        .bind(account_id)
        .bind(invitation.id.to_string())
        .bind(invitation.email.as_str())
        .bind(invitation.role.as_str())
        .bind(invitation.invited_by.to_string())
        .bind(hash.to_vec())
        .bind(now.0)
        .bind(invitation.expires_at.0)
        .bind(INVITATIONS_MAX);
    let action = [supersede, insert].into_iter().chain(kept).collect();
    let results = audit::commit(database, now, action, vec![entry], When::Changed).await?;
    Ok(results.get(1).is_some_and(|rows| !rows.is_empty()))
}

/// The invitations of an account that are open, the newest first; one more than the part has.
pub async fn list(
    database: &Database,
    account_id: AccountId,
    now: UnixMillis,
    part: &Part<InvitationId>,
) -> Result<Vec<Invitation>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/list_invitations.sql"))
        .bind(account_id.to_string())
        .bind(now.0)
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// Removes an invitation; `false` when there is none with this id.
pub async fn delete(
    database: &Database,
    account_id: AccountId,
    id: InvitationId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/delete_invitation.sql"))
        .bind(account_id.to_string())
        .bind(id.to_string());
    Ok(changed(&audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?))
}

/// The open invitation with this token, and what it has to do with this person.
pub async fn find(
    database: &Database,
    user_id: UserId,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<Found>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/find_invitation.sql"))
        .bind(hash.to_vec())
        .bind(user_id.to_string())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let invitation = read(row)?;
    let account = Account {
        id: row.get::<&str>("account_id")?.parse()?,
        name: row.get("account_name")?,
        kind: row.get("account_kind")?,
        role: invitation.role,
        created_at: UnixMillis(row.get("account_created_at")?),
    };
    Ok(Some(Found {
        invitation,
        account,
        is_own_address: row.get("is_own_address")?,
        has_verified_address: row.get("email_verified")?,
    }))
}

/// Spends an invitation: the person becomes a member, or stays one with the role that it has. `false` when the invitation has been spent, or
/// whoever sent it may no longer grant its role.
pub async fn accept(
    database: &Database,
    acceptance: &Acceptance,
    now: UnixMillis,
    claim: &Claim,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let Acceptance { account_id, invitation_id, user_id, hash } = acceptance;
    let bound = |sql: &'static str| {
        Statement::new(sql)
            .bind(account_id.to_string())
            .bind(invitation_id.to_string())
            .bind(user_id.to_string())
    };
    let verify = bound(include_str!("../../queries/verify_invited_email.sql")).bind(now.0);
    let join = bound(include_str!("../../queries/insert_invited_member.sql"))
        .bind(now.0)
        .bind(hash.to_vec());
    let spend = bound(include_str!("../../queries/spend_invitation.sql")).bind(hash.to_vec());
    let keep = claim.bind(include_str!("../../queries/claim_membership.sql"));
    let keep = keep.map(|statement| statement.bind(account_id.to_string()));
    let action = [verify, join, spend].into_iter().chain(keep).collect();
    let results = audit::commit(database, now, action, vec![entry], When::Changed).await?;
    Ok(results.get(2).is_some_and(|rows| !rows.is_empty()))
}

fn read(row: Row<'_>) -> Result<Invitation, AuthError> {
    Ok(Invitation {
        id: row.get::<&str>("id")?.parse()?,
        email: row.get("email")?,
        role: row.get::<&str>("role")?.parse()?,
        invited_by: row.get::<&str>("invited_by")?.parse()?,
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: UnixMillis(row.get("expires_at")?),
    })
}
