//! Manifests that are accepted, and what is read from them.

#![expect(clippy::panic, reason = "a failed expectation is a failed test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use manifest::{
    Build, Dependency, HttpTrigger, Inherit, Manifest, Mount, Route, RuntimeConfig, Target,
};

const MAXIMAL: &str = r#"
spin_manifest_version = 2

[application]
name = "maximal"
version = "1.2.3"
description = "everything"
authors = ["alice@example.com"]
targets = ["spin-up:4.1", { url = "https://example.com/e.toml" }, { path = "e.toml" }]
[application.trigger.http]
base = "/"
[application.tool.lint]
level = "savage"

[variables]
host = { default = "api.example.com", description = "the API" }
key = { required = true, secret = true }

[[trigger.http]]
route = "/api/:id/..."
component = "api"
executor = { type = "http" }
dependencies.middleware = [
    { component = "log", inherit_configuration = ["variables"] },
    { path = "mw/auth.wasm", inherit_configuration = true },
]

[[trigger.http]]
id = "internal"
route = { private = true }
component = "internal"

[[trigger.http]]
route = "/robots.txt"
static_response = { headers = { content-type = "text/plain" }, body = "no" }

[[trigger.http]]
route = "/other"
component = { source = "inline.wasm" }

[[trigger.http]]
route = "/again"
component = "api"

[component.api]
source = "target/api.wasm"
description = "the API"
allowed_outbound_hosts = ["https://{{ host }}:443", "http://internal.spin.internal", "http://self"]
key_value_stores = ["default", "my-store"]
sqlite_databases = ["default", "my_db"]
ai_models = []
variables = { token = "Bearer {{ key }}" }
environment = { MODE = "fast" }
files = ["assets/**/*", { source = "static", destination = "public" }]
exclude_files = ["**/*.map"]
targets = ["spin-up"]
dependencies_inherit_configuration = false
[component.api.build]
command = ["make clean", "make"]
workdir = "api"
watch = ["src/**/*.rs"]
[component.api.dependencies]
"a:b/c@0.1.0" = { path = "lib.wasm", export = "d" }
plain = { component = "log" }
[component.api.tool.selvage]
reuse_count = 64
reuse_concurrency = 4
idle_instance_timeout = "500ms"
request_timeout = "30s"
background_timeout = "2m"
cpu_time = "1s"
memory = "128MiB"
max_request_body = 1_000_000
max_concurrent_requests = 100
[component.api.tool.other]
anything = [1, 2]
[component.api.profile.debug]
source = "debug/api.wasm"
environment = { MODE = "slow", TRACE = "1" }
dependencies = { plain = { path = "debug.wasm" } }
build = { command = "make debug" }

[component.internal]
source = "internal.wasm"
build.command = "cargo build"

[component.log]
source = "log.wasm"
"#;

