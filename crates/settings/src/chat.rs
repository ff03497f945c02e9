use std::ops::Deref;

use crate::{ConfigSettings, SettingsError, Variables};

/// What the component `chat` depends on: all that decides which model is asked, where it is, and with whose key.
#[derive(Debug, Clone)]
pub struct ChatSettings {
    pub config: ConfigSettings,
}

impl ChatSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 16] = ConfigSettings::NAMES;

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let settings = ConfigSettings::read(&mut reading).map(|config| Self { config });
        reading.finish(settings)
    }
}

impl Deref for ChatSettings {
    type Target = ConfigSettings;

    fn deref(&self) -> &ConfigSettings {
        &self.config
    }
}
