//! The runtime configuration: what stands behind the labels of a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use url::Url;

use crate::application::optional_string;
use crate::blocked_networks::{BlockedNetworks, Network};
use crate::document::{Document, Table, Value};
use crate::error::ManifestError;
use crate::identifier::{check_label, check_lower_snake};
use crate::secret::Secret;

/// A runtime-config file in Spin's format, or the defaults.
///
/// Relative paths are relative to the current directory, but those of key-value stores to the folder of the
/// file: so it is in Spin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeConfig {
    pub sqlite_databases: BTreeMap<String, SqliteDatabase>,
    pub key_value_stores: BTreeMap<String, KeyValueStore>,
    /// In the order in which they are asked. The last is always the environment with its default prefix and
    /// the file `.env` of the current directory.
    pub variables_providers: Vec<VariablesProvider>,
    pub outbound_http: OutboundHttp,
    pub outbound_networking: OutboundNetworking,
    pub state_dir: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    /// The linear memory that an instance may have, in bytes.
    pub max_instance_memory: Option<u64>,
}

/// `[sqlite_database.<label>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteDatabase {
    /// Type `spin`: a file, or without a path a database in memory.
    File { path: Option<PathBuf> },
    /// Type `libsql`: a server that speaks libSQL over HTTP.
    Libsql { url: Url, token: Secret },
}

/// `[key_value_store.<label>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValueStore {
    /// Type `spin`: a file, or without a path a store in memory.
    File { path: Option<PathBuf> },
}

/// `[[variables_provider]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariablesProvider {
    /// Type `env`: `<prefix>_<NAME>`, by default `SPIN_VARIABLE_<NAME>`, then the same in the `.env` file.
    Env { prefix: Option<String>, dotenv_path: Option<PathBuf> },
    /// Type `static`.
    Static { values: BTreeMap<String, Secret> },
}

/// `[outbound_http]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundHttp {
    /// On unless turned off. In Spin a table without this field turns it off, so write it for both hosts.
    pub connection_pooling: bool,
    /// Connections at the same time; `Some(0)` forbids them.
    pub max_connections: Option<u64>,
}

/// `[outbound_networking]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundNetworking {
    /// Without the field, `private`. In Spin it is nothing.
    pub block_networks: Vec<Network>,
    /// Exceptions from `block_networks`. A field of Selvage: Spin refuses it.
    pub allow_networks: Vec<Network>,
}

impl Default for OutboundHttp {
    fn default() -> Self {
        Self { connection_pooling: true, max_connections: None }
    }
}

impl Default for OutboundNetworking {
    fn default() -> Self {
        Self { block_networks: vec![Network::Private], allow_networks: Vec::new() }
    }
}

impl OutboundNetworking {
    /// The networks as they are asked.
    pub fn blocked(&self) -> BlockedNetworks {
        BlockedNetworks::new(&self.block_networks, &self.allow_networks)
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            sqlite_databases: BTreeMap::new(),
            key_value_stores: BTreeMap::new(),
            variables_providers: vec![VariablesProvider::Env {
                prefix: None,
                dotenv_path: Some(PathBuf::from(".env")),
            }],
            outbound_http: OutboundHttp::default(),
            outbound_networking: OutboundNetworking::default(),
            state_dir: None,
            log_dir: None,
            max_instance_memory: None,
        }
    }
}

impl RuntimeConfig {
    /// The configuration without a file: everything in `state_dir`.
    pub fn default_for(state_dir: &Path) -> Self {
        Self::default().with_defaults(state_dir)
    }

    /// Adds what the file leaves open: the state directory, and in it `selvage.db` and `kv.db` for the label `default`.
    #[must_use]
    pub fn with_defaults(mut self, state_dir: &Path) -> Self {
        let state_dir = self.state_dir.get_or_insert_with(|| state_dir.to_owned());
        let database = SqliteDatabase::File { path: Some(state_dir.join("selvage.db")) };
        let store = KeyValueStore::File { path: Some(state_dir.join("kv.db")) };
        self.sqlite_databases.entry("default".to_owned()).or_insert(database);
        self.key_value_stores.entry("default".to_owned()).or_insert(store);
        self
    }

