//! Delays that grow.
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
use limits::{Backoff, LimitError};
use testing::NOW;

async fn wait(database: &Database, backoff: &Backoff, now: UnixMillis) -> Option<Duration> {
    match backoff.attempt(database, now).await {
        Ok(()) => None,
        Err(LimitError::Exceeded { wait }) => Some(wait),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_delay_doubles_from_a_second_to_a_quarter_of_an_hour_and_no_further() {
    let database = testing::database().await;
    let ada = Backoff::new("login", "ada");
    let mut now = NOW;
    for _ in 0..5 {
        assert_eq!(wait(&database, &ada, now).await, None);
    }
    let mut delays = Vec::new();
    for _ in 0..14 {
        let delay = wait(&database, &ada, now).await.expect("it is too early");
        assert_eq!(wait(&database, &ada, now).await, Some(delay), "asking again costs nothing");
        now = UnixMillis(now.plus(delay).0 - 1);
        assert_eq!(wait(&database, &ada, now).await, Some(Duration::from_millis(1)));
        now = now.plus(Duration::from_millis(1));
        assert_eq!(wait(&database, &ada, now).await, None);
        delays.push(delay.as_secs());
    }
    assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
    assert_eq!(wait(&database, &Backoff::new("login", "bob"), now).await, None);
}

#[tokio::test]
async fn a_success_or_a_day_without_attempts_ends_it() {
    let database = testing::database().await;
    let ada = Backoff::new("login", "ada");
    let fail = async |now| {
        for _ in 0..5 {
            assert_eq!(wait(&database, &ada, now).await, None);
        }
        assert_eq!(wait(&database, &ada, now).await, Some(Duration::from_secs(1)));
    };
    fail(NOW).await;
    database.batch(vec![ada.forgive()]).await.unwrap();
    fail(NOW).await;
    fail(NOW.plus(Duration::from_hours(24))).await;
    // What others left behind is swept by whoever comes.
    let later = NOW.plus(Duration::from_hours(72));
    assert_eq!(wait(&database, &Backoff::new("login", "bob"), later).await, None);
    let rows = database.query(Statement::new("SELECT bucket FROM backoff")).await.unwrap();
    assert_eq!(rows.iter().count(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_no_one_out_for_longer_than_the_longest_delay() {
    let database = testing::database().await;
    let ada = Backoff::new("login", "ada");
    for _ in 0..5 {
        wait(&database, &ada, NOW).await;
    }
    let before = UnixMillis(NOW.0 - 86_400_000);
    assert_eq!(wait(&database, &ada, before).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_at_once_as_many_are_looked_at_as_cost_nothing() {
    let database = testing::database().await;
    let attempts: Vec<_> = (0..200)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move { Backoff::new("login", "ada").attempt(&database, NOW).await })
        })
        .collect();
    let mut passed = 0;
    for attempt in attempts {
        passed += usize::from(attempt.await.unwrap().is_ok());
    }
    assert_eq!(passed, 5);
}
