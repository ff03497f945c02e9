use ambient::UnixMillis;
use audit::{Entry, When};
use credentials::{OpaqueToken, SigningKey};
use database::{Database, DatabaseError, Row, Statement};
use ids::{AccountId, SessionId, UserId};

use crate::error::AuthError;
use crate::keys::{NextKey, StoredKey};
use crate::login::{Proof, Shown};
use crate::mail::Purpose;
use crate::service::{Account, Candidate, NewSession, REFRESH_TOKEN_IDLE, SESSION_LIFETIME, User};

/// A person who is about to be written, with the personal account.
pub struct NewUser<'a> {
    pub user: &'a User,
    pub account: &'a Account,
    pub password_hash: &'a str,
}

/// Writes a person with account and membership, and with a session if there is one: all or nothing.
pub async fn create_user(
    database: &Database,
    new: &NewUser<'_>,
    session: Option<&NewSession>,
    entry: Entry,
) -> Result<(), AuthError> {
    let NewUser { user, account, password_hash } = new;
    let now = user.created_at;
    let mut batch = vec![
        Statement::new(include_str!("../queries/insert_user.sql"))
            .bind(user.id.to_string())
            .bind(user.email.as_str())
            .bind(user.username.clone())
            .bind(user.name.clone())
            .bind(*password_hash)
            .bind(now.0)
            .bind(user.last_login_at.map(|at| at.0)),
        Statement::new(include_str!("../queries/insert_account.sql"))
            .bind(account.id.to_string())
            .bind(account.name.as_str())
            .bind(account.kind.as_str())
            .bind(now.0),
        Statement::new(include_str!("../queries/insert_membership.sql"))
            .bind(account.id.to_string())
            .bind(user.id.to_string())
            .bind(account.role.as_str())
            .bind(now.0),
    ];
    if let Some(session) = session {
        batch.extend(session_statements(session, password_hash));
    }
    match audit::commit(database, now, batch, vec![entry], When::Always).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_unique("user.email") => Err(AuthError::EmailTaken),
        Err(error) if error.is_unique("user.username") => Err(AuthError::UsernameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Writes a session with its refresh token, what else a login changes, and its entry in the log. `false` when the person was disabled, got
/// another password or a second factor since they were read, or when the code was used before; then there is no session and no entry.
pub async fn create_session(
    database: &Database,
    session: &NewSession,
    shown: Shown<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let NewSession { id, user_id, account_id, created_at, .. } = session;
    let mut action = proof_statements(*user_id, *id, *created_at, shown.proof);
    let inserting = action.len();
    action.extend(session_statements(session, shown.password_hash));
    action.extend(shown.forgiven);
    if let Some(upgraded) = shown.upgraded_hash {
        action.push(
            Statement::new(include_str!("../queries/upgrade_password_hash.sql"))
                .bind(user_id.to_string())
                .bind(shown.password_hash)
                .bind(upgraded)
                .bind(account_id.to_string())
                .bind(id.to_string()),
        );
    }
    if shown.must_change {
        action.push(
            Statement::new(include_str!("../queries/require_password_change.sql"))
                .bind(user_id.to_string())
                .bind(shown.password_hash)
                .bind(account_id.to_string())
                .bind(id.to_string()),
        );
    }
    // The last one, which changes a row when there is a session: the entry is written if it does.
    action.push(set_last_login(session));
    let results = audit::commit(database, *created_at, action, vec![entry], When::Changed).await?;
    Ok(results.get(inserting).is_some_and(|rows| !rows.is_empty()))
}

/// Notes when somebody signed in, if the session of it exists.
pub fn set_last_login(session: &NewSession) -> Statement {
    Statement::new(include_str!("../queries/set_last_login.sql"))
        .bind(session.user_id.to_string())
        .bind(session.created_at.0)
        .bind(session.account_id.to_string())
        .bind(session.id.to_string())
}

/// Notes for which session a code was accepted. The session is written only if it is noted.
pub fn proof_statements(
    user_id: UserId,
    session_id: SessionId,
    at: UnixMillis,
    proof: Option<Proof>,
) -> Vec<Statement> {
    let (user_id, session_id) = (user_id.to_string(), session_id.to_string());
    match proof {
        None => Vec::new(),
        Some(Proof::Step(step)) => vec![
            Statement::new(include_str!("../queries/prove_totp.sql"))
                .bind(user_id)
                .bind(i64::try_from(step).unwrap_or(i64::MAX))
                .bind(session_id),
        ],
        Some(Proof::Recovery(code_hash)) => vec![
            Statement::new(include_str!("../queries/use_recovery_code.sql"))
                .bind(user_id.as_str())
                .bind(code_hash.to_vec())
                .bind(at.0)
                .bind(session_id.as_str()),
            Statement::new(include_str!("../queries/prove_recovery.sql"))
                .bind(user_id)
                .bind(code_hash.to_vec())
                .bind(session_id),
        ],
    }
}

fn session_statements(session: &NewSession, password_hash: &str) -> [Statement; 2] {
    let NewSession { id, user_id, account_id, created_at, refresh_token, device } = session;
    [
        Statement::new(include_str!("../queries/insert_session.sql"))
            .bind(account_id.to_string())
            .bind(id.to_string())
            .bind(user_id.to_string())
            .bind(password_hash)
            .bind(created_at.0)
            .bind(created_at.plus(SESSION_LIFETIME).0)
            .bind(device.user_agent.clone())
            .bind(device.ip()),
        insert_refresh_token(*account_id, *id, refresh_token, *created_at),
    ]
}

/// The first refresh token of a session that an earlier statement of the batch makes.
pub fn insert_refresh_token(
    account_id: AccountId,
    session_id: SessionId,
    token: &OpaqueToken,
    at: UnixMillis,
) -> Statement {
    Statement::new(include_str!("../queries/insert_refresh_token.sql"))
        .bind(account_id.to_string())
        .bind(session_id.to_string())
        .bind(token.hash().to_vec())
        .bind(at.0)
        .bind(at.plus(REFRESH_TOKEN_IDLE).0)
}

/// The person with this address, which must be in its one form.
pub async fn find_by_email(
    database: &Database,
    email: &str,
) -> Result<Option<Candidate>, AuthError> {
    find(database, Statement::new(include_str!("../queries/find_login_by_email.sql")).bind(email))
        .await
}

/// The person with this user name, whatever its case.
pub async fn find_by_username(
    database: &Database,
    username: &str,
) -> Result<Option<Candidate>, AuthError> {
    find(
        database,
        Statement::new(include_str!("../queries/find_login_by_username.sql")).bind(username),
    )
    .await
}

async fn find(database: &Database, statement: Statement) -> Result<Option<Candidate>, AuthError> {
    let rows = database.query(statement).await?;
    rows.first().map(read_candidate).transpose()
}

/// Somebody who might be signing in, of a row that has all columns of one.
pub fn read_candidate(row: Row<'_>) -> Result<Candidate, AuthError> {
    Ok(Candidate {
        user: read_user(row)?,
        account: read_account(row)?,
        password_hash: row.get("password_hash")?,
        is_active: row.get("is_active")?,
        has_totp: row.get("has_totp")?,
    })
}

/// The person of a row that has the columns of one.
pub fn read_user(row: Row<'_>) -> Result<User, AuthError> {
    Ok(User {
        id: row.get::<String>("id")?.parse()?,
        email: row.get("email")?,
        email_verified: row.get("email_verified")?,
        username: row.get("username")?,
        name: row.get("name")?,
        auth_provider: row.get("auth_provider")?,
        created_at: UnixMillis(row.get("created_at")?),
        last_login_at: row.get::<Option<i64>>("last_login_at")?.map(UnixMillis),
    })
}

/// The account of a row that has the columns of one and of the membership in it.
pub fn read_account(row: Row<'_>) -> Result<Account, AuthError> {
    Ok(Account {
        id: row.get::<String>("account_id")?.parse()?,
        name: row.get("account_name")?,
        kind: row.get("account_kind")?,
        role: row.get::<String>("role")?.parse()?,
        created_at: UnixMillis(row.get("account_created_at")?),
    })
}

/// Whether anybody's hash takes another time to verify than those of today.
pub async fn has_legacy_hash(database: &Database) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/has_legacy_hash.sql"));
    database.query(statement).await?.first().map_or(Ok(false), |row| row.get("has_legacy"))
}

/// Stores a token that is about to be mailed, in place of an older one for the same purpose. `false` for someone who is disabled.
pub async fn put_one_time_token(
    database: &Database,
    user_id: UserId,
    purpose: Purpose,
    token_hash: [u8; 32],
    now: UnixMillis,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/put_one_time_token.sql"))
        .bind(user_id.to_string())
        .bind(purpose.as_str())
        .bind(token_hash.to_vec())
        .bind(now.0)
        .bind(now.plus(purpose.lifetime()).0);
    Ok(!database.query(statement).await?.is_empty())
}

/// The newest signing key that verifies.
pub async fn find_signing_key(
    database: &Database,
    now: UnixMillis,
) -> Result<Option<StoredKey>, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/find_signing_key.sql")).bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(StoredKey {
        kid: row.get("kid")?,
        generation: row.get("generation")?,
        root_key_id: row.get("root_key_id")?,
        signs_since: UnixMillis(row.get("signs_since")?),
        has_successor: row.get("has_successor")?,
    }))
}

