use ambient::UnixMillis;
use caller::Caller;
use database::{Database, DatabaseError, Statement};

/// An answer as it is kept.
pub(crate) struct Kept {
    pub fingerprint: Vec<u8>,
    pub status: u32,
    pub etag: Option<String>,
    /// Text, or sealed; none when what it told of is gone.
    pub body: Option<Body>,
    pub created_at: UnixMillis,
}

pub(crate) enum Body {
    Plain(String),
    Sealed(Vec<u8>),
}

/// What the person has kept under this name in the account.
pub(crate) async fn find(
    database: &Database,
    caller: &Caller,
    name: &[u8; 32],
) -> Result<Option<Kept>, DatabaseError> {
    let statement = named(include_str!("../queries/find_key.sql"), caller, name);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let plain: Option<String> = row.get("body")?;
    let sealed: Option<Vec<u8>> = row.get("sealed_body")?;
    Ok(Some(Kept {
        fingerprint: row.get("fingerprint")?,
        status: row.get("status")?,
        etag: row.get("etag")?,
        body: plain.map(Body::Plain).or(sealed.map(Body::Sealed)),
        created_at: UnixMillis(row.get("created_at")?),
    }))
}

/// Forgets what was kept before this moment, so that the name is free again.
pub(crate) async fn delete(
    database: &Database,
    caller: &Caller,
    name: &[u8; 32],
    before: UnixMillis,
) -> Result<(), DatabaseError> {
    let statement = named(include_str!("../queries/delete_key.sql"), caller, name).bind(before.0);
    database.query(statement).await.map(drop)
}

fn named(sql: &'static str, caller: &Caller, name: &[u8; 32]) -> Statement {
    Statement::new(sql)
        .bind(caller.account_id.to_string())
        .bind(caller.user_id.to_string())
        .bind(name.as_slice())
}
