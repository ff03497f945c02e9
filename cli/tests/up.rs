//! `selvage up`: what it refuses, what it makes, how it ends.
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
use support::{PRODUCT, Project, STATIC, files};

const KEY: &str = testing::MASTER_KEY;
const OTHER_KEY: &str = testing::OTHER_MASTER_KEY;

/// A manifest with one component whose build command leaves a trace.
fn with_component() -> String {
    let mut manifest = STATIC.to_owned();
    manifest.push_str(
        "
[[trigger.http]]
route = \"/a\"
component = \"a\"
[component.a]
source = \"a.wasm\"
[component.a.build]
command = \"touch built\"
",
    );
    manifest
}

#[test]
fn a_malformed_manifest_is_refused_with_its_place() {
    let project = Project::new(&STATIC.replace("[application]", "[application]\nversoin = \"1\""));
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.starts_with("error: spin.toml:4:1: application.versoin: "), "{error}");
    assert_eq!(files(&project.path("")), [project.path("spin.toml")]);

    let missing = project.run(&["up", "--from", "nothing.toml"]).error();
    assert!(missing.contains("nothing.toml"), "{missing}");
}

#[test]
fn a_malformed_runtime_configuration_is_refused_with_its_place() {
    let project = Project::new(STATIC);
    fs::write(project.path("runtime.toml"), "[sqlite_database.default]\ntype = \"postgres\"\n")
        .unwrap();
    let error = project.run(&["up", "--runtime-config", "runtime.toml"]).error();
    assert!(
        error.starts_with("error: runtime.toml:2:8: sqlite_database.default.type: "),
        "{error}"
    );
    assert!(!project.path(".selvage").exists());
}

#[test]
fn an_address_in_use_is_refused_before_anything_is_built() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let project = Project::new(&with_component());
    for option in ["--listen", "--admin-listen"] {
        let free = if option == "--listen" { "--admin-listen" } else { "--listen" };
        let error = project.run(&["up", option, &address, free, "127.0.0.1:0"]).error();
        assert!(error.contains(&format!("cannot listen on {address}")), "{error}");
        assert!(error.contains("choose another address"), "{error}");
    }
    assert!(!project.path("built").exists());
    assert!(!project.path(".selvage/selvage.db").exists());
}

#[test]
fn a_state_directory_that_cannot_be_made_is_refused_before_anything_is_built() {
    let project = Project::new(&with_component());
    fs::write(project.path("file"), "").unwrap();
    for state in ["file", "file/below"] {
        let error = project.run(&["up", "--state-dir", state]).error();
        assert!(error.contains(&format!("the state directory {state} cannot be used")), "{error}");
        assert!(error.contains("--state-dir"), "{error}");
    }
    assert!(!project.path("built").exists());
}

#[test]
fn a_state_directory_that_others_can_write_is_refused() {
    let project = Project::new(STATIC);
    fs::create_dir(project.path("open")).unwrap();
    fs::set_permissions(project.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let error = project.run(&["up", "--state-dir", "open", "--listen", "127.0.0.1:0"]).error();
    assert!(error.ends_with("fix: run `chmod 700 open`"), "{error}");
}

#[test]
fn two_servers_do_not_share_a_state_directory() {
    let project = Project::new(STATIC);
    let server = project.up(&[]);
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("another selvage serves from the state directory .selvage"), "{error}");
    // The lock goes with the process, however it ends.
    server.end(Signal::KILL);
    project.up(&[]).end(Signal::TERM);
}

#[test]
fn missing_wasm_is_refused() {
    let project = Project::new(&with_component());
    let error = project.run(&["up", "--no-build", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("a.wasm") && error.contains("selvage build"), "{error}");
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("a.wasm") && error.contains("is not there"), "{error}");
}