fn maximal() -> Manifest {
    Manifest::parse(Path::new("app/spin.toml"), MAXIMAL).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_application_and_its_variables_are_read() {
    let manifest = maximal();
    assert_eq!(manifest.root, Path::new("app"));
    assert_eq!(manifest.application.name, "maximal");
    assert_eq!(manifest.application.version.as_deref(), Some("1.2.3"));
    assert_eq!(manifest.application.authors, ["alice@example.com"]);
    assert_eq!(manifest.variables["host"].default.as_deref(), Some("api.example.com"));
    assert!(manifest.variables["key"].required && manifest.variables["key"].secret);
    assert_eq!(Manifest::parse(Path::new("spin.toml"), MAXIMAL).unwrap().root, Path::new("."));
}

#[test]
fn triggers_get_the_ids_that_spin_gives_them() {
    let manifest = maximal();
    let ids: Vec<&str> = manifest.triggers.iter().map(|trigger| trigger.id.as_str()).collect();
    assert_eq!(
        ids,
        ["api-http-trigger", "internal", "http-trigger1", "http-trigger2", "http-trigger3"]
    );
    let components: Vec<&str> = manifest.components.keys().map(String::as_str).collect();
    assert_eq!(components, ["api", "http-trigger2-component", "internal", "log"]);
    assert_eq!(manifest.components["http-trigger2-component"].source, Path::new("app/inline.wasm"));
}

#[test]
fn targets_and_middleware_are_read_from_the_outside_in() {
    let manifest = maximal();
    let Target::Component { id, middleware } = &manifest.triggers[0].target else {
        panic!("the first trigger runs a component");
    };
    assert_eq!(id, "api");
    let parts: Vec<(&Path, Option<&str>, &Inherit)> = middleware
        .iter()
        .map(|Dependency { path, component, inherit, .. }| {
            (path.as_path(), component.as_deref(), inherit)
        })
        .collect();
    let variables = Inherit::Some(vec!["variables".to_owned()]);
    assert_eq!(
        parts,
        [
            (Path::new("app/log.wasm"), Some("log"), &variables),
            (Path::new("app/mw/auth.wasm"), None, &Inherit::All),
        ]
    );
    assert_eq!(manifest.triggers[1].route, Route::Private);
    let HttpTrigger { route, target: Target::StaticResponse(response), .. } = &manifest.triggers[2]
    else {
        panic!("the third trigger is a static response");
    };
    assert_eq!(route, &Route::Public("/robots.txt".to_owned()));
    assert_eq!((response.status_code, response.body.as_deref()), (200, Some("no")));
    assert_eq!(response.headers["content-type"], "text/plain");
}

#[test]
fn a_component_is_read_with_its_grants() {
    let api = &maximal().components["api"];
    assert_eq!(api.source, Path::new("app/target/api.wasm"));
    let hosts: Vec<String> = api.allowed_outbound_hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["https://{{ host }}:443", "http://internal.spin.internal", "http://self"]);
    assert_eq!(api.key_value_stores, ["default", "my-store"]);
    assert_eq!(api.sqlite_databases, ["default", "my_db"]);
    assert_eq!(api.variables["token"].to_string(), "Bearer {{ key }}");
    assert_eq!(api.environment["MODE"], "fast");
    let mount = |source: &str, destination: Option<&str>| Mount {
        source: source.to_owned(),
        destination: destination.map(str::to_owned),
    };
    assert_eq!(api.files, [mount("assets/**/*", None), mount("static", Some("/public"))]);
    assert_eq!(
        api.build,
        Some(Build {
            command: vec!["make clean".to_owned(), "make".to_owned()],
            workdir: Some(PathBuf::from("app/api")),
            watch: vec!["src/**/*.rs".to_owned()],
        })
    );
    let library = &api.dependencies["a:b/c@0.1.0"];
    assert_eq!(
        (library.path.as_path(), library.export.as_deref()),
        (Path::new("app/lib.wasm"), Some("d"))
    );
    assert_eq!(library.inherit, Inherit::Nothing);
    assert_eq!(api.dependencies["plain"].path, Path::new("app/log.wasm"));
}

#[test]
fn our_settings_are_read_and_those_of_others_left_alone() {
    let manifest = maximal();
    let tool = &manifest.components["api"].tool;
    assert_eq!((tool.reuse_count, tool.reuse_concurrency), (Some(64), Some(4)));
    assert_eq!(tool.idle_instance_timeout, Some(Duration::from_millis(500)));
    assert_eq!(tool.request_timeout, Some(Duration::from_secs(30)));
    assert_eq!(tool.background_timeout, Some(Duration::from_mins(2)));
    assert_eq!(tool.cpu_time, Some(Duration::from_secs(1)));
    assert_eq!((tool.memory, tool.max_request_body), (Some(128 << 20), Some(1_000_000)));
    assert_eq!(tool.max_concurrent_requests, Some(100));
    assert_eq!(manifest.components["log"].tool, manifest::Tool::default());
}

