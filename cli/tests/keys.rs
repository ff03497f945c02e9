//! `selvage keys`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::process::{Command, Stdio};

use ambient::{Clock, Entropy};
use database::Database;
use egress::Egress;
use support::{Outcome, PRODUCT, Project, STATIC};
use testing::{MASTER_KEY, NOW, OTHER_MASTER_KEY};
use vault::{KeyServices, Kind, Owner, Vault};

const DATABASE: [&str; 2] = ["--database", "selvage.db"];

/// `selvage keys` with this ring.
fn command(project: &Project, ring: &str, arguments: &[&str]) -> Command {
    let mut command = project.selvage(&["keys"]);
    command.args(arguments).args(DATABASE).env("SPIN_VARIABLE_MASTER_KEY", ring);
    command
}

fn keys(project: &Project, ring: &str, arguments: &[&str]) -> Outcome {
    Outcome::of(command(project, ring, arguments).output().unwrap())
}

fn vault(ring: &str) -> Vault {
    let (ring, services) = (ring.parse().unwrap(), KeyServices::default());
    Vault::new(&ring, &services, &Egress::new().unwrap(), Clock::system(), Entropy::system())
}

/// Where the secret of this number lies.
fn place(id: &str) -> Owner<'_> {
    Owner { account_id: None, kind: Kind::Key, id }
}

/// A migrated database with this many secrets of the deployment.
async fn with_secrets(count: usize) -> Project {
    let project = Project::new(PRODUCT);
    project.run(&["migrate", "up", DATABASE[0], DATABASE[1]]).success();
    let database = Database::open(&project.path("selvage.db")).unwrap();
    let vault = vault(MASTER_KEY);
    let mut statements = Vec::new();
    for n in 0..count {
        let id = format!("key_{n}");
        let sealed = vault.seal(&place(&id).row(), id.as_bytes()).await.unwrap();
        statements.extend(place(&id).put(sealed, None, NOW));
    }
    database.batch(statements).await.unwrap();
    database.close().await.unwrap();
    project
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_nothing_changes() {
    let project = Project::new(PRODUCT);
    let error = keys(&project, MASTER_KEY, &["rotate"]).error();
    assert!(error.contains("selvage migrate up"), "{error}");
    let project = with_secrets(1).await;
    let error = project.run(&["keys", "status", DATABASE[0], DATABASE[1]]).error();
    assert!(error.contains("there is no master key"), "{error}");
    let error = keys(&project, "hunter2", &["status"]).error();
    assert!(!error.contains("hunter2"), "{error}");
    let mut command = project.selvage(&["keys", "status", DATABASE[0], DATABASE[1]]);
    std::fs::write(
        project.path("spin.toml"),
        PRODUCT.replace("[variables]", "[variables]\nkms = { default = '' }"),
    )
    .unwrap();
    command.env("SPIN_VARIABLE_MASTER_KEY", MASTER_KEY).env("SPIN_VARIABLE_KMS", "hunter2");
    let error = Outcome::of(command.output().unwrap()).error();
    assert!(error.contains("kms: it is no JSON array"), "{error}");
    std::fs::write(project.path("spin.toml"), STATIC).unwrap();
    keys(&project, MASTER_KEY, &["status"]).error();
}

#[tokio::test]
async fn a_key_is_replaced_and_retires() {
    let project = with_secrets(3).await;
    let ring = format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}");
    assert_eq!(
        keys(&project, &ring, &["status"]).success(),
        "ring:1             3 secrets  opens\nring:new           0 secrets  current\n"
    );
    let error = keys(&project, &ring, &["retire", "ring:1"]).error();
    assert!(error.contains(r#"the key "ring:1" wraps 3 secrets"#), "{error}");
    assert!(error.contains("selvage keys rotate"), "{error}");
    assert_eq!(
        keys(&project, &ring, &["rotate", "--dry-run"]).success(),
        "would wrap the keys of 3 secrets of ring:1 with ring:new\n"
    );
    let lines = [
        "wrapped     the keys of 3 secrets with ring:new\n",
        "wrapped     the keys of 0 secrets with ring:new\n",
    ];
    for line in lines {
        assert_eq!(keys(&project, &ring, &["rotate"]).success(), line);
    }
    assert_eq!(keys(&project, &ring, &["retire", "ring:1"]).success(), "retired     ring:1\n");
    let error = keys(&project, &ring, &["retire", "ring:new"]).error();
    assert!(error.contains("put another one first"), "{error}");
    let status = keys(&project, &format!("new:{OTHER_MASTER_KEY}"), &["status"]).success();
    assert!(status.starts_with("ring:1             0 secrets  retired 20"), "{status}");
    assert!(status.ends_with("ring:new           3 secrets  current\n"), "{status}");
}

#[tokio::test]
async fn a_key_that_is_missing_is_named() {
    let project = with_secrets(2).await;
    let outcome = keys(&project, &format!("new:{OTHER_MASTER_KEY}"), &["status"]);
    assert!(outcome.stdout.contains("not configured"), "{outcome:?}");
    assert!(outcome.error().contains("1 keys that wrap secrets are not configured"));
    let error = keys(&project, &format!("new:{OTHER_MASTER_KEY}"), &["rotate"]).error();
    assert!(error.contains("2 secrets are not under the current key"), "{error}");
}

/// How many secrets are not under this key.
async fn left(database: &Database, current: &str) -> u64 {
    let keks = vault::status(database).await.unwrap();
    keks.iter().filter(|kek| kek.id != current).map(|kek| kek.secrets).sum()
}

#[tokio::test]
async fn a_rotation_that_is_killed_goes_on_where_it_was() {
    const SECRETS: u64 = 3_000;
    let project = with_secrets(usize::try_from(SECRETS).unwrap()).await;
    let database = Database::open(&project.path("selvage.db")).unwrap();
    let rings = [
        ("ring:new", format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}")),
        ("ring:1", format!("1:{MASTER_KEY},new:{OTHER_MASTER_KEY}")),
    ];
    // There and back until one was killed on its way: a machine may be quicker than the kill, but not always.
    let (mut current, mut ring, mut was_killed) = ("", "", false);
    for (kek_id, text) in rings.iter().cycle().take(10) {
        (current, ring) = (kek_id, text);
        let mut child = command(&project, ring, &["rotate"]).stderr(Stdio::null()).spawn().unwrap();
        while left(&database, current).await == SECRETS && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let rest = left(&database, current).await;
        was_killed = 0 < rest && rest < SECRETS;
        if was_killed {
            let error = keys(&project, ring, &["retire", the_other(current)]).error();
            assert!(error.contains(&format!("wraps {rest} secrets")), "{error}");
        }
        assert_eq!(
            keys(&project, ring, &["rotate"]).success(),
            format!("wrapped     the keys of {rest} secrets with {current}\n")
        );
        assert_eq!(left(&database, current).await, 0);
        if was_killed {
            break;
        }
    }
    assert!(was_killed);
    keys(&project, ring, &["retire", the_other(current)]).success();
    let alone = vault(ring.split(',').next().unwrap());
    for n in 0..SECRETS {
        let id = format!("key_{n}");
        let sealed = place(&id).find(&database).await.unwrap().unwrap();
        assert_eq!(&*alone.open(&place(&id).row(), &sealed).await.unwrap(), id.as_bytes());
    }
}

/// The key that is not this one.
fn the_other(kek_id: &str) -> &'static str {
    if kek_id == "ring:1" { "ring:new" } else { "ring:1" }
}
