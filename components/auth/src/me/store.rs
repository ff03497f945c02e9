use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Rows, Statement};
use ids::UserId;

use super::ProfileChange;
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

/// Removes a person with the accounts that nobody else is a member of. `false` when a team would be left without an owner, or the password
/// is another one by now; then nothing was removed.
pub async fn delete(
    database: &Database,
    id: UserId,
    password_hash: &str,
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
