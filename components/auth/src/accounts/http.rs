use audit::{Log, PageQuery, Recorded};
use axum::extract::State;
use axum::http::StatusCode;
use caller::{Caller, ClientAddress, Means, Role};
use idempotency::Claim;
use ids::{AccountId, InvitationId, UserId};
use problem::{Json, Path, Problem, Query};
use serde::Deserialize;

use crate::accounts::invitation::Invitation;
use crate::accounts::member::Member;
use crate::accounts::{invitation_store, store};
use crate::service::{Account, Auth};
use paging::{ListQuery, Page, Part};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberBody {
    role: Role,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteBody {
    email: String,
    role: Role,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    action: Option<String>,
}

/// `GET /api/accounts`: all accounts of a person, the one account of an API key.
pub async fn list_accounts(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Account>>, Problem> {
    let part = query.part()?;
    let only = match caller.means {
        Means::Session { .. } => None,
        Means::ApiKey { .. } => Some(caller.account_id),
    };
    let rows = store::list_accounts(&auth.database, caller.user_id, only, &part).await?;
    Ok(Json(part.page(rows, |account| account.id.to_string())))
}

/// `POST /api/accounts`
pub async fn create_account(
    caller: Caller,
    State(auth): State<Auth>,
    claim: Claim,
    address: ClientAddress,
    Json(body): Json<AccountBody>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let account = auth.create_account(&caller, address, &body.name, &claim).await?;
    Ok((StatusCode::CREATED, Json(account)))
}

/// `GET /api/accounts/{id}`
pub async fn get_account(
    caller: Caller,
    State(auth): State<Auth>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(auth.account(&caller).await?))
}

/// `PATCH /api/accounts/{id}`
pub async fn update_account(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Json(body): Json<AccountBody>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(auth.rename_account(&caller, address, &body.name).await?))
}

/// `DELETE /api/accounts/{id}`
pub async fn delete_account(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
) -> Result<StatusCode, Problem> {
    auth.delete_account(&caller, address).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/accounts/{id}/members`
pub async fn list_members(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Member>>, Problem> {
    let part = query.part()?;
    let rows = store::list_members(&auth.database, caller.account_id, &part).await?;
    Ok(Json(part.page(rows, |member| member.user_id.to_string())))
}

/// `PATCH /api/accounts/{id}/members/{user_id}`
pub async fn update_member(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path((_, user_id)): Path<(AccountId, UserId)>,
    Json(body): Json<MemberBody>,
) -> Result<Json<Member>, Problem> {
    check_grant(&auth, &caller, body.role)?;
    Ok(Json(auth.set_member_role(&caller, address, user_id, body.role).await?))
}

/// `DELETE /api/accounts/{id}/members/{user_id}`
pub async fn remove_member(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path((_, user_id)): Path<(AccountId, UserId)>,
) -> Result<StatusCode, Problem> {
    auth.remove_member(&caller, address, user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/accounts/{id}/invitations`
pub async fn list_invitations(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Invitation>>, Problem> {
    let part = query.part()?;
    let now = auth.clock.now();
    let rows = invitation_store::list(&auth.database, caller.account_id, now, &part).await?;
    Ok(Json(part.page(rows, |invitation| invitation.id.to_string())))
}

/// `POST /api/accounts/{id}/invitations`
pub async fn create_invitation(
    caller: Caller,
    State(auth): State<Auth>,
    claim: Claim,
    address: ClientAddress,
    Json(body): Json<InviteBody>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let InviteBody { email, role } = body;
    check_grant(&auth, &caller, role)?;
    let invitation = auth.invite(&caller, address, &email, role, &claim).await?;
    Ok((StatusCode::CREATED, Json(invitation)))
}

/// `DELETE /api/accounts/{id}/invitations/{invitation_id}`
pub async fn revoke_invitation(
    caller: Caller,
    State(auth): State<Auth>,
    address: ClientAddress,
    Path((_, invitation_id)): Path<(AccountId, InvitationId)>,
) -> Result<StatusCode, Problem> {
    auth.revoke_invitation(&caller, address, invitation_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/invitations/accept`
pub async fn accept_invitation(
    caller: Caller,
    State(auth): State<Auth>,
    claim: Claim,
    address: ClientAddress,
    Json(body): Json<AcceptBody>,
) -> Result<Json<Account>, Problem> {
    Ok(Json(auth.accept_invitation(&caller, address, &body.token, &claim).await?))
}

/// Another owner may take everything: whoever makes one has shown the password lately (SECURITY R44).
fn check_grant(auth: &Auth, caller: &Caller, role: Role) -> Result<(), Problem> {
    if role == Role::Owner { caller.require_step_up(auth.clock.now()) } else { Ok(()) }
}

/// `GET /api/accounts/{id}/audit`
pub async fn list_audit(
    caller: Caller,
    State(auth): State<Auth>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<Recorded>>, Problem> {
    audit_page(&auth, Log::Account(caller.account_id), query).await
}

/// A page of a log, for accounts and for the platform.
pub async fn audit_page(
    auth: &Auth,
    log: Log,
    query: AuditQuery,
) -> Result<Json<Page<Recorded>>, Problem> {
    let part: Part<i64> = paging::part(query.limit, query.cursor)?;
    let wanted = PageQuery { before: part.after, action: query.action, limit: part.rows() };
    let rows = audit::list(&auth.database, log, wanted).await?;
    Ok(Json(part.page(rows, |entry| entry.seq.to_string())))
}
