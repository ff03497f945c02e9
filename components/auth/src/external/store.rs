use std::time::Duration;

use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, DatabaseError, Row, Statement};
use ids::{IdentityId, UserId};

use super::Vouched;
use super::documents::StoredDocuments;
use super::identities::{ExternalIdentity, IDENTITIES_MAX};
use crate::error::AuthError;
use crate::login::Proof;
use crate::service::{Account, Candidate, NewSession, SESSION_LIFETIME, User};
use crate::store::{insert_refresh_token, proof_statements, read_candidate, set_last_login};
use paging::Part;

/// How long a provider rests after a question: shortly while nothing is known of it, and longer once something is (SECURITY R26).
const REST_UNKNOWN: Duration = Duration::from_secs(1);
const REST_KNOWN: Duration = Duration::from_secs(30);

/// A person who is about to be written, with the personal account.
pub struct NewPerson<'a> {
    pub user: &'a User,
    pub account: &'a Account,
    pub identity_id: IdentityId,
}

/// Whom the provider means by this subject.
pub async fn find_person(
    database: &Database,
    issuer: &str,
    subject: &str,
) -> Result<Option<Candidate>, AuthError> {
    let statement =
        Statement::new(include_str!("../../queries/find_external.sql")).bind(issuer).bind(subject);
    let rows = database.query(statement).await?;
    rows.first().map(read_candidate).transpose()
}

/// Writes a session of somebody who is here, and what else a sign-in changes. `false` when the person was disabled or got a second factor
/// since they were read, or when a code was used before; then there is no session and no entry.
pub async fn create_session(
    database: &Database,
    vouched: &Vouched,
    session: &NewSession,
    proof: Option<Proof>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let mut action = proof_statements(session.user_id, session.id, session.created_at, proof);
    let inserting = action.len();
    action.extend(session_statements(vouched, session));
    let results =
        audit::commit(database, session.created_at, action, vec![entry], When::Changed).await?;
    Ok(results.get(inserting).is_some_and(|rows| !rows.is_empty()))
}

/// Writes a person with account, identity and session: all or nothing. `false` when the code was spent meanwhile.
pub async fn create_person(
    database: &Database,
    vouched: &Vouched,
    new: &NewPerson<'_>,
    session: &NewSession,
    entry: Entry,
) -> Result<bool, AuthError> {
    let NewPerson { user, account, identity_id } = new;
    let now = session.created_at;
    let mut action = vec![
        Statement::new(include_str!("../../queries/insert_external_user.sql"))
            .bind(user.id.to_string())
            .bind(user.email.as_str())
            .bind(user.email_verified)
            .bind(user.name.clone())
            .bind(user.auth_provider.as_str())
            .bind(now.0),
        Statement::new(include_str!("../../queries/insert_account.sql"))
            .bind(account.id.to_string())
            .bind(account.name.as_str())
            .bind(account.kind.as_str())
            .bind(now.0),
        Statement::new(include_str!("../../queries/insert_membership.sql"))
            .bind(account.id.to_string())
            .bind(user.id.to_string())
            .bind(account.role.as_str())
            .bind(now.0),
        Statement::new(include_str!("../../queries/insert_external_identity.sql"))
            .bind(vouched.issuer.as_str())
            .bind(vouched.identity.subject.as_str())
            .bind(identity_id.to_string())
            .bind(user.id.to_string())
            .bind(vouched.provider.as_str())
            .bind(now.0),
    ];
    let inserting = action.len();
    action.extend(session_statements(vouched, session));
    match audit::commit(database, now, action, vec![entry], When::Changed).await {
        Ok(results) => Ok(results.get(inserting).is_some_and(|rows| !rows.is_empty())),
        Err(error) if error.is_unique("user.email") => Err(AuthError::EmailTaken),
        Err(error) => Err(identity_error(error)),
    }
}

fn identity_error(error: DatabaseError) -> AuthError {
    if error.is_unique("external_identity.issuer, external_identity.subject") {
        AuthError::IdentityTaken
    } else {
        error.into()
    }
}

