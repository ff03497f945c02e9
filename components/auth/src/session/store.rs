use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Row, Statement};
use ids::{AccountId, SessionId, UserId};

use super::{Rotation, SessionView, Spent, StoredToken};
use crate::error::AuthError;
use crate::service::{Account, NewSession, User};
use crate::store::{insert_refresh_token, read_account, read_user};
use paging::Part;

/// Sorts after every id of a session.
const AFTER_ALL: &str = "sess_~";

/// The refresh token with this hash, with its successor and what it belongs to.
pub async fn find_refresh_token(
    database: &Database,
    token_hash: [u8; 32],
    now: UnixMillis,
) -> Result<Option<StoredToken>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/find_refresh_token.sql"))
        .bind(token_hash.to_vec())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(StoredToken {
        session_id: row.get::<String>("session_id")?.parse()?,
        user: read_user(row)?,
        account: read_account(row)?,
        is_live: row.get("is_live")?,
        expires_at: UnixMillis(row.get("expires_at")?),
        spent: read_spent(row)?,
    }))
}

fn read_spent(row: Row<'_>) -> Result<Option<Spent>, DatabaseError> {
    let Some(at) = row.get::<Option<i64>>("spent_at")? else { return Ok(None) };
    Ok(Some(Spent {
        at: UnixMillis(at),
        successor_hash: row.get::<Option<Vec<u8>>>("successor_hash")?.unwrap_or_default(),
        is_followed: row.get::<Option<i64>>("successor_spent_at")?.is_some(),
    }))
}

/// Spends a token and writes its successor. `false` when it does not count any more; then nothing was written.
pub async fn rotate(database: &Database, rotation: &Rotation<'_>) -> Result<bool, DatabaseError> {
    let Rotation { account_id, session_id, token_hash, successor_hash, at, expires_at, device } =
        rotation;
    let batch = vec![
        Statement::new(include_str!("../../queries/spend_refresh_token.sql"))
            .bind(account_id.to_string())
            .bind(token_hash.to_vec())
            .bind(successor_hash.to_vec())
            .bind(at.0),
        Statement::new(include_str!("../../queries/insert_successor.sql"))
            .bind(account_id.to_string())
            .bind(token_hash.to_vec())
            .bind(successor_hash.to_vec())
            .bind(at.0)
            .bind(expires_at.0),
        Statement::new(include_str!("../../queries/touch_session.sql"))
            .bind(account_id.to_string())
            .bind(session_id.to_string())
            .bind(at.0)
            .bind(device.user_agent.clone())
            .bind(device.ip()),
    ];
    let results = database.batch(batch).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Ends a session, unless it is over already.
pub async fn revoke(
    database: &Database,
    account_id: AccountId,
    session_id: SessionId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/revoke_session.sql"))
        .bind(account_id.to_string())
        .bind(session_id.to_string())
        .bind(now.0);
    let results = audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Ends a session of this person. `false` when the person has no such living session.
pub async fn revoke_own(
    database: &Database,
    user_id: UserId,
    session_id: SessionId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/revoke_own_session.sql"))
        .bind(user_id.to_string())
        .bind(session_id.to_string())
        .bind(now.0);
    let results = audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Writes a session for another account of the person whose session `from` is. `None` when the person is no member of it.
pub async fn switch(
    database: &Database,
    session: &NewSession,
    from: (AccountId, SessionId),
    entry: Entry,
) -> Result<Option<(User, Account)>, AuthError> {
    let NewSession { id, user_id, account_id, created_at, refresh_token, device } = session;
    let batch = vec![
        Statement::new(include_str!("../../queries/insert_switched_session.sql"))
            .bind(account_id.to_string())
            .bind(id.to_string())
            .bind(user_id.to_string())
            .bind(created_at.0)
            .bind(from.0.to_string())
            .bind(from.1.to_string())
            .bind(device.user_agent.clone())
            .bind(device.ip()),
        Statement::new(include_str!("../../queries/find_member.sql"))
            .bind(account_id.to_string())
            .bind(user_id.to_string()),
        // The last one, which changes a row when there is a session: the entry is written if it does.
        insert_refresh_token(*account_id, *id, refresh_token, *created_at),
    ];
    let results = audit::commit(database, *created_at, batch, vec![entry], When::Changed).await?;
    let [inserted, member, _] = results.as_slice() else { return Ok(None) };
    match (inserted.first(), member.first()) {
        (Some(_), Some(row)) => Ok(Some((read_user(row)?, read_account(row)?))),
        _ => Ok(None),
    }
}

/// Living sessions of a person, the newest first.
pub async fn list(
    database: &Database,
    user_id: UserId,
    current: SessionId,
    part: &Part<SessionId>,
    now: UnixMillis,
) -> Result<Vec<SessionView>, AuthError> {
    let before = part.after.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string());
    let statement = Statement::new(include_str!("../../queries/list_own_sessions.sql"))
        .bind(user_id.to_string())
        .bind(now.0)
        .bind(before)
        .bind(part.rows());
    let rows = database.query(statement).await?;
    rows.iter().map(|row| read_session(row, current)).collect()
}

fn read_session(row: Row<'_>, current: SessionId) -> Result<SessionView, AuthError> {
    let time = |column: &str| row.get::<i64>(column).map(UnixMillis);
    let id: SessionId = row.get::<String>("id")?.parse()?;
    Ok(SessionView {
        id,
        account_id: row.get::<String>("account_id")?.parse()?,
        account_name: row.get("account_name")?,
        current: id == current,
        user_agent: row.get("user_agent")?,
        ip: row.get("ip")?,
        created_at: time("created_at")?,
        last_used_at: time("last_used_at")?,
        expires_at: time("expires_at")?,
    })
}
