//! `selvage admin` and `selvage audit`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::fs::{self, File};

use database::{Database, Statement};
use support::{Outcome, Project, STATIC};

const DATABASE: [&str; 2] = ["--database", "selvage.db"];

/// A directory with a database that is up to date.
fn project() -> Project {
    let project = Project::new(STATIC);
    project.run(&["migrate", "up", DATABASE[0], DATABASE[1]]).success();
    project
}

fn run(project: &Project, arguments: &[&str], input: &str) -> Outcome {
    fs::write(project.path("input"), input).unwrap();
    let arguments: Vec<_> = arguments.iter().chain(&DATABASE).copied().collect();
    let mut command = project.selvage(&arguments);
    Outcome::of(command.stdin(File::open(project.path("input")).unwrap()).output().unwrap())
}

async fn query(project: &Project, sql: &'static str) -> database::Rows {
    let database = Database::open(&project.path("selvage.db")).unwrap();
    database.query(Statement::new(sql)).await.unwrap()
}

const CREATE: [&str; 3] = ["admin", "create", "Ada@Example.com"];
const PROMOTE: [&str; 3] = ["admin", "promote", "ada@example.com"];
const PASSWORD: &str = "correct horse battery\n";

#[test]
fn a_database_that_is_not_up_to_date_is_left_alone() {
    let project = Project::new(STATIC);
    for arguments in [&CREATE[..], &PROMOTE, &["audit", "verify"]] {
        let error = run(&project, arguments, PASSWORD).error();
        assert!(error.contains("selvage migrate up"), "{error}");
    }
    assert!(!project.path("selvage.db").exists());
}

#[tokio::test]
async fn what_makes_no_administrator_is_refused_in_one_sentence() {
    let project = project();
    for (email, input, words) in [
        ("ada", PASSWORD, "is no e-mail address"),
        ("a da@example.com", PASSWORD, "is no e-mail address"),
        ("ada@example.com", "", "there is no password"),
        ("ada@example.com", "kX9#mQ2\n", "the password cannot be taken"),
        ("ada@example.com", "password1234\n", "the password cannot be taken"),
    ] {
        let error = run(&project, &["admin", "create", email], input).error();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(input.trim()) || input.is_empty(), "{error}");
    }
    let error = run(&project, &PROMOTE, "").error();
    assert!(error.contains("nobody has signed up with ada@example.com"), "{error}");
    assert!(query(&project, "SELECT id FROM user").await.is_empty());
    assert!(query(&project, "SELECT seq FROM audit_entry").await.is_empty());
}

#[tokio::test]
async fn an_administrator_is_a_person_with_an_account_and_the_log_says_so() {
    let project = project();
    assert!(run(&project, &CREATE, PASSWORD).success().starts_with("created     user_"));
    let rows = query(
        &project,
        "SELECT u.email, u.is_admin, u.password_hash, m.role, a.kind FROM user AS u \
         JOIN membership AS m ON m.user_id = u.id JOIN account AS a ON a.id = m.account_id",
    )
    .await;
    let row = rows.first().unwrap();
    let text = |column: &str| row.get::<String>(column).unwrap();
    assert_eq!(
        (text("email").as_str(), row.get::<bool>("is_admin").unwrap()),
        ("ada@example.com", true)
    );
    assert_eq!((text("role").as_str(), text("kind").as_str()), ("owner", "personal"));
    assert!(text("password_hash").starts_with("$argon2id$"));
    let error = run(&project, &CREATE, PASSWORD).error();
    assert!(error.contains("selvage admin promote"), "{error}");
    query(&project, "UPDATE user SET is_admin = 0").await;
    assert!(run(&project, &PROMOTE, "").success().starts_with("promoted    user_"));
    assert_eq!(query(&project, "SELECT id FROM user WHERE is_admin = 1").await.len(), 1);
    let actions = query(&project, "SELECT action FROM audit_entry ORDER BY seq").await;
    let actions: Vec<_> = actions.iter().map(|row| row.get::<String>("action").unwrap()).collect();
    assert_eq!(actions, ["user.admin_created", "user.promoted"]);
}

#[tokio::test]
async fn a_log_that_was_changed_is_found() {
    let project = project();
    assert_eq!(run(&project, &["audit", "verify"], "").success(), "verified    0 logs\n");
    run(&project, &CREATE, PASSWORD).success();
    run(&project, &PROMOTE, "").success();
    let verified = run(&project, &["audit", "verify"], "").success();
    assert!(verified.starts_with("platform         2  "), "{verified}");
    assert!(verified.ends_with("verified    1 logs\n"), "{verified}");
    let one = run(&project, &["audit", "verify", "platform"], "").success();
    assert_eq!(one, verified);
    query(&project, "DROP TRIGGER audit_entry_stays").await;
    query(&project, "UPDATE audit_entry SET actor = 'nobody' WHERE seq = 1").await;
    let error = run(&project, &["audit", "verify"], "").error();
    assert!(error.contains("entry 1 of the log of platform is missing or was changed"), "{error}");
}
