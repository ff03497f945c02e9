//! Manifests that are refused for how a component is built, composed or run, each with its message.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use manifest::Manifest;

/// The error of `text`. A text that is accepted fails the test.
fn refused(text: &str) -> String {
    Manifest::parse(Path::new("spin.toml"), text).expect_err("the text must be refused").to_string()
}

#[test]
fn a_build_without_a_command() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.build]
workdir = "x"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:1: component.c.build.command: this field is required; add it");
}

#[test]
fn a_build_with_an_empty_list() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
build.command = []
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:17: component.c.build.command: this names no command; write one or leave `build` out");
}

#[test]
fn an_unknown_field_of_a_build() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
build = { command = "make", cwd = "x" }
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:29: component.c.build.cwd: Selvage does not know this field; known here: `command`, `workdir`, `watch`");
}

#[test]
fn a_dependency_with_a_version() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.dependencies]
"a:b/c" = ">= 0.1"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:10:11: component.c.dependencies."a:b/c": Selvage does not fetch components from a registry or a URL; download the file and write `{ path = "file.wasm" }`"#);
}

#[test]
fn a_dependency_without_a_source() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.dependencies]
"a:b/c" = { export = "x" }
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:10:11: component.c.dependencies."a:b/c": a dependency is either `{ path = "file.wasm" }` or `{ component = "id" }`; write one of them"#);
}

#[test]
fn a_dependency_with_a_bad_name() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.dependencies]
"a:/c" = { path = "x.wasm" }
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:10:1: component.c.dependencies."a:/c": `a:/c` is not the name of an import; write `namespace:package/interface@version`"#);
}

#[test]
fn a_dependency_that_inherits_the_unknown() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.dependencies]
"a:b/c" = { path = "x.wasm", inherit_configuration = ["sockets"] }
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:10:55: component.c.dependencies."a:b/c".inherit_configuration[0]: `sockets` cannot be inherited; use `true` or some of `ai_models`, `allowed_outbound_hosts`, `environment`, `files`, `key_value_stores`, `sqlite_databases`, `variables`"#);
}

#[test]
fn a_dependency_that_inherits_twice() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
dependencies_inherit_configuration = true
dependencies.x = { path = "x.wasm", inherit_configuration = true }
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:38: component.c.dependencies_inherit_configuration: this and `inherit_configuration` of a dependency exclude each other; remove one");
}

#[test]
fn a_whole_package_with_an_export() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.dependencies]
"a:b" = { path = "x.wasm", export = "y" }
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:10:9: component.c.dependencies."a:b": a dependency on a whole package cannot name an `export`; name the interface, as in `a:b/c`"#);
}

#[test]
fn an_unknown_field_of_a_profile() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.profile.debug]
files = []
"#;
    assert_snapshot!(refused(text), @r"spin.toml:10:1: component.c.profile.debug.files: Selvage does not know this field; known here: `source`, `environment`, `dependencies`, `build`");
}

#[test]
fn a_setting_of_ours_that_is_unknown() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[component.c.tool.selvage]
reuse = 1
"#;
    assert_snapshot!(refused(text), @r"spin.toml:10:1: component.c.tool.selvage.reuse: Selvage does not know this field; known here: `reuse_count`, `reuse_concurrency`, `idle_instance_timeout`, `request_timeout`, `background_timeout`, `cpu_time`, `memory`, `max_request_body`, `max_concurrent_requests`");
}

#[test]
fn a_duration_without_a_unit() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
tool.selvage.request_timeout = "30"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:9:32: component.c.tool.selvage.request_timeout: this is not a duration; write a whole number and `ms`, `s`, `m` or `h`, such as "30s""#);
}

#[test]
fn a_size_with_a_decimal_unit() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
tool.selvage.memory = "128MB"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:9:23: component.c.tool.selvage.memory: this is not a size; write a number of bytes or one with `KiB`, `MiB` or `GiB`, such as "128MiB""#);
}

#[test]
fn a_count_of_zero() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
tool.selvage.reuse_count = 0
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:28: component.c.tool.selvage.reuse_count: this must be an integer from 1 to 4294967295");
}

#[test]
fn a_negative_size() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
tool.selvage.memory = -1
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:23: component.c.tool.selvage.memory: this must be an integer from 0 to 18446744073709551615");
}

#[test]
fn a_tool_that_is_no_table() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
tool.other = 1
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:14: component.c.tool.other: expected a table, found an integer");
}

#[test]
fn a_target_that_is_no_target() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
targets = [{ name = "spin-up" }]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:12: component.c.targets[0].path: this field is required; add it");
}