    /// Reads the file at `path`. What it leaves open stays open; see [`RuntimeConfig::with_defaults`].
    ///
    /// # Errors
    /// The first problem of the file, with its place.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Document::open(path)?.read(|table| Self::read(table, folder))
    }

    /// Reads a configuration from `text` as if it stood in the file `path`.
    ///
    /// # Errors
    /// The first problem of the text, with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Document::new(path, text).read(|table| Self::read(table, folder))
    }

    fn read(mut table: Table<'_>, folder: &Path) -> Result<Self, ManifestError> {
        for (name, problem) in UNSUPPORTED {
            if let Some(value) = table.peek(name) {
                return Err(value.error(problem));
            }
        }
        let mut config = Self {
            state_dir: directory(&mut table, "state_dir")?,
            log_dir: directory(&mut table, "log_dir")?,
            max_instance_memory: memory(&mut table)?,
            ..Self::default()
        };
        if let Some(databases) = table.optional("sqlite_database") {
            config.sqlite_databases = labelled(&databases, read_database)?;
        }
        if let Some(stores) = table.optional("key_value_store") {
            config.key_value_stores = labelled(&stores, |table| read_store(table, folder))?;
        }
        if let Some(providers) = table.optional("variables_provider") {
            let configured =
                providers.array()?.iter().map(read_provider).collect::<Result<Vec<_>, _>>()?;
            config.variables_providers.splice(0..0, configured);
        }
        if let Some(http) = table.optional("outbound_http") {
            config.outbound_http = read_outbound_http(&http)?;
        }
        if let Some(networking) = table.optional("outbound_networking") {
            config.outbound_networking = read_networking(&networking)?;
        }
        table.finish()?;
        Ok(config)
    }
}

/// Parts of Spin's format that Selvage does not serve.
const UNSUPPORTED: [(&str, &str); 8] = [
    ("client_tls", "Selvage has no client certificates; remove this table"),
    ("config_provider", "this field was renamed; write `variables_provider`"),
    ("llm_compute", "Selvage runs no AI models; remove this table"),
    ("otel", "Selvage is configured for telemetry by its command line; remove this table"),
    ("outbound_mqtt", "Selvage has no outbound MQTT; remove this table"),
    ("outbound_mysql", "Selvage has no outbound MySQL; remove this table"),
    ("outbound_pg", "Selvage has no outbound PostgreSQL; remove this table"),
    ("outbound_redis", "Selvage has no outbound Redis; remove this table"),
];

fn directory(table: &mut Table<'_>, name: &'static str) -> Result<Option<PathBuf>, ManifestError> {
    table.optional(name).map(|value| value.text().map(PathBuf::from)).transpose()
}

fn memory(table: &mut Table<'_>) -> Result<Option<u64>, ManifestError> {
    let Some(value) = table.optional("max_instance_memory") else { return Ok(None) };
    match value.unsigned()? {
        0 => {
            Err(value.error("no instance can run without memory; write a number of bytes above 0"))
        }
        bytes => Ok(Some(bytes)),
    }
}

