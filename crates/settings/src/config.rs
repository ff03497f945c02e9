use ::vault::KeyServices;
use catalog::{Host, Hosts, Provider, ProviderKey};
use egress::UrlPolicy;
use keyring::Keyring;

use crate::variables::Reading;
use crate::{DataSettings, SettingsError, Variables};

/// What the component `config` depends on.
#[derive(Debug, Clone)]
pub struct ConfigSettings {
    pub data: DataSettings,
    /// `master_key`, required: the root of all keys.
    pub keyring: Keyring,
    /// `kms`, default none: services that hold keys, as a JSON array. The first wraps what is new; without any the master key does.
    pub services: KeyServices,
    /// `egress_allow`, default empty: origins that outbound calls may reach beyond public ones over TLS; `egress_unverified`, default empty:
    /// those that need not prove who they are.
    pub egress: UrlPolicy,
    /// Where the providers are, with the operator's keys: `openai_base_url`, `openai_api_key`, and so on.
    pub hosts: Hosts,
    /// `primary_provider` and `primary_model`, default `openai` and `gpt-4o`: the model that everyone has who has chosen no other.
    pub primary: PrimaryModel,
}

/// The model that everyone has who has chosen no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryModel {
    pub provider: Provider,
    pub model: String,
}

/// How long the name of a model or a key may be.
const TEXT_BYTES_MAX: usize = 200;
const KEY_BYTES_MAX: usize = 8 * 1024;

/// Providers with a host of their own, with the variables that say where it is and with whose key.
const HOSTS: [(Provider, &str, Option<&str>); 4] = [
    (Provider::Openai, "openai_base_url", Some("openai_api_key")),
    (Provider::Anthropic, "anthropic_base_url", Some("anthropic_api_key")),
    (Provider::Gemini, "gemini_base_url", Some("gemini_api_key")),
    (Provider::Ollama, "ollama_base_url", None),
];

impl ConfigSettings {
    /// The variables that it reads.
    pub const NAMES: [&'static str; 17] = [
        DataSettings::NAMES[0],
        DataSettings::NAMES[1],
        DataSettings::NAMES[2],
        DataSettings::NAMES[3],
        "master_key",
        "kms",
        "egress_allow",
        "egress_unverified",
        "primary_provider",
        "primary_model",
        "openai_base_url",
        "openai_api_key",
        "anthropic_base_url",
        "anthropic_api_key",
        "gemini_base_url",
        "gemini_api_key",
        "ollama_base_url",
    ];

    /// # Errors
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn new(variables: &Variables) -> Result<Self, SettingsError> {
        let mut reading = variables.reading();
        let settings = Self::read(&mut reading);
        reading.finish(settings)
    }

    pub(crate) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let data = DataSettings::read(reading);
        let keyring = reading.required("master_key", str::parse);
        let egress = reading.optional("egress_allow", UrlPolicy::default(), str::parse);
        let egress = egress.and_then(|egress: UrlPolicy| {
            let unverified = |origins: &str| egress.clone().with_unverified(origins);
            reading.optional("egress_unverified", egress.clone(), unverified)
        });
        let services = egress.as_ref().and_then(|egress| {
            let read = |text: &str| KeyServices::parse(text, egress);
            reading.optional("kms", KeyServices::default(), read)
        });
        let hosts = egress.as_ref().and_then(|egress| hosts(reading, egress));
        let provider = reading.optional("primary_provider", Provider::Openai, primary_provider);
        let model = reading.optional("primary_model", "gpt-4o".to_owned(), primary_model);
        Some(Self {
            data: data?,
            keyring: keyring?,
            services: services?,
            egress: egress?,
            hosts: hosts?,
            primary: PrimaryModel { provider: provider?, model: model? },
        })
    }
}

fn hosts(reading: &mut Reading<'_>, egress: &UrlPolicy) -> Option<Hosts> {
    let mut all = Some(Vec::new());
    for (provider, url, key) in HOSTS {
        let usual = provider.usual_base_url().and_then(|url| host(url, egress).ok());
        let given = reading.optional(url, usual, |text| host(text, egress).map(Some));
        let key = key.map_or(Some(None), |key| reading.optional(key, None, provider_key));
        // What is wrong is reported already; the rest is read all the same, so that it is reported too.
        all = match (all, given, key) {
            (Some(mut hosts), Some(given), Some(key)) => {
                hosts.extend(given.map(|host| (provider, Host { key, ..host })));
                Some(hosts)
            }
            _ => None,
        };
    }
    all.map(Hosts::from_iter)
}

