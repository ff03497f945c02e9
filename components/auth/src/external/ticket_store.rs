use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use oidc::Identity;

use super::Vouched;
use super::flow::{App, StoredFlow};

/// What a browser has brought for an application.
pub struct Ticket {
    pub vouched: Vouched,
    pub challenge: String,
}

/// Notes that a browser was sent to a provider, and forgets those that never came back.
pub async fn put_flow(
    database: &Database,
    state_hash: [u8; 32],
    flow: &StoredFlow,
    now: UnixMillis,
) -> Result<(), DatabaseError> {
    let app = flow.app.as_ref();
    let batch = vec![
        Statement::new(include_str!("../../queries/delete_old_oidc_flows.sql")).bind(now.0),
        Statement::new(include_str!("../../queries/insert_oidc_flow.sql"))
            .bind(state_hash.to_vec())
            .bind(flow.provider.as_str())
            .bind(flow.browser_hash.clone())
            .bind(app.map(|app| app.return_to.as_str()))
            .bind(app.map(|app| app.challenge.as_str()))
            .bind(now.0)
            .bind(flow.expires_at.0),
    ];
    database.batch(batch).await.map(drop)
}

/// The sign-in of this state, which nobody finds again.
pub async fn take_flow(
    database: &Database,
    state_hash: [u8; 32],
) -> Result<Option<StoredFlow>, DatabaseError> {
    let statement =
        Statement::new(include_str!("../../queries/take_oidc_flow.sql")).bind(state_hash.to_vec());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (return_to, challenge) = (row.get("return_to")?, row.get("app_challenge")?);
    let app = match (return_to, challenge) {
        (Some(return_to), Some(challenge)) => Some(App { return_to, challenge }),
        _ => None,
    };
    Ok(Some(StoredFlow {
        provider: row.get("provider")?,
        browser_hash: row.get("browser_hash")?,
        app,
        expires_at: UnixMillis(row.get("expires_at")?),
    }))
}

/// Keeps what a browser has brought until its application fetches it, and forgets what nobody fetched.
pub async fn put_ticket(
    database: &Database,
    code_hash: [u8; 32],
    vouched: &Vouched,
    challenge: &str,
    (now, expires_at): (UnixMillis, UnixMillis),
) -> Result<(), DatabaseError> {
    let Identity { subject, verified_email, name } = &vouched.identity;
    let batch = vec![
        Statement::new(include_str!("../../queries/delete_old_oidc_tickets.sql")).bind(now.0),
        Statement::new(include_str!("../../queries/insert_oidc_ticket.sql"))
            .bind(code_hash.to_vec())
            .bind(vouched.provider.as_str())
            .bind(vouched.issuer.as_str())
            .bind(subject.as_str())
            .bind(verified_email.clone())
            .bind(name.clone())
            .bind(challenge)
            .bind(now.0)
            .bind(expires_at.0),
    ];
    database.batch(batch).await.map(drop)
}

/// What a browser has brought, as long as nobody used it.
pub async fn find_ticket(
    database: &Database,
    code_hash: [u8; 32],
    now: UnixMillis,
) -> Result<Option<Ticket>, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/find_oidc_ticket.sql"))
        .bind(code_hash.to_vec())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let identity = Identity {
        subject: row.get("subject")?,
        verified_email: row.get("verified_email")?,
        name: row.get("name")?,
    };
    let vouched = Vouched {
        provider: row.get("provider")?,
        issuer: row.get("issuer")?,
        identity,
        code_hash: Some(code_hash),
    };
    Ok(Some(Ticket { vouched, challenge: row.get("app_challenge")? }))
}

/// Makes a code count no more. `false` when it did not.
pub async fn delete_ticket(
    database: &Database,
    code_hash: [u8; 32],
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/delete_oidc_ticket.sql"))
        .bind(code_hash.to_vec());
    Ok(!database.query(statement).await?.is_empty())
}
