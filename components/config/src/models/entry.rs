use ambient::UnixMillis;
use catalog::{Destination, Hosts, KeyEntry, Provider, choose_key};
use ids::{ModelId, ProviderKeyId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::owner::Owner;

/// A model as it is stored: what the view `model_entry` gives.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelEntry {
    #[serde(rename = "account_id")]
    pub owner: Owner,
    pub id: ModelId,
    pub name: String,
    pub provider: Provider,
    pub model: String,
    pub base_url: Option<String>,
    /// Scheme, host and port of `base_url`.
    pub origin: Option<String>,
    pub context_window: Option<i64>,
    pub verify_ssl: bool,
    pub parameters: Map<String, Value>,
    pub key_id: Option<ProviderKeyId>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// What decides how models look to an account.
#[derive(Debug)]
pub struct Surroundings {
    pub active_model_id: ModelId,
    /// The account's keys.
    pub keys: Vec<KeyEntry>,
}

/// A model as the API gives it.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "the names and facts of the contract"
)]
pub struct Model {
    pub id: ModelId,
    pub scope: &'static str,
    pub active: bool,
    /// Whether there is a key that may be sent to where it is.
    pub has_key: bool,
    /// Whether its provider answers nobody without one.
    pub key_required: bool,
    pub name: String,
    pub provider: Provider,
    pub model: String,
    pub base_url: Option<String>,
    pub context_window: Option<i64>,
    pub verify_ssl: bool,
    pub parameters: Map<String, Value>,
    pub key_id: Option<ProviderKeyId>,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
}

impl ModelEntry {
    /// Where it is asked.
    pub fn destination(&self) -> Destination<'_> {
        let (provider, key_id) = (self.provider, self.key_id);
        Destination { provider, origin: self.origin.as_deref(), key_id }
    }

    /// The model as it looks to an account.
    pub fn seen(self, surroundings: &Surroundings, hosts: &Hosts) -> Model {
        let has_key = choose_key(&self.destination(), &surroundings.keys, hosts).is_some();
        Model {
            id: self.id,
            scope: self.owner.scope(),
            active: self.id == surroundings.active_model_id,
            has_key,
            key_required: self.provider.needs_key(),
            name: self.name,
            provider: self.provider,
            model: self.model,
            base_url: self.base_url,
            context_window: self.context_window,
            verify_ssl: self.verify_ssl,
            parameters: self.parameters,
            key_id: self.key_id,
            created_at: UnixMillis(self.created_at),
            updated_at: UnixMillis(self.updated_at),
        }
    }
}
