use caller::{Caller, Role};
use ids::{AccountId, ModelId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::document::service::{SETTINGS_BYTES_MAX, effective};
use crate::error::ConfigError;
use crate::keys::service::KEYS_MAX;
use crate::models::entry::Model;
use crate::models::service::MODELS_MAX;
use crate::servers::entry::McpServer;
use crate::servers::service::SERVERS_MAX;
use crate::service::Config;
use crate::start::store;

/// Everything that a client needs to begin.
#[derive(Debug, Serialize)]
pub struct Start {
    pub account: Account,
    pub models: Vec<Model>,
    pub active_model_id: ModelId,
    pub mcp_servers: Vec<McpServer>,
    pub settings: Map<String, Value>,
    pub limits: Ceilings,
}

/// The account that the caller is in.
#[derive(Debug, Serialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub kind: String,
    pub role: Role,
}

/// How much there may be of what is configured here.
#[derive(Debug, Serialize)]
pub struct Ceilings {
    pub models: u32,
    pub keys: u32,
    pub mcp_servers: u32,
    pub settings_bytes: usize,
    /// Requests of one session or API key, as in `600/60s`.
    pub requests: String,
}

impl Config {
    /// Everything that a client needs to begin: the account's own entries, those of the platform, and the settings as they hold.
    pub async fn start(&self, caller: &Caller) -> Result<Start, ConfigError> {
        self.prepare().await?;
        let stored = store::find(&self.database, caller.account_id).await?;
        let surroundings = stored.surroundings;
        let models = stored.models.into_iter().map(|entry| self.seen(entry, &surroundings));
        Ok(Start {
            models: models.collect(),
            account: Account {
                id: caller.account_id,
                name: stored.account_name,
                kind: stored.account_kind,
                role: caller.role,
            },
            active_model_id: surroundings.active_model_id,
            mcp_servers: stored.servers.into_iter().map(McpServer::from).collect(),
            settings: effective(stored.settings).document,
            limits: Ceilings {
                models: MODELS_MAX,
                keys: KEYS_MAX,
                mcp_servers: SERVERS_MAX,
                settings_bytes: SETTINGS_BYTES_MAX,
                requests: self.settings.data.limit_api.to_string(),
            },
        })
    }
}
