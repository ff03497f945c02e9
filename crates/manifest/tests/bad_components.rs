//! Manifests that are refused for a component, each with its message.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use manifest::Manifest;

/// The error of `text`. A text that is accepted fails the test.
fn refused(text: &str) -> String {
    Manifest::parse(Path::new("spin.toml"), text).expect_err("the text must be refused").to_string()
}

#[test]
fn an_inline_component_without_a_source() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = { description = "x" }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:13: trigger.http[0].component.source: this field is required; add it");
}

#[test]
fn a_component_without_a_source() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
description = "x"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:1: component.c.source: this field is required; add it");
}

#[test]
fn a_component_from_a_url() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = { url = "https://x/c.wasm", digest = "sha256:0" }
"#;
    assert_snapshot!(refused(text), @r"spin.toml:8:10: component.c.source: Selvage does not fetch components from a registry or a URL; download the file and write its path");
}

#[test]
fn a_component_with_a_bad_id() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component."my c"]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:9:12: component."my c": `my c` is not a valid name because it contains ` `; join words that start with a letter by `-`"#);
}

#[test]
fn an_unknown_field_of_a_component() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
sqlite_database = ["default"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:1: component.c.sqlite_database: Selvage does not know this field; known here: `ai_models`, `dependencies_inherit_configuration`, `description`, `source`, `allowed_outbound_hosts`, `key_value_stores`, `sqlite_databases`, `variables`, `environment`, `files`, `exclude_files`, `build`, `dependencies`, `tool`, `targets`, `profile`");
}

#[test]
fn an_ai_model() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
ai_models = ["llama2-chat"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:14: component.c.ai_models[0]: Selvage runs no AI models; remove `ai_models` and call a provider over HTTP");
}

#[test]
fn the_deprecated_list_of_hosts() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_http_hosts = ["x.org"]
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:9:22: component.c.allowed_http_hosts: `allowed_http_hosts` is deprecated; write `allowed_outbound_hosts = ["https://host"]`"#);
}

#[test]
fn a_host_without_a_scheme() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["https://a.org", "b.org"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:44: component.c.allowed_outbound_hosts[1]: `b.org` has no scheme; write `https://host`, or `*://*:*` to allow every host");
}

#[test]
fn a_host_template_that_is_open() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["https://{{ host"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:27: component.c.allowed_outbound_hosts[0]: `{{` is never closed; close it with `}}`");
}

#[test]
fn a_host_template_with_an_undeclared_variable() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["https://{{ host }}"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:27: component.c.allowed_outbound_hosts[0]: the variable `host` is not declared; declare it under [variables]");
}

#[test]
fn a_host_template_with_a_bad_secret_default() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
variables.host = { default = "hunter 2", secret = true }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["https://{{ host }}"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:10:27: component.c.allowed_outbound_hosts[0]: with the default values of its variables this is not a valid host; correct the defaults or the template");
}

#[test]
fn a_store_label_that_is_no_name() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
key_value_stores = ["my store"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:21: component.c.key_value_stores[0]: `my store` is not a valid name because it contains ` `; join words that start with a letter by `-`");
}

#[test]
fn a_database_that_is_listed_twice() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
sqlite_databases = ["a", "a"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:26: component.c.sqlite_databases[1]: `a` is listed twice; remove one");
}

#[test]
fn databases_of_the_wrong_type() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
sqlite_databases = "default"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:20: component.c.sqlite_databases: expected an array, found a string");
}

#[test]
fn a_component_variable_with_a_bad_name() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
variables = { __x = "" }
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:15: component.c.variables.__x: `__x` is not a valid name because it has an empty word; join words that start with a letter by `_`");
}

#[test]
fn a_component_variable_of_the_wrong_type() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
variables = { x = true }
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:19: component.c.variables.x: expected a string, found a boolean");
}

#[test]
fn a_bad_environment_variable() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
environment = { "A=B" = "c" }
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:9:17: component.c.environment."A=B": the name of an environment variable must not be empty or contain `=`; correct it"#);
}

#[test]
fn files_outside_the_application() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
files = [{ source = "../x", destination = "/" }]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:21: component.c.files[0].source: files must be inside the folder of the manifest; write a relative path without `..`");
}

#[test]
fn files_with_an_absolute_path() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
files = ["/etc/*"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:10: component.c.files[0]: files must be inside the folder of the manifest; write a relative path without `..`");
}

#[test]
fn files_without_a_destination() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
files = [{ source = "x" }]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:10: component.c.files[0].destination: this field is required; add it");
}

#[test]
fn a_destination_that_climbs() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
files = [{ source = "x", destination = "/../y" }]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:40: component.c.files[0].destination: a destination cannot contain `..`; write the absolute path that the component shall see");
}
