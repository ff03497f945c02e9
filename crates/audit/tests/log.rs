//! Appending to logs, and finding out what was done to them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use audit::{
    AuditError, Entry, Log, Outcome, PLATFORM, PageQuery, When, commit, list, logs, verify,
};
use database::{Database, Statement};
use testing::{NOW, Person};

async fn append(database: &Database, log: Log, count: usize) {
    for _ in 0..count {
        let entry = Entry::by_anyone(log, "auth.login").outcome(Outcome::Failure).with("n", 1);
        commit(database, NOW, Vec::new(), vec![entry], When::Always).await.unwrap();
    }
}

async fn number(database: &Database, sql: &'static str) -> i64 {
    database.query(Statement::new(sql)).await.unwrap().first().unwrap().get("n").unwrap()
}

/// What someone can do who may write to the database and knows no better.
async fn tamper(database: &Database, sql: &'static str) {
    let triggers = ["audit_entry_stays", "audit_entry_remains", "audit_entry_follows"];
    for name in triggers {
        database.query(Statement::new(format!("DROP TRIGGER {name}"))).await.unwrap();
    }
    database.query(Statement::new(sql)).await.unwrap();
}

#[tokio::test]
async fn the_schema_refuses_to_change_remove_or_misplace_entries() {
    let database = testing::database().await;
    let log = Log::Account(Person::new(&database, "owner", NOW).await.account_id);
    append(&database, log, 2).await;
    append(&database, Log::Platform, 2).await;
    for sql in [
        "UPDATE audit_entry SET actor = 'x'",
        "UPDATE audit_entry SET at = 0 WHERE account_id = 'platform'",
        "DELETE FROM audit_entry WHERE account_id <> 'platform'",
        "DELETE FROM audit_entry WHERE account_id = 'platform' AND seq = 2",
        "INSERT INTO audit_entry SELECT account_id, 4, at, actor, action, target, ip, outcome, detail, hash FROM audit_entry WHERE seq = 2",
        "INSERT OR REPLACE INTO audit_entry SELECT account_id, 2, 0, actor, action, target, ip, outcome, detail, hash FROM audit_entry WHERE seq = 2",
    ] {
        assert!(database.query(Statement::new(sql)).await.is_err(), "{sql}");
    }
    assert_eq!(verify(&database, PLATFORM).await.unwrap().seq, 2);
    assert_eq!(verify(&database, &log.to_string()).await.unwrap().seq, 2);
}

