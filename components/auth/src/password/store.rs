use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Statement};
use ids::{SessionId, UserId};

use super::{Holder, Known};
use crate::error::AuthError;
use crate::mail::Purpose;
use crate::store::read_user;

/// A new password in place of an old one.
pub struct Change<'a> {
    pub user_id: UserId,
    /// None for somebody who had no password.
    pub old_hash: Option<&'a str>,
    pub new_hash: &'a str,
    /// Whether it counts only beside a second factor.
    pub needs_totp: bool,
    /// The session that stays.
    pub keep: SessionId,
    pub at: UnixMillis,
}

/// A new password by means of a token.
pub struct Reset<'a> {
    pub user_id: UserId,
    pub token_hash: [u8; 32],
    pub new_hash: &'a str,
    /// Whether it counts only beside a second factor.
    pub needs_totp: bool,
    pub at: UnixMillis,
}

/// Changes a password, ends the other sessions and voids what was mailed. `false` when it was changed meanwhile; then nothing was written.
pub async fn change(
    database: &Database,
    change: &Change<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let Change { user_id, old_hash, new_hash, needs_totp, keep, at } = change;
    let update = Statement::new(include_str!("../../queries/change_password.sql"))
        .bind(user_id.to_string())
        .bind(*old_hash)
        .bind(*new_hash)
        .bind(at.0)
        .bind(*needs_totp);
    let consequences = consequences(*user_id, new_hash, Some(*keep), *at);
    commit(database, update, consequences, *at, entry).await
}

/// Sets a password with a token, ends all sessions and voids what was mailed. `false` when the token does not count any more.
pub async fn reset(
    database: &Database,
    reset: &Reset<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let Reset { user_id, token_hash, new_hash, needs_totp, at } = reset;
    let update = Statement::new(include_str!("../../queries/reset_password.sql"))
        .bind(user_id.to_string())
        .bind(token_hash.to_vec())
        .bind(*new_hash)
        .bind(at.0)
        .bind(*needs_totp);
    let consequences = consequences(*user_id, new_hash, None, *at);
    commit(database, update, consequences, *at, entry).await
}

/// Runs the change of a password with its consequences. The entry is written if the last statement, which looks for the new hash, finds it.
async fn commit(
    database: &Database,
    update: Statement,
    [revoke, void, mark]: [Statement; 3],
    at: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let action = vec![update, revoke, void, mark];
    let results = audit::commit(database, at, action, vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// What follows from a new password, if an earlier statement of the batch has set it.
fn consequences(
    user_id: UserId,
    new_hash: &str,
    keep: Option<SessionId>,
    at: UnixMillis,
) -> [Statement; 3] {
    [
        Statement::new(include_str!("../../queries/revoke_sessions_after_change.sql"))
            .bind(user_id.to_string())
            .bind(at.0)
            .bind(keep.map(|id| id.to_string()))
            .bind(new_hash),
        Statement::new(include_str!("../../queries/delete_one_time_tokens.sql"))
            .bind(user_id.to_string())
            .bind(new_hash),
        Statement::new(include_str!("../../queries/touch_user.sql"))
            .bind(user_id.to_string())
            .bind(new_hash)
            .bind(at.0),
    ]
}

/// The person of this id.
pub async fn find_known(database: &Database, id: UserId) -> Result<Option<Known>, AuthError> {
    let statement =
        Statement::new(include_str!("../../queries/find_password.sql")).bind(id.to_string());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Known {
        user: read_user(row)?,
        password_hash: row.get("password_hash")?,
        has_totp: row.get("has_totp")?,
        needs_totp: row.get("password_needs_factor")?,
    }))
}

/// Whose one-time token this is.
pub async fn find_holder(
    database: &Database,
    token_hash: [u8; 32],
    purpose: Purpose,
    now: UnixMillis,
) -> Result<Option<Holder>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/find_one_time_token.sql"))
        .bind(token_hash.to_vec())
        .bind(purpose.as_str())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Holder {
        id: row.get::<String>("id")?.parse()?,
        account_id: row.get::<String>("account_id")?.parse()?,
        email: row.get("email")?,
        username: row.get("username")?,
        name: row.get("name")?,
        has_totp: row.get("has_totp")?,
    }))
}

/// Spends a token that proves an address. `false` when it does not count.
pub async fn verify_email(
    database: &Database,
    token_hash: [u8; 32],
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let batch = vec![
        Statement::new(include_str!("../../queries/verify_email.sql"))
            .bind(token_hash.to_vec())
            .bind(now.0),
        Statement::new(include_str!("../../queries/delete_verify_token.sql"))
            .bind(token_hash.to_vec()),
    ];
    let results = audit::commit(database, now, batch, vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}
