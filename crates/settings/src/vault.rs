use ::vault::KeyServices;
use egress::UrlPolicy;
use keyring::Keyring;

use crate::variables::Reading;
use crate::{SettingsError, Variables};

/// What sealing and opening secrets depends on: of components that do, and of the command that rotates keys.
#[derive(Debug, Clone)]
pub struct VaultSettings {
    /// `master_key`, required: the root of all keys.
    pub keyring: Keyring,
    /// `kms`, default none: services that hold keys, as a JSON array. The first wraps what is new; without any the master key does.
    pub services: KeyServices,
    /// `egress_allow`, default empty: origins that outbound calls may reach beyond public ones over TLS.
    pub egress: UrlPolicy,
}

impl VaultSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 3] = ["master_key", "kms", "egress_allow"];

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let settings = Self::read(&mut reading);
        reading.finish(settings)
    }

    fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let keyring = reading.required("master_key", str::parse);
        let egress = reading.optional("egress_allow", UrlPolicy::default(), str::parse);
        let services = egress.as_ref().and_then(|egress| {
            let read = |text: &str| KeyServices::parse(text, egress);
            reading.optional("kms", KeyServices::default(), read)
        });
        Some(Self { keyring: keyring?, services: services?, egress: egress? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("master_key", "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=");

    fn refused(pairs: &[(&str, &str)]) -> String {
        VaultSettings::new(&pairs.iter().copied().collect()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_malformed_is_refused_without_its_value() {
        assert_eq!(refused(&[]), "settings: master_key is missing");
        let error =
            refused(&[("master_key", "hunter2"), ("kms", "hunter2"), ("egress_allow", "*")]);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("egress_allow: "), "{error}");
        let error = refused(&[KEY, ("kms", "hunter2")]);
        assert!(error.starts_with("settings: kms: it is no JSON array"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_service_of_a_private_network_needs_the_operator_s_leave() {
        let service = r#"[{"type":"vault_transit","name":"hc","url":"http://127.0.0.1:8200","token":"t","key":"k"}]"#;
        assert_eq!(
            refused(&[KEY, ("kms", service)]),
            "settings: kms: service hc: url: The URL must begin with https://."
        );
        let opened = [KEY, ("kms", service), ("egress_allow", "http://127.0.0.1:8200")];
        VaultSettings::new(&opened.into_iter().collect()).unwrap();
        VaultSettings::new(&[KEY, ("kms", " ")].into_iter().collect()).unwrap();
    }
}
