//! Counting what happens on every request.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::task::Poll;
use std::time::Duration;

use database::{Database, Statement};
use limits::{Allowance, LimitError};
use testing::NOW;

fn allowance(database: &Database, limit: &str) -> Allowance {
    Allowance::new(database.clone(), "api", limit.parse().unwrap())
}

fn wait(result: Result<(), LimitError>) -> Option<Duration> {
    match result {
        Ok(()) => None,
        Err(LimitError::Exceeded { wait }) => Some(wait),
        Err(error) => panic!("{error}"),
    }
}

/// A database that counts how often a bucket is written.
async fn counting() -> Database {
    let database = testing::database().await;
    for sql in [
        "CREATE TABLE written (n INTEGER) STRICT",
        "CREATE TRIGGER bucket_made AFTER INSERT ON rate_limit BEGIN INSERT INTO written VALUES (1); END",
        "CREATE TRIGGER bucket_changed AFTER UPDATE ON rate_limit BEGIN INSERT INTO written VALUES (1); END",
    ] {
        database.query(Statement::new(sql)).await.unwrap();
    }
    database
}

async fn written(database: &Database) -> i64 {
    let rows = database.query(Statement::new("SELECT count(*) AS n FROM written")).await.unwrap();
    rows.first().unwrap().get("n").unwrap()
}

#[tokio::test]
async fn exactly_the_limit_passes_and_then_one_at_a_time() {
    for limit in [1, 3, 20, 39, 40, 600] {
        let database = testing::database().await;
        let allowance = allowance(&database, &format!("{limit}/60s"));
        for n in 0..limit {
            assert_eq!(wait(allowance.spend("ada", NOW).await), None, "{n} of {limit}");
        }
        let interval = Duration::from_micros(60_000_000 / limit);
        for _ in 0..3 {
            let left = wait(allowance.spend("ada", NOW).await).unwrap();
            assert!(left.abs_diff(interval) <= Duration::from_millis(1), "{left:?}");
        }
        let then = NOW.plus(interval + Duration::from_millis(1));
        assert_eq!(wait(allowance.spend("ada", then).await), None, "{limit}");
        assert_eq!(wait(allowance.spend("eve", NOW).await), None, "others have their own");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_at_once_exactly_the_limit_passes_on_one_instance_and_on_several() {
    for instances in [1, 4] {
        let database = testing::database().await;
        let instances: Vec<_> = (0..instances).map(|_| allowance(&database, "50/60s")).collect();
        let attempts: Vec<_> = (0..200)
            .map(|n| {
                let allowance = instances[n % instances.len()].clone();
                tokio::spawn(async move { wait(allowance.spend("ada", NOW).await).is_none() })
            })
            .collect();
        let mut passed = 0;
        for attempt in attempts {
            passed += u32::from(attempt.await.unwrap());
        }
        assert!(passed <= 50, "{passed}");
        // One may have taken more than itself when the others were refused already.
        for allowance in &instances {
            while wait(allowance.spend("ada", NOW).await).is_none() {
                passed += 1;
            }
        }
        assert_eq!(passed, 50);
    }
}

#[tokio::test]
async fn a_restart_gives_nobody_more() {
    let database = testing::database().await;
    let mut passed = 0;
    // Each instance serves a few requests and ends.
    for _ in 0..100 {
        let allowance = allowance(&database, "100/60s");
        for _ in 0..5 {
            passed += u32::from(wait(allowance.spend("ada", NOW).await).is_none());
        }
    }
    assert!((50..=100).contains(&passed), "{passed}");
}

#[tokio::test]
async fn reading_does_not_mean_writing() {
    let database = counting().await;
    let allowance = allowance(&database, "600/60s");
    for _ in 0..600 {
        assert_eq!(wait(allowance.spend("ada", NOW).await), None);
    }
    let busy = written(&database).await;
    for _ in 0..600 {
        assert!(wait(allowance.spend("ada", NOW).await).is_some());
    }
    assert_eq!(written(&database).await, busy, "a refusal writes nothing");
    // Ten hours of a request every two seconds.
    let mut now = NOW;
    for _ in 0..18_000 {
        now = now.plus(Duration::from_secs(2));
        assert_eq!(wait(allowance.spend("eve", now).await), None);
    }
    let steady = written(&database).await - busy;
    println!("writes for 600 requests at once: {busy}; for 18000 in ten hours: {steady}");
    assert!(busy <= 40, "{busy}");
    assert!(steady <= 18_000 / 15, "{steady}");
}

#[tokio::test]
async fn a_clock_that_was_set_back_locks_nobody_out() {
    let database = testing::database().await;
    let allowance = allowance(&database, "2/60s");
    for _ in 0..3 {
        let _ = allowance.spend("ada", NOW.plus(Duration::from_hours(24))).await;
    }
    assert_eq!(wait(allowance.spend("ada", NOW).await), None);
}

#[tokio::test]
async fn off_is_off() {
    let database = counting().await;
    let allowance = allowance(&database, "off");
    for _ in 0..100 {
        assert_eq!(wait(allowance.spend("ada", NOW).await), None);
    }
    assert_eq!(written(&database).await, 0);
}

/// The waker of a request that only another request could wake again would never be called on a host that runs each request by itself.
#[tokio::test]
async fn no_request_waits_for_another_one() {
    let database = testing::database().await;
    let allowance = allowance(&database, "600/60s");
    assert_eq!(wait(allowance.spend("ada", NOW).await), None);
    // One that has begun to take more, and is never polled again. The database may be quick, so that there is none at first.
    let stalled = loop {
        let mut spending = Box::pin(allowance.spend("ada", NOW));
        match futures::poll!(spending.as_mut()) {
            Poll::Pending => break spending,
            Poll::Ready(result) => {
                assert_eq!(wait(result), None, "every statement is done at once");
            }
        }
    };
    for _ in 0..50 {
        assert_eq!(wait(allowance.spend("ada", NOW).await), None);
    }
    drop(stalled);
    for _ in 0..100 {
        assert_eq!(wait(allowance.spend("ada", NOW).await), None);
    }
}
