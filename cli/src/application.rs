//! The application that a command is about: its manifest, what stands behind its labels, its variables.

use std::collections::BTreeMap;
use std::path::Path;

use ambient::{Clock, Entropy};
use egress::Egress;
use manifest::{Manifest, RuntimeConfig, Secret, SqliteDatabase, Variables, VariablesProvider};
use settings::VaultSettings;
use vault::Vault;

use crate::error::CliError;
use crate::location::Location;

/// The label of the database that the components of Selvage use.
const DATABASE_LABEL: &str = "default";

/// A manifest together with its runtime configuration.
#[derive(Debug)]
pub struct Application {
    pub manifest: Manifest,
    pub config: RuntimeConfig,
}

impl Application {
    /// Reads both files and writes nothing. Without a runtime configuration everything lies in `state_dir`.
    ///
    /// # Errors
    /// The first problem in either file, with its place; also a label that is not configured.
    pub fn load(
        from: &Path,
        runtime_config: Option<&Path>,
        state_dir: &Path,
    ) -> Result<Self, CliError> {
        let manifest = Manifest::load(from)?;
        let config = match runtime_config {
            Some(path) => RuntimeConfig::load(path)?.with_defaults(state_dir),
            None => RuntimeConfig::default_for(state_dir),
        };
        manifest.check_labels(&config)?;
        Ok(Self { manifest, config })
    }

    /// Whether the manifest declares the variable, and so asks for what this program does with it.
    pub fn declares(&self, variable: &str) -> bool {
        self.manifest.variables.contains_key(variable)
    }

    /// The value of every variable. As in the host, `own` values come after all providers and before the defaults.
    ///
    /// # Errors
    /// All required variables that have no value.
    pub fn variables(&self, own: &BTreeMap<String, String>) -> Result<Variables, CliError> {
        let values = own.iter().map(|(name, value)| (name.clone(), Secret::new(value.as_str())));
        let mut providers = self.config.variables_providers.clone();
        providers.push(VariablesProvider::Static { values: values.collect() });
        Ok(Variables::resolve(&self.manifest, &providers, &BTreeMap::new())?)
    }

    /// Whether the schema is brought up when the application starts. `None` for an application that has no schema of ours.
    ///
    /// # Errors
    /// [`CliError::Variable`] when the variable is neither `true` nor `false`.
    pub fn auto_migrate(variables: &Variables) -> Result<Option<bool>, CliError> {
        let name = "auto_migrate";
        // Empty means the default, as in the components.
        match variables.get(name).map(|value| value.as_str().trim()) {
            None => Ok(None),
            Some("true" | "") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(value) => {
                let value = value.to_owned();
                Err(CliError::Variable { name, value, allowed: "true or false" })
            }
        }
    }

    /// The database that the components use. `None` when it is one in memory, which nobody else can reach.
    ///
    /// # Errors
    /// [`CliError::DatabaseUrl`] when the variable `database_url` is no URL of a database.
    pub fn database(&self, variables: &Variables) -> Result<Option<Location>, CliError> {
        let value = |name| variables.get(name).map_or("", manifest::Resolved::as_str);
        let url = value("database_url");
        if !url.is_empty() {
            return Location::remote(url, value("database_token")).map(Some);
        }
        match self.config.sqlite_databases.get(DATABASE_LABEL) {
            Some(SqliteDatabase::File { path: Some(path) }) => {
                Ok(Some(Location::File(path.clone())))
            }
            Some(SqliteDatabase::Libsql { url, token }) => {
                Location::remote(url.as_str(), token.expose()).map(Some)
            }
            Some(SqliteDatabase::File { path: None }) | None => Ok(None),
        }
    }
}

/// What sealing and opening secrets depends on.
///
/// # Errors
/// [`CliError::Settings`] with all variables that are missing or malformed.
pub fn vault_settings(variables: &Variables) -> Result<VaultSettings, CliError> {
    let value = |name: &&str| variables.get(name).map_or("", manifest::Resolved::as_str).to_owned();
    let values = VaultSettings::NAMES.iter().map(|name| (*name, value(name)));
    Ok(VaultSettings::new(&values.collect())?)
}

/// The vault that these settings describe.
///
/// # Errors
/// [`CliError::Egress`] when key services cannot be called from here.
pub fn vault(settings: &VaultSettings) -> Result<Vault, CliError> {
    let (egress, clock, entropy) = (Egress::new()?, Clock::system(), Entropy::system());
    Ok(Vault::new(&settings.keyring, &settings.services, &egress, clock, entropy))
}
