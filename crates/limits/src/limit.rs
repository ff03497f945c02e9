use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest window: a bucket's row must not outlive what anyone remembers of it.
const WINDOW_MAX: Duration = Duration::from_hours(24 * 7);

/// How often something may happen. Written `10/60s`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(Option<Rate>);

/// In microseconds, so that even a thousand uses in a minute divide it well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub count: u32,
    pub window_us: i64,
}

/// The text is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither off nor a number of times and seconds such as 10/60s")]
pub struct ParseLimitError;

impl Limit {
    /// No limit.
    pub const OFF: Self = Self(None);

    /// So many times within the window, `None` where that cannot be counted: no times at all, no window or one of over a week, or more
    /// than a thousand times a second.
    pub const fn new(count: u32, window: Duration) -> Option<Self> {
        let window_us = window.as_micros();
        let (count_wide, window_max) = (count as u128, WINDOW_MAX.as_micros());
        // With n uses in the window one use takes window / n, rounded down. Only while n (n + 1) is less than the window does the
        // rounding not add up to one more use.
        let is_sound =
            0 < count && window_us <= window_max && count_wide * (count_wide + 1) < window_us;
        if !is_sound {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a week has 6 * 10^11 microseconds")]
        Some(Self(Some(Rate { count, window_us: window_us as i64 })))
    }

    /// Whether it is none.
    pub fn is_off(self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn rate(self) -> Option<Rate> {
        self.0
    }

    /// The stricter limit of a part of those for whom this one counts: half as often, but `at_least` times, in the same window; never more
    /// often than this one.
    #[must_use]
    pub fn halved(self, at_least: u32) -> Self {
        Self(self.0.map(|Rate { count, window_us }| {
            let count = (count / 2).max(at_least).min(count).max(1);
            Rate { count, window_us }
        }))
    }
}

impl Rate {
    /// What one use takes from the bucket.
    pub(crate) fn interval_us(self) -> i64 {
        self.window_us / i64::from(self.count)
    }
}

impl FromStr for Limit {
    type Err = ParseLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let parsed = || {
            let (count, window) = text.split_once('/')?;
            let seconds = window.strip_suffix('s')?;
            Self::new(number(count)?, Duration::from_secs(number(seconds)?.into()))
        };
        parsed().ok_or(ParseLimitError)
    }
}

/// Digits alone: `parse` would take a sign.
fn number(text: &str) -> Option<u32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("off"),
            Some(Rate { count, window_us }) => write!(f, "{count}/{}s", window_us / 1_000_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_one_way() {
        for text in ["off", "1/1s", "10/60s", "5/3600s", "600/60s", "900/1s", "10/604800s"] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "10",
            "10/",
            "/60s",
            "10/60",
            "10/60m",
            "0/60s",
            "10/0s",
            "-1/60s",
            "+1/60s",
            "10/-60s",
            "1.5/60s",
            "10 / 60s",
            "10/60s ",
            "1000/1s",
            "10/604801s",
            "99999999999/60s",
            "OFF",
            "10/60ss",
        ] {
            assert_eq!(text.parse::<Limit>(), Err(ParseLimitError), "{text:?}");
        }
    }

    #[test]
    fn half_of_a_limit_is_no_more_than_the_whole() {
        let halved = |text: &str| text.parse::<Limit>().unwrap().halved(5).to_string();
        assert_eq!(halved("10/60s"), "5/60s");
        assert_eq!(halved("1000/60s"), "500/60s");
        assert_eq!(halved("3/60s"), "3/60s");
        assert_eq!(halved("off"), "off");
    }
}