fn host(text: &str, egress: &UrlPolicy) -> Result<Host, String> {
    if text.contains('?') {
        return Err("The URL may not hold a query.".to_owned());
    }
    let target = egress.check(text).map_err(|refused| refused.to_string())?;
    let base_url = target.as_str().trim_end_matches('/').to_owned();
    Ok(Host { base_url, origin: target.origin(), key: None })
}

fn provider_key(text: &str) -> Result<Option<ProviderKey>, &'static str> {
    let is_key = text.len() <= KEY_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_key { Ok(Some(ProviderKey::new(text))) } else { Err("it is no key in plain ASCII") }
}

fn primary_provider(text: &str) -> Result<Provider, &'static str> {
    let provider: Option<Provider> = text.parse().ok();
    let has_host = |provider: &Provider| HOSTS.iter().any(|(known, ..)| known == provider);
    provider.filter(has_host).ok_or("it is none of openai, anthropic, gemini and ollama")
}

fn primary_model(text: &str) -> Result<String, &'static str> {
    let is_name = text.len() <= TEXT_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(text.to_owned()) } else { Err("it is no name of a model in plain ASCII") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (&str, &str) = ("master_key", "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=");

    fn settings(pairs: &[(&str, &str)]) -> Result<ConfigSettings, SettingsError> {
        ConfigSettings::new(&pairs.iter().copied().chain([KEY]).collect())
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once_without_its_value() {
        let error = settings(&[
            ("primary_provider", "openai-compatible"),
            ("primary_model", "hunter 2"),
            ("openai_base_url", "http://hunter2.example/v1"),
            ("anthropic_api_key", "hunter\u{fc}2"),
            ("gemini_base_url", "https://hunter2.example/v1?x"),
        ])
        .unwrap_err();
        assert_eq!(error.0.len(), 5, "{error}");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }

    #[test]
    fn providers_have_their_usual_hosts_and_ollama_has_one_that_is_opened() {
        let usual = settings(&[]).unwrap();
        assert_eq!(usual.primary.model, "gpt-4o");
        let openai = usual.hosts.get(Provider::Openai).unwrap();
        assert_eq!(openai.origin, "https://api.openai.com");
        assert!(openai.key.is_none());
        assert!(usual.hosts.get(Provider::Ollama).is_none());
        let opened = settings(&[("egress_allow", "http://127.0.0.1:11434")]).unwrap();
        assert_eq!(opened.hosts.get(Provider::Ollama).unwrap().origin, "http://127.0.0.1:11434");
    }

    #[test]
    fn only_origins_over_tls_can_go_unverified() {
        for wrong in ["http://lab.example", "lab.example", "*", "https://*.example", "https://a/b"]
        {
            let error = settings(&[("egress_unverified", wrong)]).unwrap_err().to_string();
            assert!(error.starts_with("settings: egress_unverified: "), "{error}");
        }
        let egress = settings(&[("egress_unverified", "https://lab.example:8443")]).unwrap().egress;
        egress.check_unverified("https://lab.example:8443/v1").unwrap();
        assert!(egress.check("https://lab.example:8443/v1").is_err());
        assert!(egress.check_unverified("https://lab.example/v1").is_err());
    }

    #[test]
    fn the_operator_moves_hosts_and_gives_keys() {
        let settings = settings(&[
            ("openai_base_url", "https://gateway.example:8443/openai/"),
            ("openai_api_key", "sk-1"),
            ("primary_provider", "anthropic"),
            ("primary_model", "claude-sonnet-4-5"),
        ])
        .unwrap();
        let host = settings.hosts.get(Provider::Openai).unwrap();
        assert_eq!(host.base_url, "https://gateway.example:8443/openai");
        assert_eq!(host.origin, "https://gateway.example:8443");
        assert_eq!(host.key.as_ref().unwrap().reveal(), "sk-1");
        assert_eq!(settings.primary.provider, Provider::Anthropic);
        assert!(!format!("{settings:?}").contains("sk-1"));
    }
}
