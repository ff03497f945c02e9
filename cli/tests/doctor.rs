//! `selvage doctor`: one line for each finding, and what to do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use database::{Database, Statement};
use rustix::process::Signal;
use support::{Outcome, PRODUCT, Project, files};

/// The lines that report a problem.
fn problems(outcome: &Outcome) -> Vec<&str> {
    outcome.stdout.lines().filter(|line| line.starts_with("problem ")).collect()
}

/// Runs the doctor, which must find exactly one problem, with these words in it.
fn finds(project: &Project, words: &[&str]) {
    let outcome = project.run(&["doctor", "--listen", "127.0.0.1:0"]);
    let [problem] = problems(&outcome)[..] else { panic!("{outcome:?}") };
    for word in words {
        assert!(problem.contains(word), "{outcome:?}");
    }
    assert!(outcome.error().starts_with("error: 1 of "));
}

fn is_healthy(project: &Project) {
    let outcome = project.run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(problems(&outcome), [""; 0], "{outcome:?}");
    outcome.success();
}

#[test]
fn a_manifest_is_refused_with_its_place() {
    finds(&Project::new("spin_manifest_version = 3"), &["manifest", "spin.toml:1:25:"]);
}

#[test]
fn components_that_are_missing_or_old_are_found() {
    let manifest = format!(
        "{PRODUCT}\n[component.a]\nsource = \"a.wasm\"\n[component.a.build]\ncommand = \"true\"\n"
    );
    let project = Project::new(&manifest);
    finds(&project, &["component", "a.wasm is missing", "fix: run `selvage build`"]);
    fs::write(project.path("a.wasm"), "").unwrap();
    is_healthy(&project);
    fs::write(project.path("a.d"), "a.wasm: gone.rs\n").unwrap();
    finds(&project, &["a.wasm is older than gone.rs", "fix: run `selvage build`"]);
}

#[test]
fn state_that_others_can_touch_is_found() {
    let project = Project::new(PRODUCT);
    project.up(&[]).end(Signal::TERM);
    is_healthy(&project);
    let set = |name: &str, mode| {
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set(".selvage", 0o777);
    finds(&project, &["state", "fix: run `chmod 700 .selvage`"]);
    set(".selvage", 0o700);
    set(".selvage/master.key", 0o644);
    finds(&project, &["master key", "fix: run `chmod 600 .selvage/master.key`"]);
    set(".selvage/master.key", 0o600);
    fs::write(project.path(".selvage/master.key"), "change-me").unwrap();
    finds(&project, &["master key", "is not usable"]);
    fs::write(project.path(".selvage/master.key"), testing::OTHER_MASTER_KEY).unwrap();
    finds(&project, &["master key", "does not belong to the database"]);
}

#[tokio::test]
async fn a_database_with_something_wrong_is_found() {
    let project = Project::new(PRODUCT);
    project.up(&[]).end(Signal::TERM);
    let path = project.path(".selvage/selvage.db");
    let database = Database::open(&path).unwrap();
    let newer = migrations::MIGRATIONS.len() + 1;
    let insert = format!("INSERT INTO schema_migration VALUES ({newer}, 'later', 'c', 0)");
    database.query(Statement::new(insert)).await.unwrap();
    finds(&project, &["schema", &format!("the database has schema version {newer}"), "fix: "]);
    let delete = format!("DELETE FROM schema_migration WHERE version = {newer}");
    database.query(Statement::new(delete)).await.unwrap();
    is_healthy(&project);

    // Another program may have written without foreign keys.
    let orphan = "CREATE TABLE orphan (id INTEGER REFERENCES absent (id))";
    database.query(Statement::new(orphan)).await.unwrap();
    drop(database);
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO orphan VALUES (1)").unwrap();
    drop(writer);
    finds(
        &project,
        &["database", "a row of orphan refers to a row of absent", "fix: restore a backup"],
    );

    fs::write(&path, "no database at all ".repeat(500)).unwrap();
    finds(&project, &["database", "does not start as an SQLite database", "fix: "]);
}

#[test]
fn a_taken_address_is_found_unless_the_own_server_has_it() {
    let project = Project::new(PRODUCT);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = project.run(&["doctor", "--listen", &address]);
    assert_eq!(problems(&outcome).len(), 1, "{outcome:?}");
    assert!(problems(&outcome)[0].contains(&format!("cannot listen on {address}")), "{outcome:?}");
    outcome.error();

    let server = project.up(&[]);
    let outcome = project.run(&["doctor", "--listen", &server.address]);
    assert!(outcome.stdout.contains("a server is running"), "{outcome:?}");
    outcome.success();
}

#[test]
fn a_missing_toolchain_is_found() {
    let project = Project::new(PRODUCT);
    let mut command = project.selvage(&["doctor", "--listen", "127.0.0.1:0"]);
    let outcome = Outcome::of(command.env("PATH", project.path("")).output().unwrap());
    assert_eq!(problems(&outcome).len(), 2, "{outcome:?}");
    assert!(outcome.stdout.contains("rustc cannot be run; fix: install Rust with rustup"));
}

#[test]
fn it_changes_nothing() {
    let project = Project::new(PRODUCT);
    is_healthy(&project);
    assert_eq!(files(&project.path("")), [project.path("spin.toml")]);
}