#[test]
fn wasm_that_is_none_is_refused() {
    let project = Project::new(&with_component());
    fs::write(project.path("a.wasm"), "not wasm").unwrap();
    let error = project.run(&["up", "--no-build", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("component a does not compile"), "{error}");
    assert!(error.contains("build the components again"), "{error}");
}

#[test]
fn missing_variables_are_refused_together() {
    let manifest = PRODUCT.replace(
        "[variables]",
        "[variables]\nfirst = { required = true }\nsecond = { required = true }",
    );
    let project = Project::new(&manifest);
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(
        error.contains("SPIN_VARIABLE_FIRST") && error.contains("SPIN_VARIABLE_SECOND"),
        "{error}"
    );
    assert!(!error.contains("MASTER_KEY"), "the first run makes it: {error}");
    assert!(!project.path(".selvage/master.key").exists());
}

#[test]
fn a_master_key_that_is_none_is_refused_without_being_quoted() {
    let project = Project::new(PRODUCT);
    for key in ["", "change-me", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "c2hvcnQ="] {
        let mut command = project.selvage(&["up", "--listen", "127.0.0.1:0"]);
        let output = command.env("SPIN_VARIABLE_MASTER_KEY", key).output().unwrap();
        let error = support::Outcome::of(output).error();
        assert!(
            error.contains("the master key in the variable master_key is not usable"),
            "{error}"
        );
        assert!(key.is_empty() || !error.contains(key), "{error}");
    }
    assert!(!project.path(".selvage/selvage.db").exists());
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let project = Project::new(PRODUCT);
    project.up(&[]).end(Signal::TERM);
    let path = project.path(".selvage/master.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.ends_with("fix: run `chmod 600 .selvage/master.key`"), "{error}");
}

#[test]
fn a_master_key_of_another_database_is_refused() {
    let project = Project::new(PRODUCT);
    project.up(&[]).end(Signal::TERM);
    let mut command = project.selvage(&["up", "--listen", "127.0.0.1:0"]);
    let output = command.env("SPIN_VARIABLE_MASTER_KEY", OTHER_KEY).output().unwrap();
    let error = support::Outcome::of(output).error();
    assert!(
        error.contains("the master key does not belong to the database .selvage/selvage.db"),
        "{error}"
    );
    assert!(error.contains("; fix: restore the master key"), "{error}");

    // A lost key is not silently replaced by a new one.
    fs::remove_file(project.path(".selvage/master.key")).unwrap();
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains("the master key does not belong"), "{error}");
    assert!(!project.path(".selvage/master.key").exists());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let project = Project::new(PRODUCT);
    project.up(&[]).end(Signal::TERM);
    let newer = migrations::MIGRATIONS.len() + 1;
    let database = Database::open(&project.path(".selvage/selvage.db")).unwrap();
    let insert = format!("INSERT INTO schema_migration VALUES ({newer}, 'later', 'c', 0)");
    database.query(Statement::new(insert)).await.unwrap();
    drop(database);
    for auto_migrate in ["true", "false"] {
        let mut command = project.selvage(&["up", "--listen", "127.0.0.1:0"]);
        let output = command.env("SPIN_VARIABLE_AUTO_MIGRATE", auto_migrate).output().unwrap();
        let error = support::Outcome::of(output).error();
        assert!(error.contains(&format!("the database has schema version {newer}")), "{error}");
        assert!(error.contains("; fix: use the selvage that migrated it"), "{error}");
    }
}

#[test]
fn without_auto_migrate_an_older_database_is_refused_until_it_is_migrated() {
    let project = Project::new(&PRODUCT.replace("\"true\"", "\"false\""));
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.ends_with("fix: run `selvage migrate up`"), "{error}");
    assert!(!project.path(".selvage/master.key").exists());
    project.run(&["migrate", "up"]).success();
    project.up(&[]).end(Signal::TERM);
}

#[test]
fn a_variable_with_another_value_than_it_can_have_is_refused() {
    let project = Project::new(&PRODUCT.replace("\"true\"", "\"maybe\""));
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(
        error.ends_with("the variable auto_migrate is \"maybe\"; fix: set it to true or false"),
        "{error}"
    );
}

#[test]
fn the_first_run_makes_state_that_is_the_owners_alone() {
    let project = Project::new(PRODUCT);
    let server = project.up(&["--state-dir", "deep/state"]);
    assert!(server.get("/").ends_with("served"));
    assert_eq!(project.mode("deep/state"), 0o700);
    assert_eq!(project.mode("deep/state/master.key"), 0o600);
    assert_eq!(project.mode("deep/state/selvage.db"), 0o600);
    let key = fs::read_to_string(project.path("deep/state/master.key")).unwrap();
    key.parse::<keyring::Keyring>().unwrap();
    let (status, rest) = server.end(Signal::INT);
    assert_eq!(status.code(), Some(0));
    assert_eq!(rest, "", "standard output holds the one line");

    let server = project.up(&["--state-dir", "deep/state"]);
    assert_eq!(fs::read_to_string(project.path("deep/state/master.key")).unwrap(), key);
    assert_eq!(server.end(Signal::TERM).0.code(), Some(0));
}

#[test]
fn a_key_from_the_environment_leaves_no_file() {
    let project = Project::new(PRODUCT);
    let mut command = project.selvage(&["up", "--listen", "127.0.0.1:0"]);
    support::Server::start(command.env("SPIN_VARIABLE_MASTER_KEY", KEY)).end(Signal::TERM);
    assert!(!project.path(".selvage/master.key").exists());
    assert!(project.path(".selvage/selvage.db").exists());
}

#[test]
fn without_a_subcommand_it_is_up() {
    let project = Project::new(STATIC);
    let mut command = project.selvage(&["--listen", "127.0.0.1:0"]);
    let server = support::Server::start(&mut command);
    assert!(server.get("/x").starts_with("HTTP/1.1 200"));
    assert_eq!(server.end(Signal::TERM).0.code(), Some(0));
}

#[test]
fn an_application_that_is_not_ours_gets_neither_key_nor_schema() {
    let project = Project::new(STATIC);
    project.up(&[]).end(Signal::TERM);
    assert!(!project.path(".selvage/master.key").exists());
    assert!(!project.path(".selvage/selvage.db").exists());
}

