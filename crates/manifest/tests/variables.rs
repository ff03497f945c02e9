//! Values of variables: providers, their order, and what is never shown.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::collections::BTreeMap;
use std::env::VarError;
use std::path::{Path, PathBuf};

use manifest::{Manifest, Secret, Variables, VariablesError, VariablesProvider};

const MANIFEST: &str = r#"
spin_manifest_version = 2
application.name = "x"
trigger.http = [{ route = "/...", component = "c" }]
[variables]
host = { default = "default" }
master_key = { required = true, secret = true, description = "32 bytes, base64" }
other = { required = true }
[component.c]
source = "c.wasm"
[component.c.variables]
plain = "https://{{ host }}/{{host}}"
mixed = "{{ host }}:{{ master_key }}"
fixed = "fixed"
"#;

fn manifest() -> Manifest {
    Manifest::parse(Path::new("spin.toml"), MANIFEST).unwrap()
}

fn env(prefix: Option<&str>, dotenv_path: Option<PathBuf>) -> VariablesProvider {
    VariablesProvider::Env { prefix: prefix.map(str::to_owned), dotenv_path }
}

fn fixed(values: &[(&str, &str)]) -> VariablesProvider {
    let secret = |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new(*value));
    VariablesProvider::Static { values: values.iter().map(secret).collect() }
}

fn resolve(
    providers: &[VariablesProvider],
    overrides: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> Result<Variables, VariablesError> {
    let overrides: BTreeMap<String, String> =
        overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment: BTreeMap<&str, &str> = environment.iter().copied().collect();
    Variables::resolve_with(&manifest(), providers, &overrides, |name| {
        environment.get(name).map(|value| (*value).to_owned()).ok_or(VarError::NotPresent)
    })
}

const REQUIRED: [(&str, &str); 2] = [("master_key", "k"), ("other", "o")];

#[test]
fn missing_variables_are_listed_together() {
    let error = resolve(&[env(None, None)], &[], &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "these required variables have no value: `master_key` (32 bytes, base64), set SPIN_VARIABLE_MASTER_KEY; \
         `other`, set SPIN_VARIABLE_OTHER"
    );
    let error = resolve(&[], &[("other", "x")], &[]).unwrap_err().to_string();
    assert_eq!(error, "these required variables have no value: `master_key` (32 bytes, base64)");
}

#[test]
fn an_override_that_is_not_declared_is_refused() {
    let error = resolve(&[fixed(&REQUIRED)], &[("hots", "x")], &[]).unwrap_err();
    assert_eq!(error, VariablesError::Undeclared("hots".to_owned()));
}

#[test]
fn the_first_source_that_has_a_value_wins() {
    let host = |providers: &[VariablesProvider], overrides: &[(&str, &str)]| {
        let environment = [("SPIN_VARIABLE_HOST", "env"), ("MINE_HOST", "mine"), ("HOST", "no")];
        let mut providers = providers.to_vec();
        providers.push(fixed(&REQUIRED));
        let variables = resolve(&providers, overrides, &environment).unwrap();
        variables.get("host").unwrap().as_str().to_owned()
    };
    let table = || fixed(&[("host", "table")]);
    assert_eq!(host(&[], &[]), "default");
    assert_eq!(host(&[env(None, None)], &[]), "env");
    assert_eq!(host(&[env(Some("MINE"), None), env(None, None)], &[]), "mine");
    assert_eq!(host(&[env(Some("NONE"), None), table()], &[]), "table");
    assert_eq!(host(&[table(), env(None, None)], &[]), "table");
    assert_eq!(host(&[env(None, None), table()], &[]), "env");
    assert_eq!(host(&[table(), env(None, None)], &[("host", "override")]), "override");
    assert_eq!(host(&[fixed(&[("host", "")])], &[]), "");
}

#[test]
fn the_dotenv_file_comes_after_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".env");
    std::fs::write(
        &path,
        "# comment\nSPIN_VARIABLE_HOST=file\nSPIN_VARIABLE_HOST=second\nexport SPIN_VARIABLE_OTHER='a b'\nSPIN_VARIABLE_MASTER_KEY=\"q=\"\n",
    )
    .unwrap();
    let providers = [env(None, Some(path.clone()))];
    let variables = resolve(&providers, &[], &[]).unwrap();
    let value = |variables: &Variables, name| variables.get(name).unwrap().as_str().to_owned();
    assert_eq!(value(&variables, "host"), "file");
    assert_eq!(value(&variables, "other"), "a b");
    assert_eq!(value(&variables, "master_key"), "q=");
    let variables = resolve(&providers, &[], &[("SPIN_VARIABLE_HOST", "env")]).unwrap();
    assert_eq!(value(&variables, "host"), "env");

    let absent = [env(None, Some(folder.path().join("absent"))), fixed(&REQUIRED)];
    assert_eq!(value(&resolve(&absent, &[], &[]).unwrap(), "host"), "default");

    std::fs::write(&path, "A=1\nhunter2 is no entry\n").unwrap();
    let error = resolve(&providers, &[], &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("{}: entry 2 is not of the form NAME=value; correct the file", path.display())
    );
}

#[test]
fn a_value_that_is_not_text_is_refused_without_showing_it() {
    let error = Variables::resolve_with(&manifest(), &[env(None, None)], &BTreeMap::new(), |_| {
        Err(VarError::NotUnicode("hunter2".into()))
    });
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "the environment variable SPIN_VARIABLE_HOST is not valid UTF-8; correct its value"
    );
}

#[test]
fn a_component_gets_its_templates_filled_in() {
    let variables = resolve(
        &[fixed(&[("host", "{{ other }}"), ("master_key", "hunter2"), ("other", "o")])],
        &[],
        &[],
    )
    .unwrap();
    let values = variables.for_component(&manifest().components["c"]);
    let shown: Vec<(&str, &str, bool)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str(), value.is_secret()))
        .collect();
    assert_eq!(
        shown,
        [
            ("fixed", "fixed", false),
            // A value is inserted as it is: braces in it open nothing.
            ("mixed", "{{ other }}:hunter2", true),
            ("plain", "https://{{ other }}/{{ other }}", false),
        ]
    );
}

#[test]
fn secrets_are_not_shown() {
    let providers = [fixed(&[("host", "visible"), ("master_key", "hunter2"), ("other", "o")])];
    let variables = resolve(&providers, &[], &[]).unwrap();
    let values = variables.for_component(&manifest().components["c"]);
    let shown = format!("{providers:?} {variables:?} {values:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("visible") && shown.contains("[redacted]"), "{shown}");
}
