//! Signed ends of logs: what is found that hashes alone do not show.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use audit::{
    AuditError, Checkpoint, Entry, Log, PLATFORM, When, checkpoint, checkpoint_if_due, commit,
    verify, verify_signed,
};
use database::{Database, Statement};
use keyring::Keyring;
use testing::{MASTER_KEY, NOW, OTHER_MASTER_KEY, Person};

fn ring() -> Keyring {
    MASTER_KEY.parse().unwrap()
}

async fn append(database: &Database, log: Log, count: usize) {
    for _ in 0..count {
        let entry = Entry::by_anyone(log, "auth.login").with("n", 1);
        commit(database, NOW, Vec::new(), vec![entry], When::Always).await.unwrap();
    }
}

/// Ten entries, signed after four, after seven and after the last.
async fn signed() -> Database {
    let database = testing::database().await;
    for count in [4, 3, 3] {
        append(&database, Log::Platform, count).await;
        checkpoint(&database, &ring(), PLATFORM, NOW).await.unwrap().unwrap();
    }
    let verified = verify_signed(&database, &ring(), PLATFORM).await.unwrap();
    assert_eq!((verified.head.seq, verified.newest.unwrap().number), (10, 3));
    database
}

/// What someone can do who may write to the database: everything but sign.
async fn tamper(database: &Database, statements: &[&str]) {
    for name in [
        "audit_entry_stays",
        "audit_entry_remains",
        "audit_entry_follows",
        "audit_checkpoint_stays",
        "audit_checkpoint_remains",
    ] {
        database.query(Statement::new(format!("DROP TRIGGER {name}"))).await.unwrap();
    }
    for sql in statements {
        database.query(Statement::new((*sql).to_owned())).await.unwrap();
    }
}

async fn found(database: &Database) -> AuditError {
    verify_signed(database, &ring(), PLATFORM).await.unwrap_err()
}

