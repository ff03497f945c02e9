//! Runtime configurations that are refused, each with its message.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use manifest::RuntimeConfig;

/// The error of `text`. A text that is accepted fails the test.
fn refused(text: &str) -> String {
    RuntimeConfig::parse(Path::new("runtime-config.toml"), text)
        .expect_err("the text must be refused")
        .to_string()
}

#[test]
fn text_that_is_not_toml() {
    let text = r"
state_dir = 
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:13: this is not valid TOML: string values must be quoted, expected literal string");
}

#[test]
fn an_unknown_key() {
    let text = r#"
state_directory = "x"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: state_directory: Selvage does not know this field; known here: `state_dir`, `log_dir`, `max_instance_memory`, `sqlite_database`, `key_value_store`, `variables_provider`, `outbound_http`, `outbound_networking`");
}

#[test]
fn an_empty_state_directory() {
    let text = r#"
state_dir = ""
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:13: state_dir: this must not be empty; write a value or leave the field out");
}

#[test]
fn memory_of_the_wrong_type() {
    let text = r#"
max_instance_memory = "128MiB"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:23: max_instance_memory: expected an integer, found a string");
}

#[test]
fn no_memory() {
    let text = r"
max_instance_memory = 0
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:23: max_instance_memory: no instance can run without memory; write a number of bytes above 0");
}

#[test]
fn a_database_without_a_type() {
    let text = r#"
[sqlite_database.default]
path = "x.db"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: sqlite_database.default.type: this field is required; add it");
}

#[test]
fn a_database_of_another_type() {
    let text = r#"
sqlite_database.default.type = "postgres"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:32: sqlite_database.default.type: Selvage has no database of type `postgres`; use `spin` or `libsql`");
}

#[test]
fn a_database_with_an_unknown_key() {
    let text = r#"
[sqlite_database.default]
type = "spin"
file = "x.db"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:1: sqlite_database.default.file: Selvage does not know this field; known here: `type`, `path`, `allow_attach_file`");
}

#[test]
fn a_database_that_attaches_files() {
    let text = r#"
[sqlite_database.default]
type = "spin"
allow_attach_file = true
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:21: sqlite_database.default.allow_attach_file: Selvage never attaches files to a database; remove this field");
}

#[test]
fn a_database_server_without_a_token() {
    let text = r#"
[sqlite_database.default]
type = "libsql"
url = "https://x"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: sqlite_database.default.token: this field is required; add it");
}

#[test]
fn a_database_server_by_another_scheme() {
    let text = r#"
[sqlite_database.default]
type = "libsql"
url = "libsql://x"
token = "hunter2"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:7: sqlite_database.default.url: the scheme `libsql` is not supported; write the same address with `https://`");
}

#[test]
fn a_token_in_the_url() {
    let text = r#"
[sqlite_database.default]
type = "libsql"
url = "https://x?authToken=hunter2"
token = "hunter2"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:7: sqlite_database.default.url: the URL of a database has no user, password or query; put the token into `token`");
}

#[test]
fn a_database_server_without_a_host() {
    let text = r#"
[sqlite_database.default]
type = "libsql"
url = "https://"
token = "hunter2"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:7: sqlite_database.default.url: this is not a URL (empty host); write `https://host`");
}

#[test]
fn a_token_that_is_no_string() {
    let text = r#"
[sqlite_database.default]
type = "libsql"
url = "https://x"
token = 42
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:5:9: sqlite_database.default.token: expected a string, found an integer");
}

#[test]
fn a_label_that_is_no_name() {
    let text = r#"
[sqlite_database."my db"]
type = "spin"
"#;
    assert_snapshot!(refused(text), @r#"runtime-config.toml:2:18: sqlite_database."my db": `my db` is not a valid name because it contains ` `; join words that start with a letter by `-`"#);
}

#[test]
fn a_store_of_another_type() {
    let text = r#"
[key_value_store.default]
type = "redis"
url = "redis://x"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:3:8: key_value_store.default.type: Selvage has no key-value store of type `redis`; use `spin`");
}

#[test]
fn a_provider_of_another_type() {
    let text = r#"
[[variables_provider]]
type = "vault"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:3:8: variables_provider[0].type: Selvage has no variables provider of type `vault`; use `env` or `static`");
}

#[test]
fn a_single_provider() {
    let text = r#"
[variables_provider]
type = "env"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: variables_provider: expected an array, found a table");
}

#[test]
fn a_provider_with_an_unknown_key() {
    let text = r#"
[[variables_provider]]
type = "env"
dotenv = ".env"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:1: variables_provider[0].dotenv: Selvage does not know this field; known here: `type`, `prefix`, `dotenv_path`");
}

#[test]
fn an_empty_prefix() {
    let text = r#"
[[variables_provider]]
type = "env"
prefix = ""
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:10: variables_provider[0].prefix: this must not be empty; write a value or leave the field out");
}

#[test]
fn a_static_value_that_is_no_string() {
    let text = r#"
[[variables_provider]]
type = "static"
values = { key = 42 }
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:4:18: variables_provider[0].values.key: expected a string, found an integer");
}

#[test]
fn the_old_name_of_providers() {
    let text = r#"
[[config_provider]]
type = "env"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: config_provider: this field was renamed; write `variables_provider`");
}

#[test]
fn the_old_name_of_the_connection_limit() {
    let text = r"
outbound_http.max_concurrent_requests = 1
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:41: outbound_http.max_concurrent_requests: this field is deprecated; write `max_connections`");
}

#[test]
fn an_unknown_key_of_outbound_http() {
    let text = r"
outbound_http.timeout = 1
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:15: outbound_http.timeout: Selvage does not know this field; known here: `connection_pooling`, `max_connections`");
}

#[test]
fn a_network_that_is_none() {
    let text = r#"
outbound_networking.block_networks = ["private", "localhost"]
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:50: outbound_networking.block_networks[1]: `localhost` is not a network; write one such as `10.0.0.0/8`, an address, `private` or `loopback`");
}

#[test]
fn an_unknown_key_of_outbound_networking() {
    let text = r"
outbound_networking.deny = []
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:21: outbound_networking.deny: Selvage does not know this field; known here: `block_networks`, `allow_networks`");
}

#[test]
fn client_certificates() {
    let text = r#"
[[client_tls]]
hosts = ["x"]
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: client_tls: Selvage has no client certificates; remove this table");
}

#[test]
fn a_language_model() {
    let text = r#"
[llm_compute]
type = "spin"
"#;
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: llm_compute: Selvage runs no AI models; remove this table");
}

#[test]
fn an_outbound_redis() {
    let text = r"
outbound_redis.max_connections = 1
";
    assert_snapshot!(refused(text), @r"runtime-config.toml:2:1: outbound_redis: Selvage has no outbound Redis; remove this table");
}
