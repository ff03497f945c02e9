use ambient::UnixMillis;
use audit::{Entry, When};
use credentials::SigningKey;
use database::{Database, DatabaseError, Row, Statement};

use crate::error::AuthError;
use crate::keys::StoredKey;
use crate::service::{Account, Candidate, NewSession, REFRESH_TOKEN_IDLE, SESSION_LIFETIME, User};

/// Writes a person with account, membership, session and refresh token: all or nothing.
pub async fn create_user(
    database: &Database,
    user: &User,
    account: &Account,
    password_hash: &str,
    session: &NewSession,
    entry: Entry,
) -> Result<(), AuthError> {
    let now = user.created_at.0;
    let [new_session, refresh_token] = session_statements(session, password_hash);
    let batch = vec![
        Statement::new(include_str!("../queries/insert_user.sql"))
            .bind(user.id.to_string())
            .bind(user.email.as_str())
            .bind(user.username.clone())
            .bind(user.name.clone())
            .bind(password_hash)
            .bind(now),
        Statement::new(include_str!("../queries/insert_account.sql"))
            .bind(account.id.to_string())
            .bind(account.name.as_str())
            .bind(account.kind.as_str())
            .bind(now),
        Statement::new(include_str!("../queries/insert_membership.sql"))
            .bind(account.id.to_string())
            .bind(user.id.to_string())
            .bind(account.role.as_str())
            .bind(now),
        new_session,
        refresh_token,
    ];
    match audit::commit(database, user.created_at, batch, vec![entry], When::Always).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_unique("user.email") => Err(AuthError::EmailTaken),
        Err(error) if error.is_unique("user.username") => Err(AuthError::UsernameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Writes a session with its refresh token, the time of the login, its entry in the log, and takes back what was `forgiven`. `false` when
/// the person was disabled or got another password since the hash was read; then there is no session and no entry.
pub async fn create_session(
    database: &Database,
    session: &NewSession,
    password_hash: &str,
    forgiven: Vec<Statement>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let [new_session, refresh_token] = session_statements(session, password_hash);
    let last_login = Statement::new(include_str!("../queries/set_last_login.sql"))
        .bind(session.user_id.to_string())
        .bind(session.created_at.0)
        .bind(session.account_id.to_string())
        .bind(session.id.to_string());
    let at = session.created_at;
    let mut action = vec![new_session];
    action.extend(forgiven);
    // The last one, which changes a row when there is a session: the entry is written if it does.
    action.extend([refresh_token, last_login]);
    let results = audit::commit(database, at, action, vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

fn session_statements(session: &NewSession, password_hash: &str) -> [Statement; 2] {
    let NewSession { id, user_id, account_id, created_at, refresh_token } = session;
    [
        Statement::new(include_str!("../queries/insert_session.sql"))
            .bind(account_id.to_string())
            .bind(id.to_string())
            .bind(user_id.to_string())
            .bind(password_hash)
            .bind(created_at.0)
            .bind(created_at.plus(SESSION_LIFETIME).0),
        Statement::new(include_str!("../queries/insert_refresh_token.sql"))
            .bind(account_id.to_string())
            .bind(id.to_string())
            .bind(refresh_token.hash().to_vec())
            .bind(created_at.0)
            .bind(created_at.plus(REFRESH_TOKEN_IDLE).0),
    ]
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

fn read_candidate(row: Row<'_>) -> Result<Candidate, AuthError> {
    let text = |column: &str| row.get::<String>(column);
    let time = |column: &str| row.get::<i64>(column).map(UnixMillis);
    Ok(Candidate {
        user: User {
            id: text("id")?.parse()?,
            email: text("email")?,
            email_verified: row.get("email_verified")?,
            username: row.get("username")?,
            name: row.get("name")?,
            auth_provider: text("auth_provider")?,
            created_at: time("created_at")?,
            last_login_at: None,
        },
        account: Account {
            id: text("account_id")?.parse()?,
            name: text("account_name")?,
            kind: text("account_kind")?,
            role: text("role")?.parse()?,
            created_at: time("account_created_at")?,
        },
        password_hash: row.get("password_hash")?,
        is_active: row.get("is_active")?,
    })
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