/// The generation of the newest signing key, retired or not; zero when there was none yet.
pub async fn newest_generation(database: &Database) -> Result<u32, DatabaseError> {
    let rows = database
        .query(Statement::new(include_str!("../queries/get_newest_generation.sql")))
        .await?;
    rows.first().map_or(Ok(0), |row| row.get("generation"))
}

/// Writes a signing key, unless there is one that signs.
pub async fn create_signing_key(
    database: &Database,
    key: &SigningKey,
    generation: u32,
    root_key_id: &str,
    now: UnixMillis,
) -> Result<(), DatabaseError> {
    let statement = Statement::new(include_str!("../queries/insert_signing_key.sql"))
        .bind(key.kid())
        .bind(generation)
        .bind(root_key_id)
        .bind(key.public_key())
        .bind(now.0);
    database.query(statement).await.map(drop)
}

/// Publishes the key that will sign from `signs_from` on, and ends the keys before it later; unless another instance did.
pub async fn create_next_signing_key(
    database: &Database,
    key: &SigningKey,
    next: &NextKey<'_>,
) -> Result<(), DatabaseError> {
    let batch = vec![
        Statement::new(include_str!("../queries/insert_next_signing_key.sql"))
            .bind(key.kid())
            .bind(next.generation)
            .bind(next.root_key_id)
            .bind(key.public_key())
            .bind(next.created_at.0)
            .bind(next.signs_from.0),
        Statement::new(include_str!("../queries/schedule_signing_key_end.sql"))
            .bind(next.generation)
            .bind(next.others_end.0),
    ];
    database.batch(batch).await.map(drop)
}

/// The public keys that verify tokens, the newest first.
pub async fn list_signing_keys(
    database: &Database,
    now: UnixMillis,
) -> Result<Vec<Vec<u8>>, DatabaseError> {
    let statement = Statement::new(include_str!("../queries/list_signing_keys.sql")).bind(now.0);
    let rows = database.query(statement).await?;
    rows.iter().map(|row| row.get("public_key")).collect()
}

/// Fails when the database does not answer.
pub async fn ping(database: &Database) -> Result<(), DatabaseError> {
    database.query(Statement::new(include_str!("../queries/ping.sql"))).await.map(drop)
}
