use std::ops::Deref;
use std::time::Duration;

use crate::{ConfigSettings, SettingsError, Variables};

/// How long a provider may be silent, unless someone says otherwise, and at most.
const TIMEOUT_DEFAULT: Duration = Duration::from_mins(1);
const TIMEOUT_MAX: Duration = Duration::from_mins(10);

/// What the component `chat` depends on: all that decides which model is asked, where it is, and with whose key.
#[derive(Debug, Clone)]
pub struct ChatSettings {
    pub config: ConfigSettings,
    /// `provider_timeout`, default 60: for how many seconds a provider may be silent, before its answer and within it.
    pub provider_timeout: Duration,
}

impl ChatSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 17] = {
        let mut names = ["provider_timeout"; 17];
        let mut n = 0;
        while n < ConfigSettings::NAMES.len() {
            names[n] = ConfigSettings::NAMES[n];
            n += 1;
        }
        names
    };

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let config = ConfigSettings::read(&mut reading);
        let timeout = reading.optional("provider_timeout", TIMEOUT_DEFAULT, seconds);
        let settings = (|| Some(Self { config: config?, provider_timeout: timeout? }))();
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
