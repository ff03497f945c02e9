use std::ops::Deref;
use std::time::Duration;

use usage::{Limit, Period, Quota};

use crate::variables::Reading;
use crate::{ChunkSettings, ConfigSettings, SettingsError, Variables};

/// How long a provider may be silent, unless someone says otherwise, and at most.
const TIMEOUT_DEFAULT: Duration = Duration::from_mins(1);
const TIMEOUT_MAX: Duration = Duration::from_mins(10);

/// What the component `chat` depends on: all that decides which model is asked, where it is, and with whose key.
#[derive(Debug, Clone)]
pub struct ChatSettings {
    pub config: ConfigSettings,
    /// Where the bytes of images are.
    pub chunks: ChunkSettings,
    /// `provider_timeout`, default 60: for how many seconds a provider may be silent, before its answer and within it; in all
    /// it may take ten times as long, and 13 minutes at most.
    pub provider_timeout: Duration,
    /// `quota_tokens` and `quota_user_tokens`, default none, within `quota_period`, default `month`: how many tokens an account may use as a whole, and
    /// each of its people, where the operator has set nothing else for it.
    pub quota: Quota,
}

impl ChatSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 22] = [
        ConfigSettings::NAMES[0],
        ConfigSettings::NAMES[1],
        ConfigSettings::NAMES[2],
        ConfigSettings::NAMES[3],
        ConfigSettings::NAMES[4],
        ConfigSettings::NAMES[5],
        ConfigSettings::NAMES[6],
        ConfigSettings::NAMES[7],
        ConfigSettings::NAMES[8],
        ConfigSettings::NAMES[9],
        ConfigSettings::NAMES[10],
        ConfigSettings::NAMES[11],
        ConfigSettings::NAMES[12],
        ConfigSettings::NAMES[13],
        ConfigSettings::NAMES[14],
        ConfigSettings::NAMES[15],
        ConfigSettings::NAMES[16],
        ChunkSettings::NAMES[0],
        "provider_timeout",
        "quota_tokens",
        "quota_user_tokens",
        "quota_period",
    ];

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let config = ConfigSettings::read(&mut reading);
        let chunks = ChunkSettings::read(&mut reading);
        let timeout = reading.optional("provider_timeout", TIMEOUT_DEFAULT, seconds);
        let quota = quota(&mut reading);
        let settings = (|| {
            let (config, chunks) = (config?, chunks?);
            Some(Self { config, chunks, provider_timeout: timeout?, quota: quota? })
        })();
        reading.finish(settings)
    }
}

impl Deref for ChatSettings {
    type Target = ConfigSettings;

    fn deref(&self) -> &ConfigSettings {
        &self.config
    }
}

fn seconds(value: &str) -> Result<Duration, &'static str> {
    let time = value.parse().ok().map(Duration::from_secs);
    let is_fine = |time: &Duration| !time.is_zero() && *time <= TIMEOUT_MAX;
    time.filter(is_fine).ok_or("it is no number of seconds from 1 to 600")
}

fn quota(reading: &mut Reading<'_>) -> Option<Quota> {
    let tokens = reading.optional("quota_tokens", None, number);
    let user_tokens = reading.optional("quota_user_tokens", None, number);
    let period = reading.optional("quota_period", Period::default(), str::parse);
    Some(Quota(Limit { tokens: tokens?, user_tokens: user_tokens?, period: period? }))
}

fn number(text: &str) -> Result<Option<i64>, &'static str> {
    let number = text.parse().ok().filter(|number| (0..=Limit::TOKENS_MAX).contains(number));
    number.map(Some).ok_or("it is no number of tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("master_key", "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=");

    fn settings(pairs: &[(&str, &str)]) -> Result<ChatSettings, SettingsError> {
        ChatSettings::new(&pairs.iter().copied().chain([KEY]).collect())
    }

    #[test]
    fn quotas_that_are_none_are_reported_together() {
        for (tokens, period) in [("-1", "year"), ("1e6", "Month"), ("1000000000000001", "30d")] {
            let error =
                settings(&[("quota_tokens", tokens), ("quota_period", period)]).unwrap_err();
            assert_eq!(error.0.len(), 2, "{error}");
        }
    }

    #[test]
    fn without_variables_everyone_may_use_as_much_as_they_like() {
        assert_eq!(settings(&[]).unwrap().quota, Quota::default());
        let given = settings(&[("quota_tokens", "1000000"), ("quota_period", "day")]).unwrap();
        let limit = Limit { tokens: Some(1_000_000), user_tokens: None, period: Period::Day };
        assert_eq!(given.quota, Quota(limit));
    }
}
