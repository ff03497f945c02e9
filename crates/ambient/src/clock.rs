use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
#[cfg(target_family = "wasm")]
use spin_sdk::time::sleep;
#[cfg(not(target_family = "wasm"))]
use tokio::time::sleep;

/// A moment: whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Displays and serializes as RFC 3339 in UTC with exactly three decimals, e.g. `2026-11-22T02:33:09.250Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This moment moved forward, stopping at the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Whole seconds since 1970, as JWTs count (RFC 7519 `NumericDate`); zero for moments before.
    pub fn as_seconds(self) -> u64 {
        u64::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only a damaged row can lie outside of jiff's ±10,000 years; its nearest end is still a valid time.
        let limit = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(f, "{:.3}", jiff::Timestamp::from_millisecond(self.0).unwrap_or(limit))
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no moment in RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no time as 2026-11-22T02:33:09.250Z")]
pub struct ParseTimeError;

impl FromStr for UnixMillis {
    type Err = ParseTimeError;

    /// Any offset is taken; what is finer than a millisecond is cut off.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| ParseTimeError)?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Where the time comes from.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

/// Moves a manual [`Clock`].
#[derive(Debug, Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Clock {
    /// The system's wall clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hand is moved: expiry in tests, without waiting.
    pub fn manual(start: UnixMillis) -> (Self, Hand) {
        let millis = Arc::new(AtomicI64::new(start.0));
        (Self(Source::Manual(Arc::clone(&millis))), Hand(millis))
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(millis) => UnixMillis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Waits until this moment, but no longer than `most`, should the clock have been set back.
    ///
    /// A manual clock moves itself there at once: who waits by one waits for nothing, and the test sees how long it would have been.
    pub async fn wait_until(&self, moment: UnixMillis, most: Duration) {
        match &self.0 {
            Source::System => {
                let left = moment.0.saturating_sub(system_now().0);
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                sleep(left.min(most)).await;
            }
            Source::Manual(millis) => {
                millis.fetch_max(moment.0, Ordering::SeqCst);
            }
        }
    }
}

impl Hand {
    /// What the clock shows.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.0.store(self.now().plus(duration).0, Ordering::SeqCst);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is given")]
fn system_now() -> UnixMillis {
    // A clock before 1970 is a broken one; the epoch makes every token not yet valid, which is the safe side.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(0).plus(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals_whatever_their_value() {
        let check = |millis: i64, expected: &str| {
            assert_eq!(UnixMillis(millis).to_string(), expected);
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_700_000_000_120, "2023-11-14T22:13:20.120Z");
        check(-1, "1969-12-31T23:59:59.999Z");
        check(i64::MAX, "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn times_are_read_as_they_are_written_and_nothing_else_is_a_time() {
        for millis in [0, 1_700_000_000_120, -1] {
            assert_eq!(UnixMillis(millis).to_string().parse(), Ok(UnixMillis(millis)));
        }
        assert_eq!("2023-11-14T23:13:20.1209+01:00".parse(), Ok(UnixMillis(1_700_000_000_120)));
        for text in
            ["", "1700000000", "2023-11-14", "2023-11-14T22:13:20", "now", "2023-13-14T22:13:20Z"]
        {
            assert_eq!(text.parse::<UnixMillis>(), Err(ParseTimeError), "{text:?}");
        }
    }

    #[test]
    fn a_manual_clock_moves_only_by_its_hand() {
        let (clock, hand) = Clock::manual(UnixMillis(1_000));
        assert_eq!(clock.now(), UnixMillis(1_000));
        hand.advance(Duration::from_secs(2));
        assert_eq!(clock.clone().now(), UnixMillis(3_000));
        assert_eq!(clock.now().as_seconds(), 3);
    }

    #[tokio::test]
    async fn waiting_by_a_manual_clock_moves_it_forward_and_never_back() {
        let (clock, _) = Clock::manual(UnixMillis(1_000));
        clock.wait_until(UnixMillis(1_700), Duration::from_secs(1)).await;
        assert_eq!(clock.now(), UnixMillis(1_700));
        clock.wait_until(UnixMillis(1_200), Duration::from_secs(1)).await;
        assert_eq!(clock.now(), UnixMillis(1_700));
    }

    #[tokio::test]
    async fn waiting_by_the_system_s_clock_has_an_end() {
        let clock = Clock::system();
        clock.wait_until(UnixMillis(0), Duration::MAX).await;
        clock.wait_until(UnixMillis(i64::MAX), Duration::ZERO).await;
    }

    #[test]
    fn moving_beyond_the_range_stops_at_its_end() {
        assert_eq!(UnixMillis(i64::MAX).plus(Duration::MAX), UnixMillis(i64::MAX));
        assert_eq!(UnixMillis(-5_000).as_seconds(), 0);
    }
}
