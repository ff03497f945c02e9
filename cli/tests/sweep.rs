//! `selvage sweep`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use database::{Database, Statement};
use support::{PRODUCT, Project, STATIC};

const SWEEP: [&str; 3] = ["sweep", "--database", "selvage.db"];

#[test]
fn a_database_that_is_not_up_to_date_is_left_alone() {
    let project = Project::new(STATIC);
    let error = project.run(&SWEEP).error();
    assert!(error.contains("selvage migrate up"), "{error}");
    assert!(!project.path("selvage.db").exists());
}

#[test]
fn a_chunk_store_that_is_malformed_is_refused_before_anything_is_swept() {
    let manifest =
        PRODUCT.replace("[variables]", "[variables]\nchunk_store = { default = \"hunter2\" }");
    let project = Project::new(&manifest);
    project.run(&["migrate", "up", SWEEP[1], SWEEP[2]]).success();
    let error = project.run(&SWEEP).error();
    assert!(error.contains("settings: chunk_store: it is no JSON object"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = project.run(&[&SWEEP[..], &["--from", "nowhere.toml"]].concat()).error();
    assert!(error.contains("nowhere.toml"), "{error}");
    std::fs::remove_file(project.path("spin.toml")).unwrap();
    assert!(project.run(&SWEEP).success().starts_with("swept       0 accounts"));
}

#[tokio::test]
async fn what_is_over_is_removed_and_counted() {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up", SWEEP[1], SWEEP[2]]).success();
    let database = Database::open(&project.path("selvage.db")).unwrap();
    let account = "acct_01h455vb4pex5vsknk084sn02q";
    for sql in [
        "INSERT INTO account (id, name, kind, created_at, updated_at) VALUES (?1, 'a', 'team', 1, 1)",
        "INSERT INTO conversation (account_id, id, lifetime_ms, created_at, updated_at, active_at) VALUES (?1, 'ended', 1, 1, 1, 1)",
        "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES (?1, 'stays', 1, 1, 1)",
    ] {
        database.query(Statement::new(sql).bind(account)).await.unwrap();
    }
    database.close().await.unwrap();
    let line = |conversations: u8| {
        format!(
            "swept       1 accounts: {conversations} conversations, 0 messages, 0 sessions, 0 invitations, 0 unfinished files, \
             chunks of 0 parts of files, 0 runs ended\n"
        )
    };
    assert_eq!(project.run(&SWEEP).success(), line(1));
    assert_eq!(project.run(&SWEEP).success(), line(0));
}
