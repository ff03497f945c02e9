//! What a model may look like.

use catalog::{Destination, KeyEntry, Provider, check_parameters};
use ids::ProviderKeyId;
use problem::FieldError;
use serde::Deserialize;
use serde_json::{Map, Value};
use settings::ConfigSettings;

use crate::error::ConfigError;
use crate::given::{Given, given};
use crate::models::entry::ModelEntry;
use crate::owner::Owner;
use crate::text;

const MODEL_CHARS_MAX: usize = 200;
const CONTEXT_WINDOW_MAX: i64 = 100_000_000;

/// A model as someone wants it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub name: String,
    pub provider: Provider,
    pub model: String,
    #[serde(default)]
    pub base_url: Option<String>,
    /// Scheme, host and port of `base_url`, once that is checked: of one that stays as it is stored, from the start.
    #[serde(skip)]
    pub origin: Option<String>,
    #[serde(default)]
    pub context_window: Option<i64>,
    #[serde(default = "always")]
    pub verify_ssl: bool,
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub key_id: Option<ProviderKeyId>,
}

/// What of a model changes; what is not sent stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    provider: Option<Provider>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "given")]
    base_url: Given<String>,
    #[serde(default, deserialize_with = "given")]
    context_window: Given<i64>,
    #[serde(default)]
    verify_ssl: Option<bool>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    key_id: Given<ProviderKeyId>,
}

fn always() -> bool {
    true
}

impl Draft {
    /// Checks everything, brings texts into their form, and finds the origin.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with all that is wrong.
    pub fn check(
        mut self,
        owner: Owner,
        keys: &[KeyEntry],
        settings: &ConfigSettings,
    ) -> Result<Self, ConfigError> {
        let mut errors = Vec::new();
        match text::name(&self.name) {
            Ok(name) => self.name = name,
            Err(error) => errors.push(error),
        }
        if !is_model_name(&self.model) {
            let detail =
                format!("It must have 1 to {MODEL_CHARS_MAX} characters of ASCII without spaces.");
            errors.push(FieldError::new("/model", detail));
        }
        errors.extend(self.check_url(owner, settings));
        if !self.context_window.is_none_or(|tokens| (1..=CONTEXT_WINDOW_MAX).contains(&tokens)) {
            let detail = format!("It must be from 1 to {CONTEXT_WINDOW_MAX}.");
            errors.push(FieldError::new("/context_window", detail));
        }
        errors.extend(self.check_verification(owner));
        let broken = check_parameters(self.provider, &self.parameters);
        errors.extend(broken.into_iter().map(|broken| {
            let name = broken.name.replace('~', "~0").replace('/', "~1");
            FieldError::new(format!("/parameters/{name}"), broken.detail)
        }));
        if errors.is_empty() {
            errors.extend(self.check_key(keys, settings));
        }
        if errors.is_empty() { Ok(self) } else { Err(ConfigError::Invalid(errors)) }
    }

    fn check_url(&mut self, owner: Owner, settings: &ConfigSettings) -> Option<FieldError> {
        let Some(url) = &self.base_url else {
            self.origin = None;
            let detail = "This provider could be anywhere: name the URL of its API, with the version in the path.";
            let is_somewhere = settings.hosts.get(self.provider).is_some();
            return (!is_somewhere).then(|| FieldError::new("/base_url", detail));
        };
        if self.origin.is_some() {
            return None;
        }
        let check = |url: &str| match owner {
            Owner::Platform if !self.verify_ssl => settings.egress.check_unverified(url),
            Owner::Platform | Owner::Account(_) => settings.egress.check(url),
        };
        match text::base_url(url, check) {
            Ok(checked) => {
                self.origin = Some(checked.origin);
                self.base_url = Some(checked.url);
                None
            }
            Err(error) => Some(error),
        }
    }

    /// Certificates go unverified for single hosts that an administrator of the platform names, and for nobody else (SECURITY R129).
    fn check_verification(&self, owner: Owner) -> Option<FieldError> {
        let detail = match owner {
            _ if self.verify_ssl => return None,
            Owner::Account(_) => "Only models of the platform may go unverified.",
            Owner::Platform if self.base_url.is_none() => {
                "Providers' own hosts are verified: this is for a host that base_url names."
            }
            Owner::Platform => return None,
        };
        Some(FieldError::new("/verify_ssl", detail))
    }

    fn check_key(&self, keys: &[KeyEntry], settings: &ConfigSettings) -> Option<FieldError> {
        let id = self.key_id?;
        let (provider, key_id) = (self.provider, self.key_id);
        let destination = Destination { provider, origin: self.origin.as_deref(), key_id };
        let detail = match keys.iter().find(|key| key.id == id) {
            None => "The account has no such key.",
            Some(key) if !destination.may_have(key, &settings.hosts) => {
                "The key is of another provider, or was stored for another host."
            }
            Some(_) => return None,
        };
        Some(FieldError::new("/key_id", detail))
    }
}

impl Change {
    /// Whether it touches what the environment says of the primary model.
    pub fn moves(&self) -> bool {
        self.provider.is_some()
            || self.model.is_some()
            || self.base_url.is_some()
            || self.verify_ssl.is_some()
    }

    /// The model after the change, unchecked.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when the URL changes under a key that is not named again (SECURITY R70).
    pub fn apply(self, entry: ModelEntry) -> Result<Draft, ConfigError> {
        let moved = self.base_url.as_ref().is_some_and(|url| *url != entry.base_url);
        if moved && entry.key_id.is_some() && self.key_id.is_none() {
            let detail = "The model names a key. Whoever changes its URL must name the key again.";
            return Err(ConfigError::invalid("/key_id", detail));
        }
        let verify_ssl = self.verify_ssl.unwrap_or(entry.verify_ssl);
        // What was checked when it was stored is checked again when it is called, and not here.
        let is_stored = !moved && verify_ssl == entry.verify_ssl;
        Ok(Draft {
            name: self.name.unwrap_or(entry.name),
            provider: self.provider.unwrap_or(entry.provider),
            model: self.model.unwrap_or(entry.model),
            base_url: self.base_url.unwrap_or(entry.base_url),
            origin: entry.origin.filter(|_| is_stored),
            context_window: self.context_window.unwrap_or(entry.context_window),
            verify_ssl,
            parameters: self.parameters.unwrap_or(entry.parameters),
            key_id: self.key_id.unwrap_or(entry.key_id),
        })
    }
}

fn is_model_name(text: &str) -> bool {
    (1..=MODEL_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
