//! What the application's variables are worth.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::component::Component;
use crate::manifest::Manifest;
use crate::runtime_config::VariablesProvider;

/// The prefix of environment variables when a provider names none.
const PREFIX: &str = "SPIN_VARIABLE";

/// The value of every variable of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, Resolved>,
}

/// A value that `Debug` shows only when nothing in it is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    text: String,
    secret: bool,
}

impl Resolved {
    pub fn new(text: impl Into<String>, secret: bool) -> Self {
        Self { text: text.into(), secret }
    }

    /// The value itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a variable that is declared `secret` went into it.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret { f.write_str("[redacted]") } else { fmt::Debug::fmt(&self.text, f) }
    }
}

/// Why the variables have no values. No variant contains a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariablesError {
    /// All of them, each with its description and the environment variable that would set it.
    #[error("these required variables have no value: {}", list(.0))]
    Missing(Vec<Missing>),
    #[error(
        "the application declares no variable `{0}`; declare it under [variables] or correct the name"
    )]
    Undeclared(String),
    #[error("the environment variable {0} is not valid UTF-8; correct its value")]
    NotUnicode(String),
    #[error("{}: {problem}; correct the file", path.display())]
    Dotenv { path: PathBuf, problem: String },
}

/// A required variable without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub name: String,
    pub description: Option<String>,
    /// The environment variable that sets it, when an environment provider is configured.
    pub environment: Option<String>,
}

fn list(missing: &[Missing]) -> String {
    let show = |missing: &Missing| {
        let description = missing.description.as_ref().map(|text| format!(" ({text})"));
        let remedy = missing.environment.as_ref().map(|name| format!(", set {name}"));
        format!(
            "`{}`{}{}",
            missing.name,
            description.unwrap_or_default(),
            remedy.unwrap_or_default()
        )
    };
    missing.iter().map(show).collect::<Vec<_>>().join("; ")
}

impl Variables {
    /// Finds the values with the environment of this process; see [`Variables::resolve_with`].
    ///
    /// # Errors
    /// As [`Variables::resolve_with`].
    pub fn resolve(
        manifest: &Manifest,
        providers: &[VariablesProvider],
        overrides: &BTreeMap<String, String>,
    ) -> Result<Self, VariablesError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the edge where variables are read, once at start"
        )]
        let environment = |name: &str| std::env::var(name);
        Self::resolve_with(manifest, providers, overrides, environment)
    }

    /// Finds a value for every variable: that of `overrides`, else that of the first provider which has one,
    /// else the default. `.env` files are read; one that does not exist is no error, as in Spin.
    ///
    /// # Errors
    /// All required variables without a value, together; an override that is not declared; an unreadable value.
    pub fn resolve_with(
        manifest: &Manifest,
        providers: &[VariablesProvider],
        overrides: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Result<String, VarError>,
    ) -> Result<Self, VariablesError> {
        if let Some(name) = overrides.keys().find(|name| !manifest.variables.contains_key(*name)) {
            return Err(VariablesError::Undeclared(name.clone()));
        }
        let sources = providers
            .iter()
            .map(|provider| Source::open(provider, &environment))
            .collect::<Result<Vec<_>, _>>()?;
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, declaration) in &manifest.variables {
            let provided = match overrides.get(name) {
                Some(value) => Some(value.clone()),
                None => first_value(&sources, name)?,
            };
            match provided.or_else(|| declaration.default.clone()) {
                Some(text) => {
                    values.insert(name.clone(), Resolved::new(text, declaration.secret));
                }
                None => missing.push(Missing {
                    name: name.clone(),
                    description: declaration.description.clone(),
                    environment: sources.iter().find_map(|source| source.environment_name(name)),
                }),
            }
        }
        if missing.is_empty() { Ok(Self { values }) } else { Err(VariablesError::Missing(missing)) }
    }

    /// The value of the application variable `name`; `None` when it is not declared.
    pub fn get(&self, name: &str) -> Option<&Resolved> {
        self.values.get(name)
    }

    /// What `component` reads, by the names that it uses.
    pub fn for_component(&self, component: &Component) -> BTreeMap<String, Resolved> {
        // The manifest was checked to use declared variables only, so no template fails.
        let render = |(name, template): (&String, &crate::template::Template)| {
            template.render(self).ok().map(|value| (name.clone(), value))
        };
        component.variables.iter().filter_map(render).collect()
    }
}

/// A provider that is ready to be asked.
enum Source<'a, E> {
    Environment { prefix: &'a str, environment: &'a E, dotenv: BTreeMap<String, String> },
    Static(&'a BTreeMap<String, crate::secret::Secret>),
}

impl<'a, E: Fn(&str) -> Result<String, VarError>> Source<'a, E> {
    fn open(provider: &'a VariablesProvider, environment: &'a E) -> Result<Self, VariablesError> {
        match provider {
            VariablesProvider::Static { values } => Ok(Self::Static(values)),
            VariablesProvider::Env { prefix, dotenv_path } => {
                let dotenv = dotenv_path.as_deref().map_or(Ok(BTreeMap::new()), read_dotenv)?;
                Ok(Self::Environment {
                    prefix: prefix.as_deref().unwrap_or(PREFIX),
                    environment,
                    dotenv,
                })
            }
        }
    }

    fn environment_name(&self, variable: &str) -> Option<String> {
        match self {
            Self::Environment { prefix, .. } => {
                Some(format!("{prefix}_{}", variable.to_ascii_uppercase()))
            }
            Self::Static(_) => None,
        }
    }

    fn value(&self, variable: &str) -> Result<Option<String>, VariablesError> {
        let name = self.environment_name(variable);
        match (self, name) {
            (Self::Static(values), _) => {
                Ok(values.get(variable).map(|value| value.expose().to_owned()))
            }
            (Self::Environment { environment, dotenv, .. }, Some(name)) => match environment(&name)
            {
                Ok(value) => Ok(Some(value)),
                Err(VarError::NotPresent) => Ok(dotenv.get(&name).cloned()),
                Err(VarError::NotUnicode(_)) => Err(VariablesError::NotUnicode(name)),
            },
            (Self::Environment { .. }, None) => Ok(None),
        }
    }
}

fn first_value<E: Fn(&str) -> Result<String, VarError>>(
    sources: &[Source<'_, E>],
    variable: &str,
) -> Result<Option<String>, VariablesError> {
    for source in sources {
        if let Some(value) = source.value(variable)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// The first of two equal names counts. The error names the line's number only, since a line may hold a secret.
fn read_dotenv(path: &Path) -> Result<BTreeMap<String, String>, VariablesError> {
    let failure = |problem: String| VariablesError::Dotenv { path: path.to_owned(), problem };
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failure(format!("the file cannot be read ({error})"))),
    };
    let mut values = BTreeMap::new();
    for (index, entry) in dotenvy::from_read_iter(text.as_slice()).enumerate() {
        let (name, value) = entry
            .map_err(|_| failure(format!("entry {} is not of the form NAME=value", index + 1)))?;
        values.entry(name).or_insert(value);
    }
    Ok(values)
}