#[tokio::test]
async fn whatever_was_done_to_a_log_is_found() {
    for (seq, sql) in [
        (2, "UPDATE audit_entry SET outcome = 'success' WHERE seq = 2"),
        (3, "UPDATE audit_entry SET detail = '{\"n\": 1}' WHERE seq = 3"),
        (1, "UPDATE audit_entry SET actor = 'user_1' WHERE seq = 1"),
        (1, "DELETE FROM audit_entry WHERE seq = 1"),
        (3, "DELETE FROM audit_entry WHERE seq = 3"),
        (2, "UPDATE audit_entry SET seq = seq + 5 WHERE seq = 2"),
        (
            5,
            "INSERT INTO audit_entry SELECT account_id, 5, at, actor, action, target, ip, outcome, detail, hash FROM audit_entry WHERE seq = 4",
        ),
        (1, "UPDATE audit_entry SET hash = zeroblob(32) WHERE seq = 1"),
    ] {
        let database = testing::database().await;
        append(&database, Log::Platform, 4).await;
        tamper(&database, sql).await;
        match verify(&database, PLATFORM).await {
            Err(AuditError::Broken { seq: found, .. }) => assert_eq!(found, seq, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_log_that_was_cut_off_has_another_head() {
    let database = testing::database().await;
    append(&database, Log::Platform, 4).await;
    let head = verify(&database, PLATFORM).await.unwrap();
    tamper(&database, "DELETE FROM audit_entry WHERE seq = 4").await;
    assert_ne!(verify(&database, PLATFORM).await.unwrap(), head);
}

#[tokio::test]
async fn an_entry_and_its_action_exist_together_or_not_at_all() {
    let database = testing::database().await;
    let ada = Person::new(&database, "owner", NOW).await;
    let log = Log::Account(ada.account_id);
    let rename = |name: &str, id: String| {
        Statement::new("UPDATE account SET name = ?1 WHERE id = ?2").bind(name).bind(id)
    };
    let entry = || vec![Entry::by_user(log, ada.user_id, "account.renamed").on(ada.account_id)];
    let id = ada.account_id.to_string();
    let run = async |action, when| commit(&database, NOW, action, entry(), when).await;
    run(vec![rename("one", id.clone())], When::Changed).await.unwrap();
    run(vec![rename("two", "acct_none".to_owned())], When::Changed).await.unwrap();
    assert_eq!(number(&database, "SELECT count(*) AS n FROM audit_entry").await, 1);
    // A statement after the good one fails, and takes everything with it.
    let failing = Statement::new("INSERT INTO account (id) VALUES ('acct_1')");
    assert!(run(vec![rename("three", id), failing], When::Always).await.is_err());
    assert_eq!(number(&database, "SELECT count(*) AS n FROM audit_entry").await, 1);
    assert_eq!(number(&database, "SELECT count(*) AS n FROM account WHERE name = 'one'").await, 1);
}

#[tokio::test]
async fn several_entries_of_one_action_are_chained_in_order_and_each_in_its_log() {
    let database = testing::database().await;
    let ada = Person::new(&database, "owner", NOW).await;
    let log = Log::Account(ada.account_id);
    let entries = vec![
        Entry::by_user(log, ada.user_id, "a.one"),
        Entry::by_system(Log::Platform, "a.two"),
        Entry::by_user(log, ada.user_id, "a.three"),
    ];
    commit(&database, NOW, Vec::new(), entries, When::Always).await.unwrap();
    let query = |action: Option<&str>| PageQuery {
        action: action.map(str::to_owned),
        limit: 10,
        ..PageQuery::default()
    };
    let actions = |entries: Vec<audit::Recorded>| -> Vec<_> {
        entries.into_iter().map(|entry| (entry.seq, entry.action)).collect()
    };
    let listed = list(&database, log, query(None)).await.unwrap();
    assert_eq!(actions(listed), [(2, "a.three".to_owned()), (1, "a.one".to_owned())]);
    let listed = list(&database, log, query(Some("a.one"))).await.unwrap();
    assert_eq!(actions(listed), [(1, "a.one".to_owned())]);
    let listed = list(&database, log, PageQuery { before: Some(2), limit: 1, action: None }).await;
    assert_eq!(actions(listed.unwrap()), [(1, "a.one".to_owned())]);
    assert_eq!(logs(&database).await.unwrap(), [ada.account_id.to_string(), PLATFORM.to_owned()]);
    assert_eq!(verify(&database, PLATFORM).await.unwrap().seq, 1);
}

#[tokio::test]
async fn the_log_of_an_account_leaves_with_it() {
    let database = testing::database().await;
    let ada = Person::new(&database, "owner", NOW).await;
    let log = Log::Account(ada.account_id);
    append(&database, log, 3).await;
    append(&database, Log::Platform, 1).await;
    database
        .query(Statement::new("DELETE FROM account WHERE id = ?1").bind(ada.account_id.to_string()))
        .await
        .unwrap();
    append(&database, log, 1).await;
    assert_eq!(number(&database, "SELECT count(*) AS n FROM audit_entry").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_each_gets_its_place_in_one_chain() {
    let database = testing::database().await;
    let attempts: Vec<_> = (0..64)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { append(&database, Log::Platform, 2).await })
        })
        .collect();
    for attempt in attempts {
        attempt.await.unwrap();
    }
    assert_eq!(verify(&database, PLATFORM).await.unwrap().seq, 128);
}