/// Reads a table of labels, each with a table that has a `type`.
fn labelled<T>(
    value: &Value<'_>,
    read: impl Fn(Table<'_>) -> Result<T, ManifestError>,
) -> Result<BTreeMap<String, T>, ManifestError> {
    let mut labels = BTreeMap::new();
    for (key, value) in value.table()?.entries() {
        check_label(key.text).map_err(|problem| key.error(problem))?;
        labels.insert(key.text.to_owned(), read(value.table()?)?);
    }
    Ok(labels)
}

fn read_database(mut table: Table<'_>) -> Result<SqliteDatabase, ManifestError> {
    let kind = table.required("type")?;
    let database = match kind.string()? {
        "spin" => {
            let path = directory(&mut table, "path")?;
            if let Some(attach) = table.optional("allow_attach_file")
                && attach.boolean()?
            {
                return Err(
                    attach.error("Selvage never attaches files to a database; remove this field")
                );
            }
            SqliteDatabase::File { path }
        }
        "libsql" => SqliteDatabase::Libsql {
            url: read_url(&table.required("url")?)?,
            token: Secret::new(table.required("token")?.string()?),
        },
        other => {
            return Err(kind.error(format!(
                "Selvage has no database of type `{other}`; use `spin` or `libsql`"
            )));
        }
    };
    table.finish()?;
    Ok(database)
}

/// The URL is not shown in the error, for people put tokens into URLs.
fn read_url(value: &Value<'_>) -> Result<Url, ManifestError> {
    let url = Url::parse(value.string()?).map_err(|error| {
        value.error(format!("this is not a URL ({error}); write `https://host`"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(value.error(format!(
            "the scheme `{scheme}` is not supported; write the same address with `https://`"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(value.error(
            "the URL of a database has no user, password or query; put the token into `token`",
        ));
    }
    Ok(url)
}

fn read_store(mut table: Table<'_>, folder: &Path) -> Result<KeyValueStore, ManifestError> {
    let kind = table.required("type")?;
    if kind.string()? != "spin" {
        let problem =
            format!("Selvage has no key-value store of type `{}`; use `spin`", kind.string()?);
        return Err(kind.error(problem));
    }
    let path = directory(&mut table, "path")?.map(|path| folder.join(path));
    table.finish()?;
    Ok(KeyValueStore::File { path })
}

fn read_provider(value: &Value<'_>) -> Result<VariablesProvider, ManifestError> {
    let mut table = value.table()?;
    let kind = table.required("type")?;
    let provider = match kind.string()? {
        "env" => VariablesProvider::Env {
            prefix: table
                .optional("prefix")
                .map(|prefix| prefix.text().map(str::to_owned))
                .transpose()?,
            dotenv_path: optional_string(&mut table, "dotenv_path")?.map(PathBuf::from),
        },
        "static" => {
            let mut values = BTreeMap::new();
            for (key, value) in table.required("values")?.table()?.entries() {
                check_lower_snake(key.text).map_err(|problem| key.error(problem))?;
                values.insert(key.text.to_owned(), Secret::new(value.string()?));
            }
            VariablesProvider::Static { values }
        }
        other => {
            return Err(kind.error(format!(
                "Selvage has no variables provider of type `{other}`; use `env` or `static`"
            )));
        }
    };
    table.finish()?;
    Ok(provider)
}

fn read_outbound_http(value: &Value<'_>) -> Result<OutboundHttp, ManifestError> {
    let mut table = value.table()?;
    if let Some(old) = table.peek("max_concurrent_requests") {
        return Err(old.error("this field is deprecated; write `max_connections`"));
    }
    let pooling = table.optional("connection_pooling");
    let connection_pooling = pooling.map_or(Ok(true), |value| value.boolean())?;
    let max_connections =
        table.optional("max_connections").map(|value| value.unsigned()).transpose()?;
    table.finish()?;
    Ok(OutboundHttp { connection_pooling, max_connections })
}

fn read_networking(value: &Value<'_>) -> Result<OutboundNetworking, ManifestError> {
    let mut table = value.table()?;
    let mut networking = OutboundNetworking::default();
    if let Some(blocked) = table.optional("block_networks") {
        networking.block_networks = read_networks(&blocked)?;
    }
    if let Some(allowed) = table.optional("allow_networks") {
        networking.allow_networks = read_networks(&allowed)?;
    }
    table.finish()?;
    Ok(networking)
}

fn read_networks(value: &Value<'_>) -> Result<Vec<Network>, ManifestError> {
    let network = |item: &Value<'_>| item.string()?.parse().map_err(|error| item.error(error));
    value.array()?.iter().map(network).collect()
}
