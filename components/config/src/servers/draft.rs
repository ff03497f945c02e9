//! What a server may look like.

use egress::UrlPolicy;
use problem::{FieldError, Problem, kinds};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::ConfigError;
use crate::given::{Given, given};
use crate::servers::credentials::Headers;
use crate::servers::entry::{ServerEntry, Transport};
use crate::text;

const QUALIFIED_NAME_CHARS_MAX: usize = 200;
const CONFIG_BYTES_MAX: usize = 64 * 1024;
const ENABLED_TOOLS_MAX: usize = 256;
const TOOL_NAME_CHARS_MAX: usize = 128;

/// What elsewhere starts a process. Nothing here ever does, and nothing that says so is kept for anyone who might (SECURITY R73).
const PROCESS_FIELDS: [&str; 6] = ["args", "command", "cwd", "env", "shell", "stdio"];

/// A server as someone wants it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    #[serde(default)]
    pub qualified_name: Option<String>,
    pub name: String,
    pub url: String,
    pub transport: Transport,
    #[serde(default)]
    pub config: Map<String, Value>,
    #[serde(default = "always")]
    pub enabled: bool,
    #[serde(default)]
    pub enabled_tools: Option<Vec<String>>,
    #[serde(default)]
    pub secret: Option<Headers>,
}

/// What of a server changes; what is not sent stays.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default, deserialize_with = "given")]
    qualified_name: Given<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    transport: Option<Transport>,
    #[serde(default)]
    config: Option<Map<String, Value>>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    enabled_tools: Given<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    secret: Given<Headers>,
}

/// What becomes of a server's credentials.
#[derive(Clone)]
pub enum SecretChange {
    Keep,
    Forget,
    Replace(Headers),
}

fn always() -> bool {
    true
}

impl Draft {
    /// Checks everything and brings texts into their form. The URL that is `stored` already is checked again when it is called, and not here.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with all that is wrong.
    pub fn check(mut self, policy: &UrlPolicy, stored: Option<&str>) -> Result<Self, ConfigError> {
        let mut errors = Vec::new();
        match text::name(&self.name) {
            Ok(name) => self.name = name,
            Err(error) => errors.push(error),
        }
        if stored != Some(&self.url) {
            match text::url(policy, &self.url) {
                Ok(url) => self.url = url,
                Err(error) => errors.push(error),
            }
        }
        if self
            .qualified_name
            .as_deref()
            .is_some_and(|name| !is_short(name, QUALIFIED_NAME_CHARS_MAX))
        {
            let detail = format!(
                "It must have 1 to {QUALIFIED_NAME_CHARS_MAX} characters, and no control characters."
            );
            errors.push(FieldError::new("/qualified_name", detail));
        }
        if CONFIG_BYTES_MAX < Value::Object(self.config.clone()).to_string().len() {
            let detail = format!("It may have at most {CONFIG_BYTES_MAX} bytes.");
            errors.push(FieldError::new("/config", detail));
        }
        errors.extend(self.check_tools());
        if let Some(Err(error)) = self.secret.as_ref().map(Headers::check) {
            errors.push(FieldError::new("/secret", error.to_string()));
        }
        if errors.is_empty() { Ok(self) } else { Err(ConfigError::Invalid(errors)) }
    }

    fn check_tools(&self) -> Option<FieldError> {
        let names = self.enabled_tools.as_ref()?;
        let is_fine = names.len() <= ENABLED_TOOLS_MAX
            && names.iter().all(|name| is_short(name, TOOL_NAME_CHARS_MAX));
        let detail = format!(
            "It must be a list of at most {ENABLED_TOOLS_MAX} names of 1 to {TOOL_NAME_CHARS_MAX} characters."
        );
        (!is_fine).then(|| FieldError::new("/enabled_tools", detail))
    }

    /// Refuses what would start a process, however deep it lies.
    ///
    /// # Errors
    /// 400, as for every field that does not exist.
    pub fn refuse_processes(&self) -> Result<(), Problem> {
        refuse_processes(&self.config)
    }
}

impl Change {
    /// The server after the change, unchecked, and what becomes of its credentials.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when the URL changes under credentials that are not given again (SECURITY R70).
    pub fn apply(self, entry: ServerEntry) -> Result<(Draft, SecretChange), ConfigError> {
        let moved = self.url.as_ref().is_some_and(|url| *url != entry.url);
        if moved && entry.has_secret && self.secret.is_none() {
            let detail = "Whoever changes where credentials are sent must give them again.";
            return Err(ConfigError::invalid("/secret", detail));
        }
        let secret = match &self.secret {
            None => SecretChange::Keep,
            Some(None) => SecretChange::Forget,
            Some(Some(headers)) => SecretChange::Replace(headers.clone()),
        };
        let draft = Draft {
            qualified_name: self.qualified_name.unwrap_or(entry.qualified_name),
            name: self.name.unwrap_or(entry.name),
            url: self.url.unwrap_or(entry.url),
            transport: self.transport.unwrap_or(entry.transport),
            config: self.config.unwrap_or(entry.config),
            enabled: self.enabled.unwrap_or(entry.enabled),
            enabled_tools: self.enabled_tools.unwrap_or(entry.enabled_tools),
            secret: self.secret.flatten(),
        };
        Ok((draft, secret))
    }

    /// As [`Draft::refuse_processes`].
    ///
    /// # Errors
    /// 400, as for every field that does not exist.
    pub fn refuse_processes(&self) -> Result<(), Problem> {
        self.config.as_ref().map_or(Ok(()), refuse_processes)
    }
}

fn refuse_processes(config: &Map<String, Value>) -> Result<(), Problem> {
    let Some(pointer) = find_process(config, "/config") else { return Ok(()) };
    let detail = "MCP servers are reached over HTTP; nothing here starts a process.";
    Err(Problem::new(&kinds::INVALID_REQUEST, detail)
        .with_errors(vec![FieldError::new(pointer, "There is no such field.")]))
}

/// Where a field stands that starts a process. Bodies are at most 64 levels deep.
fn find_process(members: &Map<String, Value>, path: &str) -> Option<String> {
    members.iter().find_map(|(name, value)| {
        let pointer = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        if PROCESS_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name)) {
            return Some(pointer);
        }
        find_in_value(value, &pointer)
    })
}

fn find_in_value(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Object(members) => find_process(members, path),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(n, item)| find_in_value(item, &format!("{path}/{n}"))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn is_short(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
