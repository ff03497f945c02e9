use ambient::UnixMillis;
use audit::{Entry, When};
use caller::Caller;
use database::{Database, DatabaseError, Row, Statement};
use ids::ApiKeyId;

use crate::api_keys::service::{API_KEYS_MAX, ApiKey};
use crate::error::AuthError;
use paging::Part;

/// A key that is about to be written.
pub struct NewApiKey<'a> {
    pub api_key: &'a ApiKey,
    pub hash: [u8; 32],
    /// Keeps the answer, if there is a claim.
    pub kept: Option<Statement>,
}

/// Writes a key; `false` when the caller has as many as anyone may.
pub async fn create_api_key(
    database: &Database,
    caller: &Caller,
    new: NewApiKey<'_>,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let NewApiKey { api_key, hash, kept } = new;
    let now = api_key.created_at;
    let statement = Statement::new(include_str!("../../queries/insert_api_key.sql"))
        .bind(caller.account_id.to_string())
        .bind(api_key.id.to_string())
        .bind(caller.user_id.to_string())
        .bind(api_key.name.as_str())
        .bind(api_key.prefix.as_str())
        .bind(hash.to_vec())
        .bind(api_key.scopes.to_string())
        .bind(now.0)
        .bind(api_key.expires_at.0)
        .bind(API_KEYS_MAX);
    let action = std::iter::once(statement).chain(kept).collect();
    let results = audit::commit(database, now, action, vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// The caller's keys in the caller's account, the newest first, one more than the part has.
pub async fn list_api_keys(
    database: &Database,
    caller: &Caller,
    part: &Part<ApiKeyId>,
) -> Result<Vec<ApiKey>, AuthError> {
    let statement = Statement::new(include_str!("../../queries/list_api_keys.sql"))
        .bind(caller.account_id.to_string())
        .bind(caller.user_id.to_string())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// Removes a key of the caller's; `false` when there is none with this id.
pub async fn delete_api_key(
    database: &Database,
    caller: &Caller,
    id: ApiKeyId,
    now: UnixMillis,
    entry: Entry,
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(include_str!("../../queries/delete_api_key.sql"))
        .bind(caller.account_id.to_string())
        .bind(id.to_string())
        .bind(caller.user_id.to_string());
    let results = audit::commit(database, now, vec![statement], vec![entry], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

fn read(row: Row<'_>) -> Result<ApiKey, AuthError> {
    Ok(ApiKey {
        id: row.get::<&str>("id")?.parse()?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes: row.get::<&str>("scopes")?.parse()?,
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: UnixMillis(row.get("expires_at")?),
        last_used_at: row.get::<Option<i64>>("last_used_at")?.map(UnixMillis),
    })
}
