//! `selvage migrate`, on files and on a libSQL server.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use database::{Database, Statement};
use migrations::{Amount, MIGRATIONS, Migrations, schema_hash};
use support::{Outcome, Project, STATIC, files};
use testing::{HranaOptions, HranaServer};

fn newest() -> u32 {
    MIGRATIONS.last().unwrap().version
}

async fn hash_of(path: &Path) -> String {
    schema_hash(&Database::open(path).unwrap()).await.unwrap()
}

#[test]
fn a_database_that_is_none_is_refused() {
    let project = Project::new(STATIC);
    fs::write(project.path("text.db"), "This is no database, however long it may be. ".repeat(200))
        .unwrap();
    for action in ["up", "status", "history", "down"] {
        let error = project.run(&["migrate", action, "--database", "text.db"]).error();
        assert!(error.contains("database text.db cannot be"), "{error}");
        assert!(error.contains("does not start as an SQLite database"), "{error}");
    }
    let error = project.run(&["migrate", "up", "--database", "nowhere/a.db"]).error();
    assert!(error.contains("the directory of the database nowhere does not exist"), "{error}");
}

#[test]
fn a_url_is_refused_when_it_is_none_or_holds_a_token() {
    let project = Project::new(STATIC);
    for (url, words) in [
        ("postgres://h/d", "`postgres://` is not supported"),
        ("http://db.example.com", "would send the token unencrypted"),
        ("libsql://db.example.com?authToken=s3cret", "the token is a setting of its own"),
        ("libsql://user:s3cret@db.example.com", "the token is a setting of its own"),
    ] {
        let error = project.run(&["migrate", "status", "--database", url]).error();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_every_action() {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up"]).success();
    let database = Database::open(&project.path(".selvage/selvage.db")).unwrap();
    let insert = format!("INSERT INTO schema_migration VALUES ({}, 'later', 'c', 0)", newest() + 1);
    database.query(Statement::new(insert)).await.unwrap();
    let before = schema_hash(&database).await.unwrap();
    for action in [&["up"][..], &["down"], &["down", "--all"], &["status"]] {
        let error = project.run(&[&["migrate"], action].concat()).error();
        assert!(
            error.contains(&format!("the database has schema version {}", newest() + 1)),
            "{error}"
        );
    }
    assert_eq!(schema_hash(&database).await.unwrap(), before);
    // What can still be done is to look.
    let history = project.run(&["migrate", "history"]).success();
    assert!(history.contains("later") && history.contains("unknown here"), "{history}");
}

#[tokio::test]
async fn an_edited_migration_is_refused_until_it_is_stamped() {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up"]).success();
    let database = Database::open(&project.path(".selvage/selvage.db")).unwrap();
    let edit = "UPDATE schema_migration SET checksum = 'other' WHERE version = 1";
    database.query(Statement::new(edit)).await.unwrap();
    let error = project.run(&["migrate", "up"]).error();
    assert!(
        error.contains("migration 0001 was applied as") && error.contains("stamp VERSION"),
        "{error}"
    );
    assert!(project.run(&["migrate", "history"]).success().contains("edited since"));
    project.run(&["migrate", "stamp", &newest().to_string()]).success();
    project.run(&["migrate", "up"]).success();
}

#[tokio::test]
async fn up_down_up_leaves_the_same_schema() {
    let project = Project::new(STATIC);
    let path = project.path("a.db");
    let on_a = ["--database", "a.db"];
    let run =
        |arguments: &[&str]| project.run(&[&["migrate"], arguments, &on_a].concat()).success();

    let output = run(&["up", "1"]);
    assert!(output.starts_with(&format!("applied     0001  {}\n", MIGRATIONS[0].name)), "{output}");
    assert!(output.ends_with(&format!(
        "version     0001 of {:04}, {} pending\n",
        newest(),
        newest() - 1
    )));
    assert_eq!(run(&["up"]).matches("applied ").count(), MIGRATIONS.len() - 1);
    let full = hash_of(&path).await;
    assert_eq!(run(&["up"]).matches("applied ").count(), 0, "a second time there is nothing to do");

    assert_eq!(run(&["down"]).matches("taken back ").count(), 1);
    assert_eq!(run(&["down", "2"]).matches("taken back ").count(), 2);
    assert_eq!(run(&["down", "--all"]).matches("taken back ").count(), MIGRATIONS.len() - 3);
    assert_ne!(hash_of(&path).await, full);
    assert_eq!(hash_of(&path).await, hash_of(&project.path("empty.db")).await);

    run(&["up"]);
    assert_eq!(hash_of(&path).await, full);
    let status = run(&["status"]);
    assert!(
        status.contains(&format!("version     {0:04} of {0:04}, up to date", newest())),
        "{status}"
    );
}

#[test]
fn what_only_looks_writes_nothing() {
    let project = Project::new(STATIC);
    let status = project.run(&["migrate", "status"]).success();
    assert!(status.contains(".selvage/selvage.db (does not exist yet)"), "{status}");
    assert!(
        status.contains(&format!("version     0000 of {0:04}, {0} pending", newest())),
        "{status}"
    );
    let history = project.run(&["migrate", "history"]).success();
    assert_eq!(history.matches("pending").count(), MIGRATIONS.len(), "{history}");
    for action in ["up", "down"] {
        project.run(&["migrate", action, "--dry-run"]).success();
    }
    project.run(&["migrate", "stamp", "1", "--dry-run"]).success();
    project.run(&["migrate", "down", "--all"]).success();
    assert_eq!(files(&project.path("")), [project.path("spin.toml")]);
}

#[tokio::test]
async fn a_dry_run_is_the_sql_that_would_run() {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up", "1"]).success();
    let path = project.path(".selvage/selvage.db");
    let before = hash_of(&path).await;
    let plan = project.run(&["migrate", "up", "1", "--dry-run"]).success();
    let expected = MIGRATIONS[1].up.join(";\n") + ";\n";
    assert_eq!(
        plan,
        format!(
            "-- 0002 {} up, in one transaction with its record\n{expected}\n",
            MIGRATIONS[1].name
        )
    );
    let plan = project.run(&["migrate", "down", "--all", "--dry-run"]).success();
    assert!(plan.starts_with(&format!("-- 0001 {} down", MIGRATIONS[0].name)), "{plan}");
    assert_eq!(hash_of(&path).await, before);
}

#[test]
fn stamp_knows_the_versions() {
    let project = Project::new(STATIC);
    for arguments in [&["migrate", "stamp", "9999"][..], &["migrate", "stamp", "9999", "--dry-run"]]
    {
        let error = project.run(arguments).error();
        assert!(error.contains("there is no migration 9999"), "{error}");
    }
    let output = project.run(&["migrate", "stamp", "2"]).success();
    assert!(output.contains("version     0002 of"), "{output}");
}

#[test]
fn new_makes_the_next_pair_of_files() {
    let project = Project::new(STATIC);
    let error = project.run(&["migrate", "new", "thing_create"]).error();
    assert!(error.contains("there is no directory migrations here"), "{error}");
    fs::create_dir(project.path("migrations")).unwrap();
    for name in ["Thing", "a-b", "../a", "", "a b"] {
        let error = project.run(&["migrate", "new", name]).error();
        assert!(error.contains("is not a name for a migration"), "{error}");
    }
    let output = project.run(&["migrate", "new", "thing_create"]).success();
    assert_eq!(
        output,
        "migrations/0001_thing_create.up.sql\nmigrations/0001_thing_create.down.sql\n"
    );
    project.run(&["migrate", "new", "thing_drop", "--dry-run"]).success();
    let output = project.run(&["migrate", "new", "thing_drop"]).success();
    assert!(output.starts_with("migrations/0002_thing_drop.up.sql"), "{output}");
    assert_eq!(files(&project.path("migrations")).len(), 4);
}

#[test]
fn the_database_and_its_directory_are_the_owners_alone() {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up", "1"]).success();
    assert_eq!(project.mode(".selvage"), 0o700);
    assert_eq!(project.mode(".selvage/selvage.db"), 0o600);
}

/// A small generator (`SplitMix64`), so that a failing round can be run again with the printed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The schema hashes of a database with 0, 1, 2, … migrations.
async fn prefix_hashes() -> Vec<String> {
    let database = Database::in_memory().unwrap();
    let mut hashes = vec![schema_hash(&database).await.unwrap()];
    for _ in MIGRATIONS {
        Migrations::embedded().up(&database, Amount::Some(1), 0).await.unwrap();
        hashes.push(schema_hash(&database).await.unwrap());
    }
    hashes
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a seed may be given to run a failing round again")]
#[expect(clippy::print_stdout, reason = "the seed of a failing round has to be known")]
async fn kill_minus_nine_at_any_moment_converges() {
    const ROUNDS: u32 = 60;
    let seed = std::env::var("SELVAGE_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed =
        seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    println!("SELVAGE_TEST_SEED={seed}");
    let mut random = Random(seed);
    let hashes = prefix_hashes().await;
    let project = Project::new(STATIC);
    let path = project.path("a.db");
    // How long a run takes undisturbed, so that the kills fall all over it.
    let started = std::time::Instant::now();
    project.run(&["migrate", "up", "--database", "a.db"]).success();
    let whole = u64::try_from(started.elapsed().as_micros()).unwrap();

    let mut cut_short = 0;
    for round in 0..ROUNDS {
        let direction = if round % 2 == 0 { &["down", "--all"][..] } else { &["up"] };
        let mut command =
            project.selvage(&[&["migrate"], direction, &["--database", "a.db"]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(random.below(whole + whole / 4)));
        child.kill().unwrap();
        child.wait().unwrap();

        let database = Database::open(&path).unwrap();
        let status = Migrations::embedded().status(&database).await.unwrap();
        let hash = schema_hash(&database).await.unwrap();
        assert_eq!(
            hash, hashes[status.version as usize],
            "round {round}: schema and record disagree"
        );
        cut_short += u32::from(0 < status.version && status.version < newest());
    }
    println!("{cut_short} of {ROUNDS} runs ended between two migrations");
    project.run(&["migrate", "up", "--database", "a.db"]).success();
    assert_eq!(Some(&hash_of(&path).await), hashes.last());
    project.run(&["migrate", "down", "--all", "--database", "a.db"]).success();
    assert_eq!(Some(&hash_of(&path).await), hashes.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libsql_server_is_migrated_like_a_file() {
    let project = Project::new(STATIC);
    let options = HranaOptions {
        database: Some(project.path("server.db")),
        tokens: true,
        ..HranaOptions::default()
    };
    let server = HranaServer::start(options).await.unwrap();
    let url = server.url();
    let run = |arguments: &[&str], token: Option<String>| {
        let mut command =
            project.selvage(&[&["migrate"], arguments, &["--database", &url]].concat());
        if let Some(token) = token {
            command.env("SELVAGE_DATABASE_TOKEN", token);
        }
        Outcome::of(command.output().unwrap())
    };

    let error = run(&["up"], None).error();
    assert!(error.contains(&format!("the database {url} cannot be")), "{error}");
    let read_only = server.read_only_token().unwrap();
    let error = run(&["up"], Some(read_only.clone())).error();
    assert!(!error.contains(&read_only), "{error}");

    let token = server.token().unwrap();
    let up = run(&["up"], Some(token.clone())).success();
    assert_eq!(up.matches("applied ").count(), MIGRATIONS.len(), "{up}");
    let full = hash_of(&project.path("server.db")).await;
    assert_eq!(Some(&full), prefix_hashes().await.last(), "the same schema as in a file");
    assert!(run(&["history"], Some(token.clone())).success().contains(MIGRATIONS[0].name));
    run(&["down", "--all"], Some(token.clone())).success();
    assert_ne!(hash_of(&project.path("server.db")).await, full);
    run(&["up"], Some(token)).success();
    assert_eq!(hash_of(&project.path("server.db")).await, full);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_libsql_server_that_is_away_is_one_clear_sentence() {
    let project = Project::new(STATIC);
    let server = HranaServer::start(HranaOptions::default()).await.unwrap();
    let url = server.url();
    server.stop().await;
    let error = project.run(&["migrate", "status", "--database", &url]).error();
    assert!(error.contains("the database is unavailable"), "{error}");
    assert!(error.contains("; fix: check that it is a database and can be reached"), "{error}");
}