/// A session by the word of a provider. The last statement changes a row when there is a session: the entry is written if it does.
fn session_statements(vouched: &Vouched, session: &NewSession) -> Vec<Statement> {
    let NewSession { id, user_id, account_id, created_at, refresh_token, device } = session;
    let code_hash = vouched.code_hash.map(|hash| hash.to_vec());
    let mut statements = vec![
        Statement::new(include_str!("../../queries/insert_external_session.sql"))
            .bind(account_id.to_string())
            .bind(id.to_string())
            .bind(user_id.to_string())
            .bind(vouched.issuer.as_str())
            .bind(vouched.identity.subject.as_str())
            .bind(created_at.0)
            .bind(created_at.plus(SESSION_LIFETIME).0)
            .bind(device.user_agent.clone())
            .bind(device.ip())
            .bind(code_hash.clone()),
        insert_refresh_token(*account_id, *id, refresh_token, *created_at),
        Statement::new(include_str!("../../queries/touch_external_identity.sql"))
            .bind(vouched.issuer.as_str())
            .bind(vouched.identity.subject.as_str())
            .bind(created_at.0)
            .bind(account_id.to_string())
            .bind(id.to_string()),
    ];
    statements.extend(code_hash.map(|code_hash| {
        Statement::new(include_str!("../../queries/spend_oidc_ticket.sql"))
            .bind(code_hash)
            .bind(account_id.to_string())
            .bind(id.to_string())
    }));
    statements.push(set_last_login(session));
    statements
}

/// Writes an identity of a person with this password. `false` when there are too many, or the password is another one by now.
pub async fn link(
    database: &Database,
    user_id: UserId,
    identity: &ExternalIdentity,
    password_hash: Option<&str>,
    entry: Entry,
) -> Result<bool, AuthError> {
    let ExternalIdentity { id, provider, issuer, subject, created_at, .. } = identity;
    let statement = Statement::new(include_str!("../../queries/link_external_identity.sql"))
        .bind(issuer.as_str())
        .bind(subject.as_str())
        .bind(id.to_string())
        .bind(user_id.to_string())
        .bind(provider.as_str())
        .bind(created_at.0)
        .bind(password_hash)
        .bind(IDENTITIES_MAX);
    match audit::commit(database, *created_at, vec![statement], vec![entry], When::Changed).await {
        Ok(results) => Ok(results.first().is_some_and(|rows| !rows.is_empty())),
        Err(error) => Err(identity_error(error)),
    }
}

/// A person's identities, the newest first; one more than the part has.
pub async fn list(
    database: &Database,
    user_id: UserId,
    part: &Part<IdentityId>,
) -> Result<Vec<ExternalIdentity>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/list_external_identities.sql"))
        .bind(user_id.to_string())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read_identity).collect()
}

/// Removes an identity of a person's. `false` when there is none, or nothing else to sign in with.
pub async fn unlink(
    database: &Database,
    user_id: UserId,
    id: IdentityId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/delete_external_identity.sql"))
        .bind(user_id.to_string())
        .bind(id.to_string());
    let results = audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Whether the person has this identity.
pub async fn has_identity(
    database: &Database,
    user_id: UserId,
    id: IdentityId,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/get_external_identity.sql"))
        .bind(user_id.to_string())
        .bind(id.to_string());
    Ok(!database.query(statement).await?.is_empty())
}

fn read_identity(row: Row<'_>) -> Result<ExternalIdentity, AuthError> {
    Ok(ExternalIdentity {
        id: row.get::<String>("id")?.parse()?,
        provider: row.get("provider")?,
        issuer: row.get("issuer")?,
        subject: row.get("subject")?,
        created_at: UnixMillis(row.get("created_at")?),
        last_used_at: row.get::<Option<i64>>("last_used_at")?.map(UnixMillis),
    })
}

/// What a provider has published, as last seen.
pub async fn find_documents(
    database: &Database,
    issuer: &str,
) -> Result<Option<StoredDocuments>, DatabaseError> {
    let statement =
        Statement::new(include_str!("../../queries/find_oidc_provider.sql")).bind(issuer);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(StoredDocuments {
        discovery: row.get("discovery")?,
        key_set: row.get("key_set")?,
        fetched_at: UnixMillis(row.get("fetched_at")?),
    }))
}

/// Whether it is this one, of all who want to ask the provider now, who may.
pub async fn claim_provider(
    database: &Database,
    issuer: &str,
    now: UnixMillis,
) -> Result<bool, DatabaseError> {
    let millis = |rest: Duration| i64::try_from(rest.as_millis()).unwrap_or(i64::MAX);
    let statement = Statement::new(include_str!("../../queries/claim_oidc_provider.sql"))
        .bind(issuer)
        .bind(now.0)
        .bind(millis(REST_UNKNOWN))
        .bind(millis(REST_KNOWN));
    Ok(!database.query(statement).await?.is_empty())
}

/// Keeps what a provider has published.
pub async fn put_documents(
    database: &Database,
    issuer: &str,
    documents: &StoredDocuments,
) -> Result<(), DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/put_oidc_provider.sql"))
        .bind(issuer)
        .bind(documents.discovery.as_str())
        .bind(documents.key_set.as_str())
        .bind(documents.fetched_at.0);
    database.query(statement).await.map(drop)
}
