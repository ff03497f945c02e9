use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Rows, Statement};
use ids::UserId;

use super::ProfileChange;
use super::address::{Mover, NewAddress};
use crate::error::AuthError;
use crate::service::User;
use crate::store::read_user;

/// The person of this id.
pub async fn find(database: &Database, id: UserId) -> Result<Option<User>, AuthError> {
    let statement =
        Statement::new(include_str!("../../queries/find_password.sql")).bind(id.to_string());
    let rows = database.query(statement).await?;
    rows.first().map(read_user).transpose()
}

/// Changes a profile. `None` when there is no such active person.
pub async fn update(
    database: &Database,
    id: UserId,
    change: &ProfileChange,
    now: UnixMillis,
    entry: Entry,
) -> Result<Option<User>, AuthError> {
    let ProfileChange { username, name } = change;
    let statement = Statement::new(include_str!("../../queries/update_profile.sql"))
        .bind(id.to_string())
        .bind(username.is_given())
        .bind(username.text())
        .bind(name.is_given())
        .bind(name.text())
        .bind(now.0);
    match audit::commit(database, now, vec![statement], vec![entry], When::Changed).await {
        Ok(results) => results.first().and_then(Rows::first).map(read_user).transpose(),
        Err(error) if error.is_unique("user.username") => Err(AuthError::UsernameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Stores a token that is about to be mailed to an address that nobody has, and that somebody asked for it. `false` when somebody has it; then
/// there is the entry alone.
pub async fn put_address_change(
    database: &Database,
    new: &NewAddress<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let NewAddress { user_id, email, token_hash, at, expires_at } = new;
    let statement = Statement::new(include_str!("../../queries/put_address_change.sql"))
        .bind(user_id.to_string())
        .bind(token_hash.to_vec())
        .bind(*email)
        .bind(at.0)
        .bind(expires_at.0);
    let results = audit::commit(database, *at, vec![statement], vec![entry], When::Always).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Whose token to change an address this is.
pub async fn find_mover(
    database: &Database,
    token_hash: [u8; 32],
    now: UnixMillis,
) -> Result<Option<Mover>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/find_address_change.sql"))
        .bind(token_hash.to_vec())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Mover {
        id: row.get::<&str>("id")?.parse()?,
        account_id: row.get::<&str>("account_id")?.parse()?,
        email: row.get("email")?,
    }))
}

/// Spends a token that changes an address, and voids all others. `false` when it does not count any more; then nothing was written.
pub async fn change_email(
    database: &Database,
    user_id: UserId,
    token_hash: [u8; 32],
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, AuthError> {
    let statement =
        |sql| Statement::new(sql).bind(user_id.to_string()).bind(token_hash.to_vec()).bind(now.0);
    let batch = vec![
        statement(include_str!("../../queries/change_email.sql")),
        statement(include_str!("../../queries/delete_tokens_after_change.sql")),
    ];
    match audit::commit(database, now, batch, vec![entry], When::Changed).await {
        Ok(results) => Ok(results.first().is_some_and(|rows| !rows.is_empty())),
        // Somebody has signed up with it meanwhile. Whoever holds the token reads mail there and may know.
        Err(error) if error.is_unique("user.email") => Err(AuthError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// Removes a person with the accounts that nobody else is a member of. `false` when a team would be left without an owner, or the password
/// is another one by now; then nothing was removed.
pub async fn delete(
    database: &Database,
    id: UserId,
    password_hash: Option<&str>,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let batch = vec![
        Statement::new(include_str!("../../queries/delete_own_accounts.sql"))
            .bind(id.to_string())
            .bind(password_hash),
        Statement::new(include_str!("../../queries/delete_user.sql"))
            .bind(id.to_string())
            .bind(password_hash),
    ];
    let results = audit::commit(database, now, batch, vec![entry], When::Changed).await?;
    Ok(results.last().is_some_and(|rows| !rows.is_empty()))
}