#[test]
fn allowed_origins_and_the_variable_for_them_exclude_each_other() {
    let manifest = STATIC.replace(
        "[[trigger.http]]",
        "[variables]\negress_allow = { default = \"\" }\n[[trigger.http]]",
    );
    let project = Project::new(&manifest);
    let arguments = ["up", "--listen", "127.0.0.1:0", "--allow-origin", "http://127.0.0.1:*"];
    support::Server::start(&mut project.selvage(&arguments)).end(Signal::TERM);

    let mut command = project.selvage(&arguments);
    let output = command.env("SPIN_VARIABLE_EGRESS_ALLOW", "http://10.0.0.1:80").output().unwrap();
    let error = support::Outcome::of(output).error();
    assert!(error.contains("the variable egress_allow is \"http://10.0.0.1:80\""), "{error}");

    let nonsense = project.run(&["up", "--allow-origin", "127.0.0.1"]);
    assert_eq!(nonsense.code, Some(2));
    assert!(nonsense.stderr.contains("is not an origin"), "{nonsense:?}");
}

/// What sealing secrets depends on, as the application of the repository declares it.
fn with_vault() -> String {
    PRODUCT.replace(
        "[variables]",
        "[variables]\nkms = { default = \"\", secret = true }\negress_allow = { default = \"\" }\negress_unverified = { default = \"\" }",
    )
}

#[test]
fn settings_of_the_vault_that_do_not_serve_are_refused_before_anything_is_made() {
    let project = Project::new(&with_vault());
    for (name, value, expected) in [
        ("KMS", "hunter2", "kms: it is no JSON array"),
        ("KMS", r#"[{"type":"hunter2"}]"#, "kms: "),
        ("KMS", r#"[{"type":"vault_transit","name":"hc","token":"hunter2"}]"#, "kms: "),
        (
            "KMS",
            r#"[{"type":"vault_transit","name":"hc","url":"http://127.0.0.1:8200","token":"hunter2","key":"k"}]"#,
            "kms: service hc: url: The URL must begin with https://.",
        ),
        ("EGRESS_ALLOW", "hunter2", "egress_allow: it is no list of origins"),
        (
            "MASTER_KEY",
            "c2hvcnQ=",
            "the master key in the variable master_key is not usable: key 1 has 5 bytes",
        ),
        (
            "MASTER_KEY",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "key 1 repeats itself or is an example",
        ),
    ] {
        let mut command = project.selvage(&["up", "--listen", "127.0.0.1:0"]);
        let command = command.env(format!("SPIN_VARIABLE_{name}"), value);
        let error = support::Outcome::of(command.output().unwrap()).error();
        assert!(error.contains(expected), "{name} {value}: {error}");
        assert!(error.contains("; fix: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert!(!project.path(".selvage/selvage.db").exists());
        assert!(!project.path(".selvage/master.key").exists());
    }
}

#[tokio::test]
async fn secrets_under_a_key_that_is_not_configured_or_was_retired_keep_it_from_serving() {
    let project = Project::new(&with_vault());
    project.up(&[]).end(Signal::TERM);
    let database = Database::open(&project.path(".selvage/selvage.db")).unwrap();
    let run = async |sql: &str| {
        database.query(Statement::new(sql.to_owned())).await.unwrap();
    };
    run("INSERT INTO kek (id, created_at) VALUES ('hc:1', 1)").await;
    project.up(&[]).end(Signal::TERM);
    run("INSERT INTO secret (id, kind, kek_id, wrapped_dek, sealed, created_at, updated_at) VALUES ('m', 'mcp_server', 'hc:1', x'00', x'00', 1, 1)").await;
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains(r#"the key "hc:1""#), "{error}");
    assert!(error.contains("; fix: check master_key and kms"), "{error}");
    run("DELETE FROM secret").await;
    run("INSERT INTO kek (id, created_at, retired_at) VALUES ('ring:1', 1, 2)").await;
    let error = project.run(&["up", "--listen", "127.0.0.1:0"]).error();
    assert!(error.contains(r#"the key "ring:1" was retired"#), "{error}");
    assert!(error.contains("; fix: give the new key an id of its own"), "{error}");
}

#[test]
fn origins_that_need_no_proof_are_named_in_one_way_and_over_tls() {
    let project = Project::new(&with_vault());
    let up = ["up", "--listen", "127.0.0.1:0", "--unverified-origin"];
    let arguments = [&up[..], &["https://lab.example:8443"]].concat();
    support::Server::start(&mut project.selvage(&arguments)).end(Signal::TERM);
    let mut command = project.selvage(&arguments);
    let command = command.env("SPIN_VARIABLE_EGRESS_UNVERIFIED", "https://other.example");
    let error = support::Outcome::of(command.output().unwrap()).error();
    assert!(error.contains("the variable egress_unverified is"), "{error}");
    let plain = project.run(&[&up[..], &["http://lab.example"]].concat()).error();
    assert!(
        plain.contains("the variable egress_unverified is \"http://lab.example:80\""),
        "{plain}"
    );
    assert!(plain.contains("; fix: set it to origins over TLS"), "{plain}");
}
