//! What the operator says about key services: the variable `kms`.

use std::collections::BTreeSet;

use egress::{Target, UrlPolicy};
use serde::Deserialize;
use sigv4::Credentials;

use crate::Secret;
use crate::kek::RING;

const SERVICES_MAX: usize = 8;
const NAME_BYTES_MAX: usize = 32;
const KEY_BYTES_MAX: usize = 256;
const MOUNT_DEFAULT: &str = "transit";

/// The services that hold keys, the one that wraps what is new first. Without any, the master key does it.
#[derive(Debug, Clone, Default)]
pub struct KeyServices(pub(crate) Vec<KeyService>);

/// The text does not say which services there are. What is wrong with it is told without any of its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseKeyServicesError(String);

#[derive(Debug, Clone)]
pub(crate) enum KeyService {
    /// The current master key.
    MasterKey,
    VaultTransit(TransitKey),
    AwsKms(AwsKey),
}

/// A key of the secrets engine Transit of HashiCorp Vault.
#[derive(Debug, Clone)]
pub(crate) struct TransitKey {
    pub name: String,
    pub token: Secret,
    pub namespace: Option<String>,
    pub encrypt: Target,
    pub decrypt: Target,
    pub rewrap: Target,
}

/// A key of AWS KMS.
#[derive(Debug, Clone)]
pub(crate) struct AwsKey {
    pub name: String,
    pub region: String,
    /// Its id, ARN or alias.
    pub key: String,
    pub credentials: Credentials,
    pub endpoint: Target,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Given {
    MasterKey {},
    VaultTransit(GivenTransit),
    AwsKms(GivenAws),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTransit {
    name: String,
    url: String,
    token: String,
    key: String,
    #[serde(default)]
    mount: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenAws {
    name: String,
    region: String,
    key: String,
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    session_token: Option<String>,
    #[serde(default)]
    endpoint: Option<String>,
}

impl KeyServices {
    /// Reads the JSON array of the variable `kms`. Services are called where `policy` allows it and nowhere else.
    ///
    /// # Errors
    /// [`ParseKeyServicesError`] with the first thing that is wrong.
    pub fn parse(text: &str, policy: &UrlPolicy) -> Result<Self, ParseKeyServicesError> {
        read(text, policy).map(Self).map_err(ParseKeyServicesError)
    }
}

fn read(text: &str, policy: &UrlPolicy) -> Result<Vec<KeyService>, String> {
    // What serde says could quote a secret; its position cannot.
    let given: Vec<Given> = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is no JSON array of key services, each with the type vault_transit, aws_kms or master_key and the members of that type \
             (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    if SERVICES_MAX < given.len() {
        return Err(format!("it has more than {SERVICES_MAX} services"));
    }
    let mut names = BTreeSet::new();
    let mut services = Vec::with_capacity(given.len());
    for (n, given) in given.into_iter().enumerate() {
        let name = match &given {
            Given::MasterKey {} => RING,
            Given::VaultTransit(given) => &given.name,
            Given::AwsKms(given) => &given.name,
        }
        .to_owned();
        if !given.is_well_named() {
            return Err(format!(
                "name of service {}: it must have 1 to {NAME_BYTES_MAX} letters a to z, digits or hyphens, and not be {RING}",
                n + 1
            ));
        }
        if !names.insert(name.clone()) {
            return Err(format!("two services are called {name}"));
        }
        let service = match given {
            Given::MasterKey {} => Ok(KeyService::MasterKey),
            Given::VaultTransit(given) => transit(given, policy).map(KeyService::VaultTransit),
            Given::AwsKms(given) => aws(given, policy).map(KeyService::AwsKms),
        };
        services.push(service.map_err(|rule| format!("service {name}: {rule}"))?);
    }
    Ok(services)
}

impl Given {
    /// The name is part of what stands in rows, so it is as plain as the ids of master keys.
    fn is_well_named(&self) -> bool {
        let name = match self {
            Self::MasterKey {} => return true,
            Self::VaultTransit(given) => &given.name,
            Self::AwsKms(given) => &given.name,
        };
        (1..=NAME_BYTES_MAX).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && name != RING
    }
}

fn transit(given: GivenTransit, policy: &UrlPolicy) -> Result<TransitKey, String> {
    let GivenTransit { name, url, token, key, mount, namespace } = given;
    let mount = mount.unwrap_or_else(|| MOUNT_DEFAULT.to_owned());
    if !is_segment(&key) {
        return Err("key: it is no name of a key".to_owned());
    }
    if !mount.split('/').all(is_segment) {
        return Err("mount: it is no path of a secrets engine".to_owned());
    }
    let is_header = |text: &str| {
        (1..=KEY_BYTES_MAX * 8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    if !is_header(&token) {
        return Err("token: it is no token".to_owned());
    }
    if namespace.as_deref().is_some_and(|namespace| !is_header(namespace)) {
        return Err("namespace: it is no namespace".to_owned());
    }
    if url.contains('?') {
        return Err("url: it is where the server is, without a query".to_owned());
    }
    let base = url.trim_end_matches('/');
    let target = |operation: &str| {
        let url = format!("{base}/v1/{mount}/{operation}/{key}");
        policy.check(&url).map_err(|rule| format!("url: {rule}"))
    };
    Ok(TransitKey {
        encrypt: target("encrypt")?,
        decrypt: target("decrypt")?,
        rewrap: target("rewrap")?,
        name,
        token: Secret::new(token.into_bytes()),
        namespace,
    })
}

fn aws(given: GivenAws, policy: &UrlPolicy) -> Result<AwsKey, String> {
    let GivenAws { name, region, key, access_key_id, secret_access_key, session_token, endpoint } =
        given;
    let is_region = !region.is_empty()
        && region.len() <= NAME_BYTES_MAX
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_region {
        return Err("region: it is no region as eu-central-1".to_owned());
    }
    let is_plain = |text: &str, bytes_max: usize| {
        (1..=bytes_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    if !is_plain(&key, KEY_BYTES_MAX) {
        return Err("key: it is no id, ARN or alias of a key".to_owned());
    }
    if !is_plain(&access_key_id, KEY_BYTES_MAX) || access_key_id.contains(['/', ',']) {
        return Err("access_key_id: it is no id of an access key".to_owned());
    }
    if !is_plain(&secret_access_key, KEY_BYTES_MAX) {
        return Err("secret_access_key: it is no secret of an access key".to_owned());
    }
    if session_token.as_deref().is_some_and(|token| !is_plain(token, KEY_BYTES_MAX * 16)) {
        return Err("session_token: it is no session token".to_owned());
    }
    let endpoint = endpoint.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com/"));
    let endpoint = policy.check(&endpoint).map_err(|rule| format!("endpoint: {rule}"))?;
    let credentials = Credentials::new(access_key_id, secret_access_key, session_token);
    Ok(AwsKey { name, region, key, credentials, endpoint })
}

/// Whether a text can stand between two slashes of a path without meaning anything else.
fn is_segment(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !text.bytes().all(|b| b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSIT: &str = r#"{"type":"vault_transit","name":"hc","url":"https://vault.example","token":"hunter2","key":"k"}"#;
    const AWS: &str = r#"{"type":"aws_kms","name":"aws","region":"eu-central-1","key":"alias/k","access_key_id":"a","secret_access_key":"hunter2"}"#;

    fn parse(text: &str) -> Result<KeyServices, ParseKeyServicesError> {
        KeyServices::parse(text, &UrlPolicy::default())
    }

    #[test]
    fn what_is_malformed_is_refused_by_its_place_and_without_its_value() {
        let with = |service: &str, from: &str, to: &str| {
            let changed = service.replace(from, to);
            assert_ne!(changed, service, "{from}");
            parse(&format!("[{changed}]")).unwrap_err().to_string()
        };
        for text in ["", "{}", "[1]", r#"[{"type":"gcp"}]"#, r#"[{"name":"a"}]"#] {
            assert!(parse(text).unwrap_err().to_string().starts_with("it is no JSON array"));
        }
        let refused = [
            with(TRANSIT, r#""key":"k""#, r#""key":"k","hunter2":1"#),
            with(TRANSIT, r#""key":"k""#, r#""key":1"#),
            with(TRANSIT, "https:", "http:"),
            with(TRANSIT, "vault.example", "127.0.0.1:8200"),
            with(TRANSIT, "vault.example", "vault.example?a=hunter2"),
            with(TRANSIT, r#""key":"k""#, r#""key":"..""#),
            with(TRANSIT, r#""key":"k""#, r#""key":"k/hunter2""#),
            with(TRANSIT, r#""key":"k""#, r#""key":"k","mount":"a//b""#),
            with(TRANSIT, r#""key":"k""#, r#""key":"k","namespace":"a\n""#),
            with(TRANSIT, "hunter2", "hunter2\\r\\n"),
            with(TRANSIT, r#""name":"hc""#, r#""name":"""#),
            with(TRANSIT, r#""name":"hc""#, r#""name":"ring""#),
            with(TRANSIT, r#""name":"hc""#, r#""name":"HC""#),
            with(AWS, "eu-central-1", "eu central"),
            with(AWS, "alias/k", ""),
            with(AWS, r#""access_key_id":"a""#, r#""access_key_id":"a/b""#),
            with(AWS, "hunter2", ""),
            with(AWS, r#""key""#, r#""session_token":" ","key""#),
            with(AWS, r#""key""#, r#""endpoint":"http://127.0.0.1:1","key""#),
            parse(&format!("[{AWS},{AWS}]")).unwrap_err().to_string(),
            parse(&format!("[{}]", [r#"{"type":"master_key"}"#; 9].join(",")))
                .unwrap_err()
                .to_string(),
        ];
        for error in &refused {
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(refused[2], "service hc: url: The URL must begin with https://.");
        assert_eq!(refused[19], "two services are called aws");
        assert_eq!(refused[20], "it has more than 8 services");
    }

    #[test]
    fn services_are_read_in_their_order_and_hide_their_secrets() {
        let services = parse(&format!(r#"[{TRANSIT},{{"type":"master_key"}},{AWS}]"#)).unwrap();
        let [KeyService::VaultTransit(transit), KeyService::MasterKey, KeyService::AwsKms(aws)] =
            services.0.as_slice()
        else {
            panic!("{services:?}");
        };
        assert_eq!(transit.rewrap.as_str(), "https://vault.example/v1/transit/rewrap/k");
        assert_eq!(aws.endpoint.as_str(), "https://kms.eu-central-1.amazonaws.com/");
        assert!(!format!("{services:?}").contains("hunter2"));
        let opened: UrlPolicy = "http://127.0.0.1:*".parse().unwrap();
        let local = TRANSIT.replace("https://vault.example", "http://127.0.0.1:8200/");
        let local = KeyServices::parse(&format!("[{local}]"), &opened).unwrap();
        let [KeyService::VaultTransit(transit)] = local.0.as_slice() else { panic!("{local:?}") };
        assert_eq!(transit.encrypt.as_str(), "http://127.0.0.1:8200/v1/transit/encrypt/k");
    }
}
