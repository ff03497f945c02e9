use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Row, Statement};
use ids::UserId;

use crate::admin::service::{UserChange, UserRecord};
use crate::error::AuthError;
use paging::Part;

/// Sorts after every id.
const AFTER_EVERY_ID: &str = "~";

/// All people, the newest first; one more than the part has.
pub async fn list_users(
    database: &Database,
    part: &Part<UserId>,
) -> Result<Vec<UserRecord>, AuthError> {
    let before = part.after.map_or_else(|| AFTER_EVERY_ID.to_owned(), |id| id.to_string());
    let statement =
        Statement::new(include_str!("../../queries/list_users.sql")).bind(before).bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// A person.
pub async fn get_user(database: &Database, id: UserId) -> Result<Option<UserRecord>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/get_user.sql")).bind(id.to_string());
    database.query(statement).await?.first().map(read).transpose()
}

/// Writes what changes about a person, if there is one with this id, and ends the sessions of someone who is shut out.
pub async fn update_user(
    database: &Database,
    change: &UserChange,
    now: UnixMillis,
    entries: Vec<Entry>,
) -> Result<(), DatabaseError> {
    let update = Statement::new(include_str!("../../queries/set_user_flags.sql"))
        .bind(change.id.to_string())
        .bind(change.is_active)
        .bind(change.is_admin)
        .bind(now.0);
    let mut action = Vec::new();
    if change.is_active == Some(false) {
        action.push(revoke_sessions(change.id, now));
    }
    // The last one: it says whether there is such a person.
    action.push(update);
    audit::commit(database, now, action, entries, When::Changed).await.map(drop)
}

/// Ends all sessions of a person.
pub async fn sign_out_user(
    database: &Database,
    id: UserId,
    now: UnixMillis,
    entry: Entry,
) -> Result<(), DatabaseError> {
    let action = vec![revoke_sessions(id, now)];
    audit::commit(database, now, action, vec![entry], When::Always).await.map(drop)
}

/// Removes a person's second factor with its recovery codes, and ends all sessions. Who has a password that stands only beside a second
/// factor must choose another.
pub async fn reset_mfa(
    database: &Database,
    id: UserId,
    now: UnixMillis,
    entry: Entry,
) -> Result<(), DatabaseError> {
    let delete = Statement::new(include_str!("../../queries/delete_totp.sql")).bind(id.to_string());
    let require = Statement::new(include_str!("../../queries/require_longer_password.sql"))
        .bind(id.to_string());
    let action = vec![delete, require, revoke_sessions(id, now)];
    audit::commit(database, now, action, vec![entry], When::Always).await.map(drop)
}

fn revoke_sessions(id: UserId, now: UnixMillis) -> Statement {
    Statement::new(include_str!("../../queries/revoke_sessions_of_user.sql"))
        .bind(id.to_string())
        .bind(now.0)
}

fn read(row: Row<'_>) -> Result<UserRecord, AuthError> {
    Ok(UserRecord {
        id: row.get::<&str>("id")?.parse()?,
        email: row.get("email")?,
        email_verified: row.get("email_verified")?,
        username: row.get("username")?,
        name: row.get("name")?,
        auth_provider: row.get("auth_provider")?,
        is_active: row.get("is_active")?,
        is_admin: row.get("is_admin")?,
        created_at: UnixMillis(row.get("created_at")?),
        last_login_at: row.get::<Option<i64>>("last_login_at")?.map(UnixMillis),
    })
}
