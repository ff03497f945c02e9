use std::collections::BTreeMap;
use std::fmt;

/// Values of variables by name. `Debug` shows the names alone: some values are secrets.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

/// Variables that are missing or malformed: all of them, each with a sentence. No value is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("settings: {}", .0.join("; "))]
pub struct SettingsError(pub Vec<String>);

impl Variables {
    /// Reads these variables of the component. One that the manifest does not give it is missing, which [`Reading`] reports.
    ///
    /// # Errors
    /// [`SettingsError`] when the host fails to give a variable that exists.
    #[cfg(target_family = "wasm")]
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that reads variables")]
    pub async fn read(names: &[&str]) -> Result<Self, SettingsError> {
        let mut values = BTreeMap::new();
        let mut errors = Vec::new();
        for name in names {
            match spin_sdk::variables::get(name).await {
                Ok(value) => {
                    values.insert((*name).to_owned(), value);
                }
                Err(spin_sdk::variables::Error::Undefined(_)) => {}
                // The host's words are about the provider, and could quote anything; the name is enough to look there.
                Err(_) => errors.push(format!("{name} cannot be read from the host")),
            }
        }
        if errors.is_empty() { Ok(Self(values)) } else { Err(SettingsError(errors)) }
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading { values: &self.0, errors: Vec::new() }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Variables").field(&self.0.keys()).finish()
    }
}

/// A pass over the variables that collects what is wrong instead of stopping at the first.
pub(crate) struct Reading<'a> {
    values: &'a BTreeMap<String, String>,
    errors: Vec<String>,
}

impl Reading<'_> {
    /// A variable that must be there. `parse` says what is wrong in words that follow "name: ".
    pub(crate) fn required<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.values.get(name).map(|value| value.trim()) {
            None | Some("") => {
                self.errors.push(format!("{name} is missing"));
                None
            }
            Some(value) => self.parsed(name, parse(value)),
        }
    }

    /// A variable that may be absent or empty.
    pub(crate) fn optional<T, E: fmt::Display>(
        &mut self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.values.get(name).map(|value| value.trim()) {
            None | Some("") => Some(default),
            Some(value) => self.parsed(name, parse(value)),
        }
    }

    fn parsed<T, E: fmt::Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.push(format!("{name}: {error}"));
                None
            }
        }
    }

    /// The settings, if all their parts are there.
    pub(crate) fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.errors.is_empty() => Ok(settings),
            _ => Err(SettingsError(self.errors)),
        }
    }
}

pub(crate) fn boolean(value: &str) -> Result<bool, &'static str> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("it is neither true nor false"),
    }
}
