//! Runtime configurations that are accepted.

#![expect(clippy::panic, reason = "a failed expectation is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use manifest::{
    BlockedNetworks, KeyValueStore, OutboundHttp, RuntimeConfig, Secret, SqliteDatabase,
    VariablesProvider,
};

fn parse(text: &str) -> RuntimeConfig {
    RuntimeConfig::parse(Path::new("conf/rc.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

fn default_environment() -> VariablesProvider {
    VariablesProvider::Env { prefix: None, dotenv_path: Some(PathBuf::from(".env")) }
}

#[test]
fn an_empty_file_is_the_default() {
    let config = parse("");
    assert_eq!(config, RuntimeConfig::default());
    assert_eq!(config.variables_providers, [default_environment()]);
    assert_eq!(
        config.outbound_http,
        OutboundHttp { connection_pooling: true, max_connections: None }
    );
    assert_eq!(config.outbound_networking.blocked(), BlockedNetworks::default());
    assert_eq!(config.with_defaults(Path::new("s")), RuntimeConfig::default_for(Path::new("s")));
}

const FULL: &str = r#"
state_dir = "state"
log_dir = "logs"
max_instance_memory = 134217728
[sqlite_database.default]
type = "spin"
path = "data/app.db"
allow_attach_file = false
[sqlite_database.memory]
type = "spin"
[sqlite_database.turso]
type = "libsql"
url = "https://db-org.turso.io"
token = "hunter2"
[key_value_store.default]
type = "spin"
path = "data/kv.db"
[key_value_store.absolute]
type = "spin"
path = "/data/kv.db"
[key_value_store.memory]
type = "spin"
[[variables_provider]]
type = "static"
values = { key = "hunter2" }
[[variables_provider]]
type = "env"
prefix = "MINE"
dotenv_path = "mine.env"
[outbound_http]
max_connections = 64
[outbound_networking]
block_networks = ["private", "1.1.1.1/32"]
allow_networks = ["127.0.0.1/32"]
"#;

#[test]
fn everything_is_read_and_paths_are_relative_as_in_spin() {
    let config = parse(FULL);
    let file = |path: &str| SqliteDatabase::File { path: Some(PathBuf::from(path)) };
    let store = |path: &str| KeyValueStore::File { path: Some(PathBuf::from(path)) };
    assert_eq!(config.state_dir.as_deref(), Some(Path::new("state")));
    assert_eq!(config.log_dir.as_deref(), Some(Path::new("logs")));
    assert_eq!(config.max_instance_memory, Some(128 << 20));
    assert_eq!(config.sqlite_databases["default"], file("data/app.db"));
    assert_eq!(config.sqlite_databases["memory"], SqliteDatabase::File { path: None });
    let turso = SqliteDatabase::Libsql {
        url: "https://db-org.turso.io".parse().unwrap(),
        token: Secret::new("hunter2"),
    };
    assert_eq!(config.sqlite_databases["turso"], turso);
    assert_eq!(config.key_value_stores["default"], store("conf/data/kv.db"));
    assert_eq!(config.key_value_stores["absolute"], store("/data/kv.db"));
    assert_eq!(config.key_value_stores["memory"], KeyValueStore::File { path: None });
    assert_eq!(
        config.variables_providers,
        [
            VariablesProvider::Static {
                values: BTreeMap::from([("key".to_owned(), Secret::new("hunter2"))])
            },
            VariablesProvider::Env {
                prefix: Some("MINE".to_owned()),
                dotenv_path: Some(PathBuf::from("mine.env")),
            },
            default_environment(),
        ]
    );
    assert_eq!(
        config.outbound_http,
        OutboundHttp { connection_pooling: true, max_connections: Some(64) }
    );
    let blocked = config.outbound_networking.blocked();
    for (address, expected) in
        [("127.0.0.1", false), ("127.0.0.2", true), ("1.1.1.1", true), ("8.8.8.8", false)]
    {
        assert_eq!(blocked.blocks(address.parse().unwrap()), expected, "{address}");
    }
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
}

#[test]
fn defaults_fill_gaps_and_replace_nothing() {
    let config = parse(
        "state_dir = \"mine\"\n[sqlite_database.default]\ntype = \"spin\"\npath = \"x.db\"\n",
    );
    let config = config.with_defaults(Path::new(".selvage"));
    assert_eq!(config.state_dir.as_deref(), Some(Path::new("mine")));
    let database = SqliteDatabase::File { path: Some(PathBuf::from("x.db")) };
    assert_eq!(config.sqlite_databases, BTreeMap::from([("default".to_owned(), database)]));
    let store = KeyValueStore::File { path: Some(PathBuf::from("mine/kv.db")) };
    assert_eq!(config.key_value_stores, BTreeMap::from([("default".to_owned(), store)]));
}

#[test]
fn blocking_can_be_turned_off_only_by_saying_so() {
    let blocks =
        |text: &str| parse(text).outbound_networking.blocked().blocks("127.0.0.1".parse().unwrap());
    assert!(blocks("[outbound_networking]\n"));
    assert!(blocks("[outbound_networking]\nallow_networks = [\"10.0.0.0/8\"]\n"));
    assert!(!blocks("[outbound_networking]\nblock_networks = []\n"));
    assert!(!blocks("[outbound_networking]\nallow_networks = [\"loopback\"]\n"));
}

#[test]
fn a_missing_file_is_named() {
    let error = RuntimeConfig::load(Path::new("nowhere/rc.toml")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere/rc.toml: the file cannot be read ("), "{error}");
}
