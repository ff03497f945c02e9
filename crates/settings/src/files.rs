use keyring::Keyring;

use crate::variables::Reading;
use crate::{ChunkSettings, DataSettings, SettingsError, Variables};

const QUOTA_BYTES_DEFAULT: u64 = 1024 * 1024 * 1024;
const QUOTA_FILES_DEFAULT: u32 = 10_000;

/// What the component `files` depends on. It holds the root secret for the key that signs links.
#[derive(Debug, Clone)]
pub struct FilesSettings {
    pub data: DataSettings,
    pub chunks: ChunkSettings,
    /// `master_key`.
    pub keyring: Keyring,
    /// `file_quota_bytes`, default 1 GiB: how many bytes of files an account may have.
    pub quota_bytes: u64,
    /// `file_quota_count`, default 10000: how many files.
    pub quota_files: u32,
}

impl FilesSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 9] = [
        DataSettings::NAMES[0],
        DataSettings::NAMES[1],
        DataSettings::NAMES[2],
        DataSettings::NAMES[3],
        ChunkSettings::NAMES[0],
        ChunkSettings::NAMES[1],
        "master_key",
        "file_quota_bytes",
        "file_quota_count",
    ];

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let settings = Self::read(&mut reading);
        reading.finish(settings)
    }

    fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let data = DataSettings::read(reading);
        let chunks = ChunkSettings::read(reading);
        let keyring = reading.required("master_key", str::parse);
        let quota_bytes = reading.optional("file_quota_bytes", QUOTA_BYTES_DEFAULT, number);
        let quota_files = reading.optional("file_quota_count", QUOTA_FILES_DEFAULT, number);
        Some(Self {
            data: data?,
            chunks: chunks?,
            keyring: keyring?,
            quota_bytes: quota_bytes?,
            quota_files: quota_files?,
        })
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, &'static str> {
    value.parse().map_err(|_| "it is no whole number, or too large")
}
