//! Manifests that are refused for a trigger, each with its message.

#![expect(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::Path;

use insta::assert_snapshot;
use manifest::Manifest;

/// The error of `text`. A text that is accepted fails the test.
fn refused(text: &str) -> String {
    Manifest::parse(Path::new("spin.toml"), text).expect_err("the text must be refused").to_string()
}

#[test]
fn no_trigger() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:1:1: trigger: this field is required; add it");
}

#[test]
fn an_empty_list_of_triggers() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
trigger.http = []
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:1: trigger: the application has no trigger and could answer nothing; add a [[trigger.http]]");
}

#[test]
fn a_trigger_of_another_type() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.redis]]
channel = "x"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:11: trigger.redis: Selvage serves HTTP triggers only; remove the `redis` triggers");
}

#[test]
fn a_trigger_without_a_route() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:1: trigger.http[0].route: this field is required; add it");
}

#[test]
fn a_trigger_without_a_target() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:4:1: trigger.http[0]: a trigger needs a `component` or a `static_response`; add one of them");
}

#[test]
fn a_trigger_with_two_targets() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x"
component = "c"
static_response = { body = "x" }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:19: trigger.http[0].static_response: a trigger has either a `component` or a `static_response`; remove one of them");
}

#[test]
fn a_trigger_for_an_unknown_component() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x"
component = "d"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:13: trigger.http[0].component: there is no component `d`; add [component.d] or name one of `c`");
}

#[test]
fn a_trigger_for_a_bad_id() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x"
component = "my_component"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:13: trigger.http[0].component: `my_component` is not a valid name because it contains `_`; join words that start with a letter by `-`");
}

#[test]
fn a_duplicate_route() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x/:a"
component = "c"
[[trigger.http]]
route = "/x/:b/"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:8:9: trigger.http[1].route: the route `/x/:a` of another trigger matches the same paths; remove one");
}

#[test]
fn an_overlap_of_two_components() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/x/..."
component = "c"
[[trigger.http]]
route = "/x/:id/y"
component = "d"
[component.c]
source = "c.wasm"
[component.d]
source = "d.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:8:9: trigger.http[1].route: the route `/x/:id/y` of component `d` and the route `/x/...` of component `c` both match `/x/x/y`; write the routes of component `c` out one by one instead of `/x/...`");
}

#[test]
fn a_duplicate_trigger_id() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
id = "a"
route = "/x"
component = "c"
[[trigger.http]]
id = "a"
route = "/y"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:9:6: trigger.http[1].id: another trigger has the id `a`; give each its own");
}

#[test]
fn a_wildcard_in_the_middle() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/a/.../b"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:9: trigger.http[0].route: `...` and `*` stand for the rest of the path; write them alone and last, as in `/files/...`");
}

#[test]
fn a_route_with_a_query() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/a?b"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:9: trigger.http[0].route: a route cannot contain `?`; write it percent-encoded, the way a path arrives");
}

#[test]
fn a_nameless_parameter() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/a/:"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:9: trigger.http[0].route: `:` needs a name of letters, digits, `-` and `_`; write `/:name`");
}

#[test]
fn a_reserved_route() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/.well-known/spin/health"
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:9: trigger.http[0].route: paths under /.well-known/spin/ belong to the host; choose another route");
}

#[test]
fn a_route_that_is_not_private() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = { private = false }
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:21: trigger.http[0].route.private: this can only be `true`; for a public route write its path as a string");
}

#[test]
fn a_route_of_the_wrong_type() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = 5
component = "c"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:5:9: trigger.http[0].route: expected a string, found an integer");
}

#[test]
fn an_unknown_field_of_a_trigger() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
method = "GET"
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:1: trigger.http[0].method: Selvage does not know this field; known here: `id`, `route`, `component`, `static_response`, `dependencies`, `executor`, `components`");
}

#[test]
fn a_wagi_executor() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
executor = { type = "wagi" }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:7:21: trigger.http[0].executor.type: Selvage has no executor `wagi`; build the component for wasi:http and write `{ type = "http" }`"#);
}

#[test]
fn an_impossible_status() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
static_response = { status_code = 99 }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:35: trigger.http[0].static_response.status_code: this is not the status of a response; write an integer from 200 to 599");
}

#[test]
fn a_bad_header_name() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
static_response = { headers = { "a b" = "c" } }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:6:33: trigger.http[0].static_response.headers."a b": this is not the name of an HTTP header; correct it"#);
}

#[test]
fn a_header_value_with_a_line_break() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
static_response = { headers = { location = "a\r\nb" } }
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:44: trigger.http[0].static_response.headers.location: a header value cannot contain control characters; remove them");
}

#[test]
fn a_static_response_that_nobody_can_reach() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = { private = true }
static_response = {}
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:6:19: trigger.http[0].static_response: nobody can ask for a static response on a private route; give it a path");
}

#[test]
fn middleware_from_a_registry() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
dependencies.middleware = [{ package = "a:b", version = "1" }]
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r#"spin.toml:7:57: trigger.http[0].dependencies.middleware[0].version: Selvage does not fetch components from a registry or a URL; download the file and write `{ path = "file.wasm" }`"#);
}

#[test]
fn an_unknown_kind_of_trigger_dependency() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
dependencies.filters = []
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:14: trigger.http[0].dependencies.filters: Selvage does not know this field; known here: `middleware`");
}

#[test]
fn middleware_that_does_not_exist() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
dependencies.middleware = [{ component = "log" }]
[component.c]
source = "c.wasm"
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:28: trigger.http[0].dependencies.middleware[0]: there is no component `log`; add [component.log] or name one of `c`");
}

#[test]
fn middleware_with_resources() {
    let text = r#"
spin_manifest_version = 2
application.name = "x"
[[trigger.http]]
route = "/"
component = "c"
dependencies.middleware = [{ component = "log" }]
[component.c]
source = "c.wasm"
[component.log]
source = "log.wasm"
key_value_stores = ["default"]
files = ["x"]
"#;
    assert_snapshot!(refused(text), @r"spin.toml:7:28: trigger.http[0].dependencies.middleware[0]: the component `log` has its own `files`, `key_value_stores`, which a dependency cannot have; remove them there");
}
