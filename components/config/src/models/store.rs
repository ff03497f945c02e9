use ambient::UnixMillis;
use audit::{Entry, PLATFORM, When};
use database::{ConstraintKind, Database, DatabaseError, Row, Statement};
use ids::ModelId;
use settings::PrimaryModel;

use crate::error::ConfigError;
use crate::models::entry::{ModelEntry, Surroundings};
use crate::models::primary;
use crate::models::service::MODELS_MAX;
use crate::owner::Owner;
use paging::Part;

/// What is active for an owner, and the owner's keys.
pub async fn find_surroundings(
    database: &Database,
    owner: Owner,
    primary: ModelId,
) -> Result<Surroundings, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/find_surroundings.sql"))
        .bind(owner.to_string())
        .bind(PLATFORM)
        .bind(primary.to_string());
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Err(ConfigError::NotFound) };
    Ok(Surroundings {
        active_model_id: row.get::<&str>("active_model_id")?.parse()?,
        keys: serde_json::from_str(row.get("keys")?)?,
    })
}

/// The models that an owner sees, the newest first; one more than the part has.
pub async fn list_models(
    database: &Database,
    owner: Owner,
    part: &Part<ModelId>,
) -> Result<Vec<ModelEntry>, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/list_models.sql"))
        .bind(owner.to_string())
        .bind(owner.visible())
        .bind(part.after.map(|id| id.to_string()))
        .bind(part.rows());
    database.query(statement).await?.iter().map(read).collect()
}

/// A model that an owner sees.
pub async fn find_model(
    database: &Database,
    owner: Owner,
    id: ModelId,
) -> Result<Option<ModelEntry>, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/find_model.sql"))
        .bind(owner.to_string())
        .bind(owner.visible())
        .bind(id.to_string());
    database.query(statement).await?.first().map(read).transpose()
}

/// Writes a model; `false` when the owner has as many as anyone may.
pub async fn create_model(
    database: &Database,
    entry: &ModelEntry,
    kept: Option<Statement>,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/insert_model.sql"));
    let statement = fields(statement, entry, entry.created_at).bind(MODELS_MAX);
    let action = std::iter::once(statement).chain(kept).collect();
    write(database, UnixMillis(entry.created_at), action, recorded).await
}

/// Writes a model in place of the version that was read; `false` when that is not there any more.
pub async fn update_model(
    database: &Database,
    entry: &ModelEntry,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/update_model.sql"));
    let statement = fields(statement, entry, entry.updated_at).bind(entry.version);
    write(database, UnixMillis(entry.updated_at), vec![statement], recorded).await
}

/// Removes a model; `false` when there is none.
pub async fn delete_model(
    database: &Database,
    owner: Owner,
    id: ModelId,
    now: UnixMillis,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/delete_model.sql"))
        .bind(owner.to_string())
        .bind(id.to_string());
    write(database, now, vec![statement], recorded).await
}

/// Makes a model the owner's active one. Nothing is recorded when it is that already.
pub async fn activate_model(
    database: &Database,
    owner: Owner,
    entry: &ModelEntry,
    now: UnixMillis,
    recorded: Entry,
) -> Result<(), ConfigError> {
    let statement = Statement::new(include_str!("../../queries/activate_model.sql"))
        .bind(owner.to_string())
        .bind(entry.owner.to_string())
        .bind(entry.id.to_string());
    write(database, now, vec![statement], recorded).await.map(drop)
}

/// Writes what the environment says of the primary model, and leaves the rest of it as it is.
pub async fn put_primary_model(
    database: &Database,
    id: ModelId,
    wanted: &PrimaryModel,
    now: UnixMillis,
) -> Result<(), ConfigError> {
    let statement = Statement::new(include_str!("../../queries/put_primary_model.sql"))
        .bind(PLATFORM)
        .bind(id.to_string())
        .bind(primary::NAME)
        .bind(wanted.provider.as_str())
        .bind(wanted.model.as_str())
        .bind(now.0);
    database.query(statement).await?;
    Ok(())
}

fn fields(statement: Statement, entry: &ModelEntry, at: i64) -> Statement {
    statement
        .bind(entry.owner.to_string())
        .bind(entry.id.to_string())
        .bind(entry.name.as_str())
        .bind(entry.provider.as_str())
        .bind(entry.model.as_str())
        .bind(entry.base_url.as_deref())
        .bind(entry.origin.as_deref())
        .bind(entry.context_window)
        .bind(entry.verify_ssl)
        // A map of JSON values displays as JSON.
        .bind(serde_json::Value::Object(entry.parameters.clone()).to_string())
        .bind(entry.key_id.map(|id| id.to_string()))
        .bind(at)
}

/// Whether the first statement of the action returned a row.
async fn write(
    database: &Database,
    now: UnixMillis,
    action: Vec<Statement>,
    recorded: Entry,
) -> Result<bool, ConfigError> {
    match audit::commit(database, now, action, vec![recorded], When::Changed).await {
        Ok(results) => Ok(results.first().is_some_and(|rows| !rows.is_empty())),
        Err(error) if error.is_unique("model.account_id, model.name") => {
            Err(ConfigError::NameTaken)
        }
        // The key was there when it was looked for, and the model is when it is activated: somebody has just deleted one of them.
        Err(DatabaseError::Constraint { kind: ConstraintKind::ForeignKey, .. }) => {
            Err(ConfigError::Changed)
        }
        Err(error) => Err(error.into()),
    }
}

fn read(row: Row<'_>) -> Result<ModelEntry, ConfigError> {
    Ok(serde_json::from_str(row.get("entry")?)?)
}
