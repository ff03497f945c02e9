//! Counting uses of limits.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use ambient::UnixMillis;
use database::{Database, Statement};
use limits::{Charge, Limit, LimitError, charge};
use testing::NOW;

fn login(who: &str, limit: &str) -> Charge {
    Charge::new("login", who, limit.parse().unwrap())
}

fn wait(result: Result<(), LimitError>) -> Option<Duration> {
    match result {
        Ok(()) => None,
        Err(LimitError::Exceeded { wait }) => Some(wait),
        Err(error) => panic!("{error}"),
    }
}

async fn buckets(database: &Database) -> i64 {
    let rows =
        database.query(Statement::new("SELECT count(*) AS n FROM rate_limit")).await.unwrap();
    rows.first().unwrap().get("n").unwrap()
}

#[tokio::test]
async fn a_burst_passes_and_then_one_at_a_time() {
    let database = testing::database().await;
    let charges = [login("ada", "3/60s")];
    for _ in 0..3 {
        assert_eq!(wait(charge(&database, NOW, &charges).await), None);
    }
    for _ in 0..5 {
        assert_eq!(wait(charge(&database, NOW, &charges).await), Some(Duration::from_secs(20)));
    }
    let soon = NOW.plus(Duration::from_millis(19_999));
    assert_eq!(wait(charge(&database, soon, &charges).await), Some(Duration::from_millis(1)));
    let then = NOW.plus(Duration::from_secs(20));
    assert_eq!(wait(charge(&database, then, &charges).await), None);
    assert!(wait(charge(&database, then, &charges).await).is_some());
    // After the whole window everything is as at first.
    let later = then.plus(Duration::from_mins(1));
    for _ in 0..3 {
        assert_eq!(wait(charge(&database, later, &charges).await), None);
    }
    assert!(wait(charge(&database, later, &charges).await).is_some());
}

#[tokio::test]
async fn others_are_not_affected_and_off_is_off() {
    let database = testing::database().await;
    assert_eq!(wait(charge(&database, NOW, &[login("ada", "1/60s")]).await), None);
    assert!(wait(charge(&database, NOW, &[login("ada", "1/60s")]).await).is_some());
    assert_eq!(wait(charge(&database, NOW, &[login("bob", "1/60s")]).await), None);
    for _ in 0..3 {
        assert_eq!(wait(charge(&database, NOW, &[login("ada", "off")]).await), None);
    }
    assert_eq!(buckets(&database).await, 2);
}

#[tokio::test]
async fn of_two_limits_the_one_that_is_used_up_decides_and_the_other_is_charged_too() {
    let database = testing::database().await;
    let both = [login("ip", "4/60s"), login("ada", "2/60s")];
    for _ in 0..2 {
        assert_eq!(wait(charge(&database, NOW, &both).await), None);
    }
    for _ in 0..2 {
        assert_eq!(wait(charge(&database, NOW, &both).await), Some(Duration::from_secs(30)));
    }
    assert!(wait(charge(&database, NOW, &both[..1]).await).is_some());
    database.query(both[1].forgive()).await.unwrap();
    assert_eq!(wait(charge(&database, NOW, &both[1..]).await), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_at_once_exactly_as_many_pass_as_may() {
    let database = testing::database().await;
    let attempts: Vec<_> = (0..200)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(
                async move { wait(charge(&database, NOW, &[login("ada", "17/60s")]).await) },
            )
        })
        .collect();
    let mut passed = 0;
    for attempt in attempts {
        passed += usize::from(attempt.await.unwrap().is_none());
    }
    assert_eq!(passed, 17);
}

#[tokio::test]
async fn a_restart_refills_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("selvage.db");
    let database = Database::open(&path).unwrap();
    database
        .query(Statement::new("CREATE TABLE rate_limit (bucket TEXT NOT NULL PRIMARY KEY, empty_at INTEGER NOT NULL) STRICT"))
        .await
        .unwrap();
    let charges = [login("ada", "1/3600s")];
    assert_eq!(wait(charge(&database, NOW, &charges).await), None);
    drop(database);
    let database = Database::open(&path).unwrap();
    assert!(wait(charge(&database, NOW, &charges).await).is_some());
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_no_one_out() {
    let database = testing::database().await;
    let charges = [login("ada", "2/60s")];
    for _ in 0..2 {
        assert_eq!(wait(charge(&database, NOW, &charges).await), None);
    }
    let yesterday = UnixMillis(NOW.0 - 24 * 3600 * 1000);
    for _ in 0..2 {
        assert_eq!(wait(charge(&database, yesterday, &charges).await), None);
    }
    assert_eq!(wait(charge(&database, yesterday, &charges).await), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn empty_buckets_are_swept() {
    let database = testing::database().await;
    for n in 0..50 {
        charge(&database, NOW, &[login(&n.to_string(), "1/60s")]).await.unwrap();
    }
    let later = NOW.plus(Duration::from_secs(61));
    // Every new bucket clears away more than one: the table shrinks faster than it grows.
    for n in 0..10 {
        charge(&database, later, &[login(&format!("new {n}"), "1000/60s")]).await.unwrap();
    }
    assert_eq!(buckets(&database).await, 10);
}

#[test]
fn what_cannot_be_counted_is_no_limit() {
    assert_eq!(Limit::new(0, Duration::from_secs(1)), None);
    assert_eq!(Limit::new(1, Duration::ZERO), None);
    assert_eq!(Limit::new(u32::MAX, Duration::from_secs(1)), None);
}
