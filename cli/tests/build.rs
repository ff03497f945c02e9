//! `selvage build`: commands, targets, and what does not reach them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::fs;

use support::{Outcome, Project, STATIC};

/// Components `a` and `b` with this build command, making `a.wasm` and `b.wasm`.
fn manifest(command: &str) -> String {
    let component = |id: &str| {
        format!(
            "[component.{id}]\nsource = \"{id}.wasm\"\n[component.{id}.build]\ncommand = '''{command}'''\n"
        )
    };
    [STATIC, &component("a"), &component("b")].concat()
}

#[test]
fn a_malformed_manifest_is_refused() {
    let error = Project::new("spin_manifest_version = 3").run(&["build"]).error();
    assert!(error.starts_with("error: spin.toml:1:25: spin_manifest_version: "), "{error}");
}

#[test]
fn a_failing_command_is_named_and_its_output_shown() {
    let project = Project::new(&manifest("echo broken here >&2; exit 7"));
    let outcome = project.run(&["build"]);
    assert!(outcome.stderr.contains("broken here"), "{outcome:?}");
    let error = outcome.error();
    assert!(error.contains("of component a ended with exit status: 7"), "{error}");
}

#[test]
fn a_command_that_makes_nothing_is_refused() {
    let error = Project::new(&manifest("touch a.wasm")).run(&["build"]).error();
    assert!(error.contains("the component b was built, but ./b.wasm is not there"), "{error}");
}

#[test]
fn equal_commands_run_once_and_write_nothing_to_standard_output() {
    let project = Project::new(&manifest("echo run; echo run >> log; touch a.wasm b.wasm"));
    assert_eq!(project.run(&["build"]).success(), "");
    assert_eq!(fs::read_to_string(project.path("log")).unwrap(), "run\n");
}

#[test]
fn the_environment_of_an_outer_cargo_does_not_reach_the_command() {
    let project = Project::new(&manifest("env > env.txt; touch a.wasm b.wasm"));
    let mut command = project.selvage(&["build"]);
    for name in ["RUSTFLAGS", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "OUT_DIR"]
    {
        command.env(name, "leaked");
    }
    command.env("CARGO_HOME", project.path("kept")).env("RUSTUP_TOOLCHAIN", "kept");
    Outcome::of(command.output().unwrap()).success();
    let environment = fs::read_to_string(project.path("env.txt")).unwrap();
    assert!(!environment.contains("leaked"), "{environment}");
    assert!(environment.contains("RUSTUP_TOOLCHAIN=kept"), "{environment}");
    assert!(environment.contains("CARGO_HOME="), "{environment}");
}

#[test]
fn a_missing_target_without_rustup_is_refused() {
    let project = Project::new(&manifest("cargo build --target wasm32-wasip2 --release"));
    project.script("bin/rustc", "echo /nowhere/at/all");
    let mut command = project.selvage(&["build"]);
    let error = Outcome::of(command.env("PATH", project.path("bin")).output().unwrap()).error();
    assert!(
        error.starts_with("error: the WebAssembly target wasm32-wasip2 is not installed, and there is no rustup to add it; fix: "),
        "{error}"
    );
}

#[test]
fn a_missing_compiler_is_refused() {
    let project = Project::new(&manifest("cargo build --target wasm32-wasip2 --release"));
    fs::create_dir(project.path("bin")).unwrap();
    let mut command = project.selvage(&["build"]);
    let error = Outcome::of(command.env("PATH", project.path("bin")).output().unwrap()).error();
    assert!(error.starts_with("error: rustc cannot be started: "), "{error}");
}

#[test]
fn a_missing_target_is_added_through_rustup() {
    let project = Project::new(&manifest("true --target wasm32-wasip2; touch a.wasm b.wasm"));
    let root = project.path("").display().to_string();
    project.script("bin/rustc", &format!("echo {root}libdir"));
    project.script("bin/rustup", &format!("echo \"$@\" > {root}asked; /bin/mkdir -p {root}libdir"));
    let mut command = project.selvage(&["build"]);
    let path = format!("{root}bin:/usr/bin:/bin");
    Outcome::of(command.env("PATH", &path).output().unwrap()).success();
    assert_eq!(fs::read_to_string(project.path("asked")).unwrap(), "target add wasm32-wasip2\n");

    fs::remove_dir(project.path("libdir")).unwrap();
    project.script("bin/rustup", "echo no network >&2; exit 1");
    let outcome = Outcome::of(project.selvage(&["build"]).env("PATH", &path).output().unwrap());
    assert!(outcome.stderr.contains("no network"), "{outcome:?}");
    assert!(outcome.error().contains("rustup cannot add the WebAssembly target wasm32-wasip2"));
}
