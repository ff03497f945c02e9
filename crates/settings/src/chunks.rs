use ::chunks::S3Bucket;
use egress::UrlPolicy;

use crate::variables::Reading;
use crate::{SettingsError, Variables};

/// Where the bytes of files are kept: what the component that writes them and the command that sweeps depend on.
#[derive(Debug, Clone)]
pub struct ChunkSettings {
    /// `chunk_store`, default none: a bucket of S3 as a JSON object. Without one it is the key-value store.
    pub bucket: Option<S3Bucket>,
}

impl ChunkSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 2] = ["chunk_store", "egress_allow"];

    /// # Errors
    /// [`SettingsError`] with everything that is malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let settings = Self::read(&mut reading);
        reading.finish(settings)
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        // `egress_allow`, default empty: origins that outbound calls may reach beyond public ones over TLS.
        let egress = reading.optional("egress_allow", UrlPolicy::default(), str::parse)?;
        let read = |text: &str| S3Bucket::parse(text, &egress).map(Some);
        Some(Self { bucket: reading.optional("chunk_store", None, read)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: &str = r#"{"type":"s3","bucket":"chunks","region":"eu-central-1","access_key_id":"a","secret_access_key":"hunter2","endpoint":"http://127.0.0.1:9000"}"#;

    fn settings(pairs: &[(&str, &str)]) -> Result<ChunkSettings, String> {
        let variables: Variables = pairs.iter().copied().collect();
        ChunkSettings::new(&variables).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_malformed_is_refused_without_its_value() {
        let error = settings(&[("chunk_store", "hunter2")]).unwrap_err();
        assert!(error.starts_with("settings: chunk_store: it is no JSON object"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(
            settings(&[("chunk_store", BUCKET)]).unwrap_err(),
            "settings: chunk_store: endpoint: The URL must begin with https://."
        );
        let error = settings(&[("chunk_store", BUCKET), ("egress_allow", "*")]).unwrap_err();
        assert!(error.starts_with("settings: egress_allow: "), "{error}");
    }

    #[test]
    fn without_a_bucket_it_is_the_key_value_store() {
        assert!(settings(&[]).unwrap().bucket.is_none());
        assert!(settings(&[("chunk_store", " ")]).unwrap().bucket.is_none());
        let opened = [("chunk_store", BUCKET), ("egress_allow", "http://127.0.0.1:9000")];
        assert!(settings(&opened).unwrap().bucket.is_some());
    }
}
