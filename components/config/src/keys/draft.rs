//! What a key may look like.

use catalog::Provider;
use egress::UrlPolicy;
use problem::FieldError;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::error::ConfigError;
use crate::given::{Given, given};
use crate::keys::service::KeyRecord;
use crate::text::{self, CheckedUrl};

pub const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The key itself on its way into the vault. It neither prints nor serializes, and is erased.
#[derive(Clone)]
pub struct Value(Zeroizing<String>);

/// A key as someone wants it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    provider: Provider,
    name: String,
    value: Value,
    #[serde(default)]
    base_url: Option<String>,
}

/// What of a key changes; what is not sent stays.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default, deserialize_with = "given")]
    base_url: Given<String>,
    #[serde(default)]
    is_active: Option<bool>,
}

/// A key that may be written.
pub struct Checked {
    pub provider: Provider,
    pub name: String,
    /// The value, if it is a new one.
    pub value: Option<Value>,
    pub url: Option<CheckedUrl>,
    pub is_active: bool,
}

impl Value {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

impl Draft {
    /// # Errors
    /// [`ConfigError::Invalid`] with all that is wrong.
    pub fn check(self, policy: &UrlPolicy) -> Result<Checked, ConfigError> {
        let Self { provider, name, value, base_url } = self;
        let url = base_url.map(|url| text::base_url(&url, |url| policy.check(url)));
        check(provider, &name, Some(value), url.transpose(), true)
    }
}

impl Change {
    /// The key after the change.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with all that is wrong. A value goes only to the host that it was given for: whoever names another one gives
    /// the value again (SECURITY R70).
    pub fn check(self, record: &KeyRecord, policy: &UrlPolicy) -> Result<Checked, ConfigError> {
        let Self { name, value, base_url, is_active } = self;
        let moved = base_url.as_ref().is_some_and(|url| *url != record.base_url);
        if moved && value.is_none() {
            let detail = "Whoever changes where a key is sent must give its value again.";
            return Err(ConfigError::invalid("/value", detail));
        }
        let url = match base_url.filter(|_| moved) {
            None => Ok(record.base_url.as_deref().map(CheckedUrl::stored)),
            Some(url) => url.map(|url| text::base_url(&url, |url| policy.check(url))).transpose(),
        };
        let name = name.as_deref().unwrap_or(&record.name);
        check(record.provider, name, value, url, is_active.unwrap_or(record.is_active))
    }
}

fn check(
    provider: Provider,
    name: &str,
    value: Option<Value>,
    url: Result<Option<CheckedUrl>, FieldError>,
    is_active: bool,
) -> Result<Checked, ConfigError> {
    let mut errors = Vec::new();
    let name = text::name(name).map_err(|error| errors.push(error)).unwrap_or_default();
    if value.as_ref().is_some_and(|value| !is_key(value.as_str())) {
        let detail =
            format!("It must have 1 to {VALUE_BYTES_MAX} characters of ASCII without spaces.");
        errors.push(FieldError::new("/value", detail));
    }
    if matches!(url, Ok(None)) && provider.usual_base_url().is_none() {
        let detail = "This provider could be anywhere: name the URL that the key is for.";
        errors.push(FieldError::new("/base_url", detail));
    }
    let url = url.map_err(|error| errors.push(error)).unwrap_or_default();
    if errors.is_empty() {
        Ok(Checked { provider, name, value, url, is_active })
    } else {
        Err(ConfigError::Invalid(errors))
    }
}

/// Keys are sent in headers.
fn is_key(text: &str) -> bool {
    (1..=VALUE_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
