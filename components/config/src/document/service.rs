use audit::Entry;
use problem::{FieldError, IfMatch};
use serde_json::{Map, Value, json};

use crate::document::merge::on_top;
use crate::document::store::{self, Layers, Write};
use crate::error::ConfigError;
use crate::owner::{Actor, Owner};
use crate::service::Config;

/// How large a document may be, as JSON text.
pub const SETTINGS_BYTES_MAX: usize = 256 * 1024;

/// The form of the documents that this version writes.
pub const SCHEMA_VERSION: i64 = 1;

/// The settings of an owner as they hold.
#[derive(Debug)]
pub struct Settings {
    pub document: Map<String, Value>,
    /// Counts how often the owner's own document was written.
    pub version: i64,
}

impl Settings {
    /// The entity tag.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

/// What holds where nobody has set anything.
fn defaults() -> Map<String, Value> {
    let members = [
        ("schema_version", json!(SCHEMA_VERSION)),
        ("flows", json!([])),
        ("active_flow_id", Value::Null),
        ("model_parameters", json!({})),
        ("mcp", json!({})),
    ];
    members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// The defaults, the platform's document on top of them, the account's on top of that: merged when they are read, and never copied.
pub fn effective(layers: Layers) -> Settings {
    let Layers { below, own, version } = layers;
    Settings { document: on_top(on_top(defaults(), below), own), version }
}

impl Config {
    /// The settings of an owner as they hold.
    pub async fn settings_of(&self, owner: Owner) -> Result<Settings, ConfigError> {
        store::find(&self.database, owner).await.map(effective)
    }

    /// Replaces the owner's own document, unless someone else has since `if_match` was read.
    pub async fn put_settings(
        &self,
        actor: &Actor,
        if_match: &IfMatch,
        document: &Map<String, Value>,
    ) -> Result<Settings, ConfigError> {
        self.write_settings(actor, if_match, document, Write::Replace).await
    }

    /// Changes the owner's own document by a merge patch (RFC 7396). The database merges, so that of two who patch at once neither is lost.
    pub async fn patch_settings(
        &self,
        actor: &Actor,
        if_match: &IfMatch,
        patch: &Map<String, Value>,
    ) -> Result<Settings, ConfigError> {
        self.write_settings(actor, if_match, patch, Write::Merge).await
    }

    async fn write_settings(
        &self,
        actor: &Actor,
        if_match: &IfMatch,
        document: &Map<String, Value>,
        write: Write,
    ) -> Result<Settings, ConfigError> {
        let errors: Vec<_> = document.iter().filter_map(|member| check(member, write)).collect();
        if !errors.is_empty() {
            return Err(ConfigError::Invalid(errors));
        }
        let text = serde_json::to_string(document)?;
        if SETTINGS_BYTES_MAX < text.len() {
            return Err(ConfigError::TooLarge { bytes_max: SETTINGS_BYTES_MAX });
        }
        let recorded: Entry = actor.entry("settings.changed");
        let now = self.clock.now();
        let written =
            store::write(&self.database, actor.owner, &text, write, if_match, recorded, now)
                .await?;
        if !written {
            return Err(ConfigError::Changed);
        }
        self.settings_of(actor.owner).await
    }
}

/// What is wrong with a member that has a known form. A patch may take any away.
fn check((name, value): (&String, &Value), write: Write) -> Option<FieldError> {
    if write == Write::Merge && value.is_null() {
        return None;
    }
    let (is_fine, detail) = match name.as_str() {
        "schema_version" => (value == &json!(SCHEMA_VERSION), "It must be 1."),
        "flows" => (value.is_array(), "It must be a list."),
        "active_flow_id" => (value.is_string() || value.is_null(), "It must be a text, or null."),
        "model_parameters" | "mcp" => (value.is_object(), "It must be an object."),
        _ => return None,
    };
    (!is_fine).then(|| FieldError::new(format!("/{name}"), detail))
}
