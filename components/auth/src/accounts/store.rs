use ambient::UnixMillis;
use audit::{Entry, When};
use caller::{Caller, Role};
use database::{Database, DatabaseError, Row, Rows, Statement};
use ids::{AccountId, UserId};

use crate::accounts::account::ACCOUNTS_OWNED_MAX;
use crate::accounts::member::Member;
use crate::error::AuthError;
use crate::service::Account;
use paging::Part;

/// A member's way from one role to another.
pub struct RoleChange {
    pub user_id: UserId,
    pub from: Role,
    pub to: Role,
}

/// A member's way out.
pub struct Removal {
    pub user_id: UserId,
    pub from: Role,
}

/// Writes a team account with its first owner; `false` when the person owns as many as anyone may.
pub async fn create_team(
    database: &Database,
    owner: UserId,
    account: &Account,
    kept: Option<Statement>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let now = account.created_at;
    let insert_account = Statement::new(include_str!("../../queries/insert_team.sql"))
        .bind(account.id.to_string())
        .bind(account.name.as_str())
        .bind(now.0)
        .bind(owner.to_string())
        .bind(ACCOUNTS_OWNED_MAX);
    let insert_owner = Statement::new(include_str!("../../queries/insert_first_owner.sql"))
        .bind(account.id.to_string())
        .bind(owner.to_string())
        .bind(now.0);
    let action = [insert_account, insert_owner].into_iter().chain(kept).collect();
    Ok(changed(&audit::commit(database, now, action, vec![entry], When::Changed).await?))
}

/// The accounts of a person, or the one of them with this id, the newest first; one more than the part has.
pub async fn list_accounts(
    database: &Database,
    user_id: UserId,
    only: Option<AccountId>,
    part: &Part<AccountId>,
) -> Result<Vec<Account>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/list_accounts.sql"))
        .bind(user_id.to_string())
        .bind(only.map(|id| id.to_string()))
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read_account).collect()
}

/// The account as the caller sees it.
pub async fn get_account(
    database: &Database,
    caller: &Caller,
) -> Result<Option<Account>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/get_account.sql"))
        .bind(caller.account_id.to_string())
        .bind(caller.user_id.to_string());
    database.query(statement).await?.first().map(read_account).transpose()
}

/// Sets the account's name.
pub async fn set_account_name(
    database: &Database,
    caller: &Caller,
    name: &str,
    now: UnixMillis,
    entry: Entry,
) -> Result<(), DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/set_account_name.sql"))
        .bind(caller.account_id.to_string())
        .bind(name)
        .bind(now.0);
    audit::commit(database, now, vec![statement], vec![entry], When::Changed).await.map(drop)
}

/// Removes an account; everything in it goes with it. `false` when there is none.
pub async fn delete_account(
    database: &Database,
    id: AccountId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement =
        Statement::new(include_str!("../../queries/delete_account.sql")).bind(id.to_string());
    Ok(changed(&audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?))
}

/// The members of an account in the order of their ids; one more than the part has.
pub async fn list_members(
    database: &Database,
    account_id: AccountId,
    part: &Part<UserId>,
) -> Result<Vec<Member>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/list_members.sql"))
        .bind(account_id.to_string())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read_member).collect()
}

/// A member of an account.
pub async fn get_member(
    database: &Database,
    account_id: AccountId,
    user_id: UserId,
) -> Result<Option<Member>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/get_member.sql"))
        .bind(account_id.to_string())
        .bind(user_id.to_string());
    database.query(statement).await?.first().map(read_member).transpose()
}

/// Sets a member's role; `false` when one of the two has another role by now than was looked at.
pub async fn set_member_role(
    database: &Database,
    caller: &Caller,
    change: &RoleChange,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, AuthError> {
    let statement = Statement::new(include_str!("../../queries/set_member_role.sql"))
        .bind(caller.account_id.to_string())
        .bind(change.user_id.to_string())
        .bind(change.from.as_str())
        .bind(caller.user_id.to_string())
        .bind(caller.role.as_str())
        .bind(change.to.as_str());
    write_member(database, statement, now, entry).await
}

/// Removes a member; `false` as in [`set_member_role`].
pub async fn remove_member(
    database: &Database,
    caller: &Caller,
    removal: &Removal,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, AuthError> {
    let statement = Statement::new(include_str!("../../queries/delete_member.sql"))
        .bind(caller.account_id.to_string())
        .bind(removal.user_id.to_string())
        .bind(removal.from.as_str())
        .bind(caller.user_id.to_string())
        .bind(caller.role.as_str());
    write_member(database, statement, now, entry).await
}

async fn write_member(
    database: &Database,
    statement: Statement,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, AuthError> {
    match audit::commit(database, now, vec![statement], vec![entry], When::Changed).await {
        Ok(results) => Ok(changed(&results)),
        Err(error) if error.is_trigger("membership_keeps_an_owner") => Err(AuthError::LastOwner),
        Err(error) => Err(error.into()),
    }
}

/// Whether the first statement of an action returned a row.
pub fn changed(results: &[Rows]) -> bool {
    results.first().is_some_and(|rows| !rows.is_empty())
}

fn read_account(row: Row<'_>) -> Result<Account, AuthError> {
    Ok(Account {
        id: row.get::<&str>("id")?.parse()?,
        name: row.get("name")?,
        kind: row.get("kind")?,
        role: row.get::<&str>("role")?.parse()?,
        created_at: UnixMillis(row.get("created_at")?),
    })
}

fn read_member(row: Row<'_>) -> Result<Member, AuthError> {
    Ok(Member {
        user_id: row.get::<&str>("user_id")?.parse()?,
        email: row.get("email")?,
        username: row.get("username")?,
        name: row.get("name")?,
        role: row.get::<&str>("role")?.parse()?,
        joined_at: UnixMillis(row.get("created_at")?),
    })
}
