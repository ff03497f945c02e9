//! Limits on time, one after the other.

use std::future::{pending, ready};
use std::time::Duration;

use egress::{EgressError, Patience};
use tokio::time::sleep;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn what_never_comes_is_given_up_whatever_was_waited_for_before() {
    let mut patience = Patience::default();
    for before in [SHORT, LONG, Duration::MAX] {
        assert_eq!(patience.within(before, ready(7)).await.unwrap(), 7);
        for _ in 0..2 {
            let late = patience.within(SHORT, pending::<()>()).await;
            assert_eq!(late, Err(EgressError::Timeout));
        }
        let never = patience.within(Duration::ZERO, pending::<()>()).await;
        assert_eq!(never, Err(EgressError::Timeout));
    }
}

#[tokio::test]
async fn what_takes_its_time_again_and_again_is_waited_for() {
    let mut patience = Patience::default();
    // Together they take longer than one may.
    for _ in 0..10 {
        patience.within(SHORT * 8, sleep(SHORT)).await.unwrap();
    }
}

#[tokio::test]
async fn a_timer_of_something_before_ends_nothing_early() {
    let mut patience = Patience::default();
    patience.within(SHORT, ready(())).await.unwrap();
    patience.within(LONG, sleep(SHORT * 3)).await.unwrap();
}