#[test]
fn a_profile_overrides_and_an_unknown_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, MAXIMAL).unwrap();
    let manifest = Manifest::load_with_profile(&path, Some("debug")).unwrap();
    let api = &manifest.components["api"];
    assert_eq!(api.source, folder.path().join("debug/api.wasm"));
    assert_eq!(
        (api.environment["MODE"].as_str(), api.environment["TRACE"].as_str()),
        ("slow", "1")
    );
    assert_eq!(api.dependencies["plain"].path, folder.path().join("debug.wasm"));
    assert_eq!(api.dependencies.len(), 2);
    assert_eq!(api.build.as_ref().unwrap().command, ["make debug"]);
    assert_eq!(api.build.as_ref().unwrap().workdir, Some(folder.path().join("api")));
    assert_eq!(
        manifest.components["internal"],
        Manifest::load(&path).unwrap().components["internal"]
    );

    let error = Manifest::load_with_profile(&path, Some("deugb")).unwrap_err();
    assert_eq!(
        error.problem,
        "no component has the profile `deugb`; add [component.<id>.profile.deugb] or choose another"
    );
}

#[test]
fn a_missing_manifest_is_named() {
    let error = Manifest::load(Path::new("nowhere/spin.toml")).unwrap_err();
    assert_eq!((error.position, error.field.as_str()), (None, ""));
    let text = error.to_string();
    assert!(text.starts_with("nowhere/spin.toml: the file cannot be read ("), "{text}");
    assert!(text.ends_with("); name an existing TOML file"), "{text}");
}

#[test]
fn missing_files_are_found_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spin.toml");
    std::fs::write(&path, MAXIMAL).unwrap();
    let manifest = Manifest::load(&path).unwrap();
    let problem = |field: &str| {
        let error = manifest.check_sources().unwrap_err();
        assert_eq!(error.field, field);
        assert!(error.position.is_some(), "{error}");
        error.problem.rsplit("; ").next().unwrap().to_owned()
    };
    let make = |file: &str| {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    };
    assert_eq!(problem("component.api.source"), "run `selvage build`");
    make("target/api.wasm");
    assert_eq!(problem("trigger.http[3].component.source"), "put it there or correct the path");
    make("inline.wasm");
    assert_eq!(problem("component.internal.source"), "run `selvage build`");
    make("internal.wasm");
    make("log.wasm");
    assert_eq!(
        problem("component.api.dependencies.\"a:b/c@0.1.0\""),
        "build it or correct the path"
    );
    make("lib.wasm");
    assert_eq!(
        problem("trigger.http[0].dependencies.middleware[1]"),
        "build it or correct the path"
    );
    make("mw/auth.wasm");
    assert_eq!(manifest.check_sources(), Ok(()));
}

#[test]
fn labels_that_are_not_configured_are_refused_at_their_place() {
    let manifest = maximal();
    let check = |config: &str| {
        let config = RuntimeConfig::parse(Path::new("rc.toml"), config).unwrap();
        let config = config.with_defaults(Path::new(".selvage"));
        manifest.check_labels(&config).map_err(|error| error.to_string())
    };
    assert_eq!(
        check("sqlite_database.my_db.type = \"spin\""),
        Err("app/spin.toml:49:32: component.api.key_value_stores[1]: `my-store` is not configured; add [key_value_store.my-store] to the runtime configuration".to_owned())
    );
    assert_eq!(
        check("key_value_store.my-store.type = \"spin\""),
        Err("app/spin.toml:50:32: component.api.sqlite_databases[1]: `my_db` is not configured; add [sqlite_database.my_db] to the runtime configuration".to_owned())
    );
    assert_eq!(
        check("sqlite_database.my_db.type = \"spin\"\nkey_value_store.my-store.type = \"spin\""),
        Ok(())
    );
}

#[test]
fn a_secret_default_is_not_shown() {
    let text = MAXIMAL.replace("key = { required = true,", "key = { default = \"hunter2\",");
    let manifest = Manifest::parse(Path::new("spin.toml"), &text).unwrap();
    assert_eq!(manifest.variables["key"].default.as_deref(), Some("hunter2"));
    let shown = format!("{manifest:?}");
    assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
}
