use audit::PLATFORM;
use database::{Database, Statement};
use ids::AccountId;

use crate::document::store::Layers;
use crate::error::ConfigError;
use crate::models::entry::{ModelEntry, Surroundings};
use crate::models::primary;
use crate::servers::entry::ServerEntry;

/// What one statement finds.
pub struct Stored {
    pub account_name: String,
    pub account_kind: String,
    pub surroundings: Surroundings,
    pub models: Vec<ModelEntry>,
    pub servers: Vec<ServerEntry>,
    pub settings: Layers,
}

/// Everything that a client of the account needs to begin.
pub async fn find(database: &Database, account: AccountId) -> Result<Stored, ConfigError> {
    let statement = Statement::new(include_str!("../../queries/find_start.sql"))
        .bind(account.to_string())
        .bind(PLATFORM)
        .bind(primary::id().to_string());
    let rows = database.query(statement).await?;
    let row = rows.first().ok_or(ConfigError::NotFound)?;
    let mut models: Vec<ModelEntry> = serde_json::from_str(row.get("models")?)?;
    // As in the lists: the newest first.
    models.sort_by_key(|model| std::cmp::Reverse(model.id));
    let mut servers: Vec<ServerEntry> = serde_json::from_str(row.get("servers")?)?;
    servers.sort_by_key(|server| std::cmp::Reverse(server.id));
    Ok(Stored {
        account_name: row.get("account_name")?,
        account_kind: row.get("account_kind")?,
        surroundings: Surroundings {
            active_model_id: row.get::<&str>("active_model_id")?.parse()?,
            keys: serde_json::from_str(row.get("keys")?)?,
        },
        models,
        servers,
        settings: Layers::read(row)?,
    })
}
