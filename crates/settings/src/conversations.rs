use crate::{DataSettings, SettingsError, Variables};

/// What the component `conversations` depends on. It has no secret: it verifies tokens with public keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationsSettings {
    pub data: DataSettings,
}

impl ConversationsSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 4] = DataSettings::NAMES;

    /// # Errors
    /// [`SettingsError`] with everything that is malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let data = DataSettings::read(&mut reading);
        reading.finish(data.map(|data| Self { data }))
    }
}
