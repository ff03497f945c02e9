use ambient::UnixMillis;
use audit::{Entry, When};
use database::{ConstraintKind, Database, DatabaseError, Row, Statement};
use ids::{AccountId, ProviderKeyId};
use vault::Kind;

use crate::error::ConfigError;
use crate::keys::draft::Checked;
use crate::keys::service::{Closed, KEYS_MAX, KeyRecord};
use paging::Part;

/// A key that is about to be written.
pub struct Written<'a> {
    pub id: ProviderKeyId,
    pub checked: &'a Checked,
    /// Its value, if that is a new one.
    pub closed: Option<Closed>,
    pub now: UnixMillis,
}

/// The keys of an account, the newest first; one more than the part has.
pub async fn list_keys(
    database: &Database,
    account: AccountId,
    part: &Part<ProviderKeyId>,
) -> Result<Vec<KeyRecord>, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/list_provider_keys.sql"))
        .bind(account.to_string())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// A key of an account.
pub async fn find_key(
    database: &Database,
    account: AccountId,
    id: ProviderKeyId,
) -> Result<Option<KeyRecord>, ConfigError> {
    let statement = of(include_str!("../../queries/find_provider_key.sql"), account, id);
    database.query(statement).await?.first().map(read).transpose()
}

/// Writes a key with its value.
pub async fn create_key(
    database: &Database,
    account: AccountId,
    written: Written<'_>,
    kept: Option<Statement>,
    recorded: Entry,
) -> Result<(), ConfigError> {
    let (now, mut action) = (written.now, release_place(account, &written));
    let insert = of(include_str!("../../queries/insert_provider_key.sql"), account, written.id)
        .bind(written.checked.provider.as_str());
    action.push(fields(insert, &written));
    action.extend(sealing(account, written));
    action.extend(kept);
    match audit::commit(database, now, action, vec![recorded], When::Always).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_trigger("provider_key_limit") => {
            Err(ConfigError::LimitReached { what: "keys", most: KEYS_MAX })
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes a key in place of the version that was read; `false` when that is not there any more.
pub async fn update_key(
    database: &Database,
    account: AccountId,
    version: i64,
    written: Written<'_>,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let now = written.now;
    let demand = include_str!("../../queries/demand_provider_key.sql");
    let mut action = vec![of(demand, account, written.id).bind(version)];
    action.extend(release_place(account, &written));
    let update = of(include_str!("../../queries/update_provider_key.sql"), account, written.id);
    action.push(fields(update, &written));
    action.extend(sealing(account, written));
    match audit::commit(database, now, action, vec![recorded], When::Always).await {
        Ok(_) => Ok(true),
        Err(DatabaseError::Constraint { kind: ConstraintKind::NotNull, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Removes a key; its value goes with it. `false` when there is none.
pub async fn delete_key(
    database: &Database,
    account: AccountId,
    id: ProviderKeyId,
    now: UnixMillis,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let statement = of(include_str!("../../queries/delete_provider_key.sql"), account, id);
    let results =
        audit::commit(database, now, vec![statement], vec![recorded], When::Changed).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// Notes that a key was used, to the minute: each use would otherwise be a write.
pub async fn note_use(
    database: &Database,
    account: AccountId,
    id: ProviderKeyId,
    now: UnixMillis,
) -> Result<(), ConfigError> {
    let sql = include_str!("../../queries/note_provider_key_use.sql");
    database.query(of(sql, account, id).bind(now.0)).await?;
    Ok(())
}

/// What makes room for an active key: the one before is active no more.
fn release_place(account: AccountId, written: &Written<'_>) -> Vec<Statement> {
    let Checked { provider, url, is_active, .. } = written.checked;
    let release = || {
        of(include_str!("../../queries/deactivate_provider_keys.sql"), account, written.id)
            .bind(provider.as_str())
            .bind(url.as_ref().map(|url| url.origin.as_str()))
            .bind(written.now.0)
    };
    is_active.then(release).into_iter().collect()
}

fn sealing(account: AccountId, written: Written<'_>) -> Vec<Statement> {
    let Some(Closed { sealed, last_four }) = written.closed else { return Vec::new() };
    let name = written.id.to_string();
    let place = vault::Owner { account_id: Some(account), kind: Kind::Key, id: &name };
    place.put(sealed, last_four, written.now).into()
}

fn fields(statement: Statement, written: &Written<'_>) -> Statement {
    let Checked { name, url, is_active, .. } = written.checked;
    statement
        .bind(name.as_str())
        .bind(url.as_ref().map(|url| url.url.as_str()))
        .bind(url.as_ref().map(|url| url.origin.as_str()))
        .bind(*is_active)
        .bind(written.now.0)
}

fn of(sql: &'static str, account: AccountId, id: ProviderKeyId) -> Statement {
    Statement::new(sql).bind(account.to_string()).bind(id.to_string())
}

fn read(row: Row<'_>) -> Result<KeyRecord, ConfigError> {
    let last_used_at: Option<i64> = row.get("last_used_at")?;
    let provider: &str = row.get("provider")?;
    Ok(KeyRecord {
        id: row.get::<&str>("id")?.parse()?,
        provider: provider.parse()?,
        name: row.get("name")?,
        base_url: row.get("base_url")?,
        last_four: row.get("last_four")?,
        kek_id: row.get("kek_id")?,
        is_active: row.get("is_active")?,
        last_used_at: last_used_at.map(UnixMillis),
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        version: row.get("version")?,
    })
}
