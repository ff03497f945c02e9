use std::fmt;
use std::str::FromStr;

use ambient::UnixMillis;
use jiff::civil::{Date, date};
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A day of UTC. Displays as `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

/// For how long a limit counts before it begins anew: a day, a week from Monday, or a month, all of UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    Day,
    Week,
    #[default]
    Month,
}

/// A name of no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is none of day, week and month")]
pub struct UnknownPeriod;

impl Day {
    /// 1970-01-01.
    const EPOCH: Date = date(1970, 1, 1);
    pub const MAX: Self = Self(Date::MAX);
    pub const MIN: Self = Self(Self::EPOCH);

    /// The day of a moment.
    pub fn of(moment: UnixMillis) -> Self {
        Self::from_number(moment.0.div_euclid(DAY_MS))
    }

    /// The day so many days after 1970-01-01.
    pub fn from_number(number: i64) -> Self {
        let span = Span::new().try_days(number);
        Self(span.map_or(Date::MAX, |span| Self::EPOCH.saturating_add(span)))
    }

    /// How many days it is after 1970-01-01.
    pub fn number(self) -> i64 {
        self.start().0.div_euclid(DAY_MS)
    }

    /// Its first moment.
    pub fn start(self) -> UnixMillis {
        let days = self.0.duration_since(Self::EPOCH).as_hours() / 24;
        UnixMillis(days.saturating_mul(DAY_MS))
    }
}

impl Period {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the period that this day is in.
    pub fn first(self, Day(day): Day) -> Day {
        Day(match self {
            Self::Day => day,
            Self::Week => {
                day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days())
            }
            Self::Month => day.first_of_month(),
        })
    }

    /// The first day of the next period.
    pub fn next(self, day: Day) -> Day {
        let length = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
        };
        Day(self.first(day).0.saturating_add(length))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        Date::strptime("%Y-%m-%d", text).map(Self)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("a day reads 2026-11-22"))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Period {
    type Err = UnknownPeriod;

    fn from_str(text: &str) -> Result<Self, UnknownPeriod> {
        let all = [Self::Day, Self::Week, Self::Month];
        all.into_iter().find(|period| period.as_str() == text).ok_or(UnknownPeriod)
    }
}
