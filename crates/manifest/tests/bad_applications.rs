//! Manifests that are refused for the application or its variables, each with its message.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use manifest::Manifest;

/// The error of `text`. A text that is accepted fails the test.
fn refused(text: &str) -> String {
    Manifest::parse(Path::new("spin.toml"), text).expect_err("the text must be refused").to_string()
}

#[test]
fn text_that_is_not_toml() {
    let text = r"
spin_manifest_version = 2
[application
";
    assert_snapshot!(refused(text), @r"spin.toml:3:13: this is not valid TOML: unclosed table, expected `]`");
}

#[test]
fn a_key_that_is_given_twice() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
application.name = "y"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:13: this is not valid TOML: duplicate key");
}

#[test]
fn an_empty_file() {
    let text = "";
    assert_snapshot!(refused(text), @r"spin.toml:1:1: spin_manifest_version: this field is required; add it");
}

#[test]
fn version_1() {
    let text = r#"
spin_manifest_version = "1"
name = "x"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:2:25: spin_manifest_version: this is a manifest of version 1, which Selvage does not read; convert it with `spin doctor` to `spin_manifest_version = 2`");
}

#[test]
fn version_1_written_as_a_number() {
    let text = r"
spin_manifest_version = 1
";
    assert_snapshot!(refused(text), @r"spin.toml:2:25: spin_manifest_version: this is a manifest of version 1, which Selvage does not read; convert it with `spin doctor` to `spin_manifest_version = 2`");
}

#[test]
fn an_old_spin_version() {
    let text = r#"
spin_version = "1"
name = "x"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:2:16: spin_version: this is a manifest of version 1, which Selvage does not read; convert it with `spin doctor` to `spin_manifest_version = 2`");
}

#[test]
fn a_later_version() {
    let text = r"
spin_manifest_version = 3
";
    assert_snapshot!(refused(text), @r"spin.toml:2:25: spin_manifest_version: Selvage reads manifests of version 2, not 3; write `spin_manifest_version = 2`");
}

#[test]
fn a_version_of_the_wrong_type() {
    let text = r#"
spin_manifest_version = "2"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:2:25: spin_manifest_version: expected an integer, found a string");
}

#[test]
fn no_application() {
    let text = r"
spin_manifest_version = 2
";
    assert_snapshot!(refused(text), @r"spin.toml:1:1: application: this field is required; add it");
}

#[test]
fn no_name() {
    let text = r#"
spin_manifest_version = 2
[application]
version = "1.0.0"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:3:1: application.name: this field is required; add it");
}

#[test]
fn an_empty_name() {
    let text = r#"
spin_manifest_version = 2
[application]
name = " "
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:8: application.name: this must not be empty; write a value or leave the field out");
}

#[test]
fn an_unknown_table() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
[components.d]
source = "d.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:2: components: Selvage does not know this field; known here: `spin_manifest_version`, `application`, `variables`, `component`, `trigger`");
}

#[test]
fn an_unknown_field_of_the_application() {
    let text = r#"
spin_manifest_version = 2
[application]
name = "x"
license = "MIT"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:1: application.license: Selvage does not know this field; known here: `name`, `version`, `description`, `authors`, `trigger`, `targets`, `tool`");
}

#[test]
fn authors_of_the_wrong_type() {
    let text = r#"
spin_manifest_version = 2
[application]
name = "x"
authors = ["a", 2]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:17: application.authors[1]: expected a string, found an integer");
}

#[test]
fn a_base_path() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
application.trigger.http.base = "/api"
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:33: application.trigger.http.base: a base path is not supported; write it in front of each trigger's `route`");
}

#[test]
fn settings_of_ours_for_the_application() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
application.tool.selvage.memory = 1
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:26: application.tool.selvage.memory: Selvage has no settings for the whole application; set them under [component.<id>.tool.selvage]");
}

#[test]
fn a_variable_with_capital_letters() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
Key = { default = "" }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:1: variables.Key: `Key` is not a valid name because it has capital letters; join words that start with a letter by `_`");
}

#[test]
fn a_variable_with_a_hyphen() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
api-key = { default = "" }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:1: variables.api-key: `api-key` is not a valid name because it contains `-`; join words that start with a letter by `_`");
}

#[test]
fn a_variable_without_a_value() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
key = { secret = true }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:5:7: variables.key: a variable needs a value; write `default = "…"` or `required = true`"#);
}

#[test]
fn a_required_variable_with_a_default() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
key = { required = true, default = "hunter2" }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:7: variables.key: a required variable has no use for a default; remove `default` or `required`");
}

#[test]
fn an_unknown_field_of_a_variable() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
key = { default = "", sensitive = true }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:23: variables.key.sensitive: Selvage does not know this field; known here: `default`, `required`, `secret`, `description`");
}

#[test]
fn a_default_that_is_no_string() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[variables]
key = { default = 3 }
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:19: variables.key.default: expected a string, found an integer");
}