#[tokio::test]
async fn the_schema_refuses_to_change_or_remove_checkpoints() {
    let database = signed().await;
    for sql in [
        "UPDATE audit_checkpoint SET seq = 1",
        "DELETE FROM audit_checkpoint WHERE number = 3",
        "INSERT OR REPLACE INTO audit_checkpoint SELECT account_id, number, 1, hash, at, root_key_id, signature FROM audit_checkpoint WHERE number = 3",
    ] {
        assert!(database.query(Statement::new(sql)).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn edits_deletions_insertions_moves_and_cuts_are_found() {
    for sql in [
        &["UPDATE audit_entry SET actor = 'eve' WHERE seq = 2"][..],
        &["DELETE FROM audit_entry WHERE seq = 5"],
        &["DELETE FROM audit_entry WHERE seq = 1"],
        &[
            "INSERT INTO audit_entry SELECT account_id, 11, at, actor, action, target, ip, outcome, detail, hash FROM audit_entry WHERE seq = 10",
        ],
        &[
            "UPDATE audit_entry SET seq = 100 WHERE seq = 5",
            "UPDATE audit_entry SET seq = 5 WHERE seq = 6",
            "UPDATE audit_entry SET seq = 6 WHERE seq = 100",
        ],
    ] {
        let database = signed().await;
        tamper(&database, sql).await;
        assert!(matches!(found(&database).await, AuditError::Broken { .. }), "{sql:?}");
    }
    for seq in [10, 8, 5, 1] {
        let database = signed().await;
        tamper(&database, &[&format!("DELETE FROM audit_entry WHERE seq >= {seq}")]).await;
        // The chain that is left is whole; only the signature tells.
        verify(&database, PLATFORM).await.unwrap();
        assert!(matches!(found(&database).await, AuditError::Truncated { .. }), "{seq}");
    }
}

/// Hashes have no key: whoever can write can make a chain of other entries that fits in itself.
#[tokio::test]
async fn a_chain_that_was_made_anew_is_found() {
    let database = signed().await;
    tamper(&database, &["DELETE FROM audit_entry"]).await;
    for _ in 0..10 {
        let entry = Entry::by_anyone(Log::Platform, "auth.login").with("n", 2);
        commit(&database, NOW, Vec::new(), vec![entry], When::Always).await.unwrap();
    }
    assert_eq!(verify(&database, PLATFORM).await.unwrap().seq, 10);
    match found(&database).await {
        AuditError::Rewritten { number, .. } => assert_eq!(number, 1),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn checkpoints_that_were_changed_removed_or_moved_are_found() {
    for sql in [
        "UPDATE audit_checkpoint SET seq = 9 WHERE number = 3",
        "UPDATE audit_checkpoint SET at = at + 1 WHERE number = 1",
        "UPDATE audit_checkpoint SET signature = (SELECT signature FROM audit_checkpoint WHERE number = 1) WHERE number = 2",
        "UPDATE audit_checkpoint SET signature = zeroblob(64) WHERE number = 3",
        "UPDATE audit_checkpoint SET number = number + 1 WHERE number = 3",
        "DELETE FROM audit_checkpoint WHERE number = 2",
        "DELETE FROM audit_checkpoint WHERE number = 1",
    ] {
        let database = signed().await;
        tamper(&database, &[sql]).await;
        let error = found(&database).await;
        let is_found = matches!(error, AuditError::Forged { .. } | AuditError::Gap { .. });
        assert!(is_found, "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn one_that_is_kept_elsewhere_shows_that_the_newest_were_removed_with_their_entries() {
    let database = signed().await;
    let kept = verify_signed(&database, &ring(), PLATFORM).await.unwrap().newest.unwrap();
    let sql =
        ["DELETE FROM audit_entry WHERE seq > 7", "DELETE FROM audit_checkpoint WHERE number = 3"];
    tamper(&database, &sql).await;
    // Nothing inside of the database can tell.
    let verified = verify_signed(&database, &ring(), PLATFORM).await.unwrap();
    assert_eq!(verified.head.seq, 7);
    let error = verified.covers(&kept).unwrap_err();
    assert!(matches!(error, AuditError::Truncated { seq: 10, .. }), "{error:?}");
    let older = Checkpoint { number: 2, seq: 7, hash: verified.head.hash, ..kept };
    verified.covers(&older).unwrap();
}

#[tokio::test]
async fn only_the_deployment_signs_for_its_log() {
    let database = signed().await;
    let other: Keyring = OTHER_MASTER_KEY.parse().unwrap();
    let error = verify_signed(&database, &other, PLATFORM).await.unwrap_err();
    assert!(matches!(error, AuditError::Forged { .. }), "{error:?}");
    let renamed: Keyring = format!("new:{MASTER_KEY}").parse().unwrap();
    let error = verify_signed(&database, &renamed, PLATFORM).await.unwrap_err();
    assert!(matches!(error, AuditError::UnknownKey { .. }), "{error:?}");
    // While keys are rotated both count.
    let rotated: Keyring = format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}").parse().unwrap();
    append(&database, Log::Platform, 1).await;
    checkpoint(&database, &rotated, PLATFORM, NOW).await.unwrap().unwrap();
    let newest = verify_signed(&database, &rotated, PLATFORM).await.unwrap().newest.unwrap();
    assert_eq!((newest.number, newest.root_key_id.as_str()), (4, "new"));
}

#[tokio::test]
async fn a_log_is_signed_at_first_after_64_entries_and_after_an_hour() {
    let database = testing::database().await;
    let due = async |minutes: u64| {
        let now = NOW.plus(Duration::from_mins(minutes));
        checkpoint_if_due(&database, &ring(), PLATFORM, now).await.unwrap().map(|made| made.seq)
    };
    assert_eq!(due(0).await, None);
    append(&database, Log::Platform, 1).await;
    assert_eq!(due(0).await, Some(1));
    assert_eq!(due(120).await, None);
    append(&database, Log::Platform, 63).await;
    assert_eq!(due(59).await, None);
    append(&database, Log::Platform, 1).await;
    assert_eq!(due(59).await, Some(65));
    append(&database, Log::Platform, 1).await;
    assert_eq!(due(118).await, None);
    assert_eq!(due(119).await, Some(66));
}

#[tokio::test]
async fn checkpoints_leave_with_their_account() {
    let database = testing::database().await;
    let ada = Person::new(&database, "owner", NOW).await;
    let log = Log::Account(ada.account_id);
    append(&database, log, 1).await;
    checkpoint(&database, &ring(), &log.to_string(), NOW).await.unwrap().unwrap();
    let delete =
        Statement::new("DELETE FROM account WHERE id = ?1").bind(ada.account_id.to_string());
    database.query(delete).await.unwrap();
    let rows = database.query(Statement::new("SELECT 1 FROM audit_checkpoint")).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_sign_at_once_each_leaves_the_log_verifiable() {
    let database = testing::database().await;
    append(&database, Log::Platform, 1).await;
    let attempts: Vec<_> = (0..16)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                append(&database, Log::Platform, 2).await;
                checkpoint(&database, &ring(), PLATFORM, NOW).await.unwrap();
            })
        })
        .collect();
    for attempt in attempts {
        attempt.await.unwrap();
    }
    assert_eq!(verify_signed(&database, &ring(), PLATFORM).await.unwrap().head.seq, 33);
}
