use ids::ProviderKeyId;
use serde::{Deserialize, Serialize};

use crate::{Hosts, Provider, ProviderKey};

/// A stored key of an account, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    pub id: ProviderKeyId,
    pub provider: Provider,
    /// The origin that it was stored for; none for the provider's own host.
    pub origin: Option<String>,
    /// Whether models of the account use it that name no key.
    pub is_active: bool,
}

/// Where a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'a> {
    pub provider: Provider,
    /// The origin of its `base_url`; none for the provider's own host.
    pub origin: Option<&'a str>,
    /// The key that it names.
    pub key_id: Option<ProviderKeyId>,
}

/// With whose key a model is asked.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// A key of the account.
    Account(&'a KeyEntry),
    /// The operator's key.
    System(&'a ProviderKey),
    /// No key may go there.
    Missing,
}

impl Choice<'_> {
    /// Whether there is a key.
    pub fn is_some(self) -> bool {
        !matches!(self, Self::Missing)
    }
}

impl Destination<'_> {
    /// Whether a key may go there: it is the provider's, and was stored for exactly this origin.
    pub fn may_have(&self, key: &KeyEntry, hosts: &Hosts) -> bool {
        let own = hosts.get(self.provider).map(|host| host.origin.as_str());
        let wanted = self.origin.or(own);
        key.provider == self.provider && wanted.is_some() && key.origin.as_deref().or(own) == wanted
    }
}

/// Decides with whose key a model is asked. `keys` are those of the account that asks.
pub fn choose_key<'a>(
    destination: &Destination<'_>,
    keys: &'a [KeyEntry],
    hosts: &'a Hosts,
) -> Choice<'a> {
    let may_have = |key: &&KeyEntry| destination.may_have(key, hosts);
    let named = destination.key_id.and_then(|id| keys.iter().find(|key| key.id == id));
    let active = || keys.iter().filter(may_have).find(|key| key.is_active);
    if let Some(key) = named.filter(may_have).or_else(active) {
        return Choice::Account(key);
    }
    // Whoever names a URL, even one on the provider's own host, brings the key for it.
    let host = hosts.get(destination.provider).filter(|_| destination.origin.is_none());
    host.and_then(|host| host.key.as_ref()).map_or(Choice::Missing, Choice::System)
}

#[cfg(test)]
mod tests {
    use ambient::UnixMillis;
    use ids::Id;

    use super::*;
    use crate::Host;

    fn hosts() -> Hosts {
        let host = |origin: &str, key: Option<&str>| Host {
            base_url: format!("{origin}/v1"),
            origin: origin.to_owned(),
            key: key.map(ProviderKey::new),
        };
        Hosts::from_iter([
            (Provider::Openai, host("https://api.openai.com", Some("operator"))),
            (Provider::Anthropic, host("https://api.anthropic.com", None)),
        ])
    }

    fn id(n: u8) -> ProviderKeyId {
        Id::new(UnixMillis(0), [n; 10])
    }

    fn key(n: u8, provider: Provider, origin: Option<&str>, is_active: bool) -> KeyEntry {
        KeyEntry { id: id(n), provider, origin: origin.map(str::to_owned), is_active }
    }

    /// `account N`, `system` or `missing`.
    fn chosen(provider: Provider, origin: Option<&str>, named: Option<u8>) -> String {
        let keys = [
            key(1, Provider::Openai, None, false),
            key(2, Provider::Openai, Some("https://proxy.example"), true),
            key(3, Provider::Openai, Some("https://other.example"), false),
            key(4, Provider::Anthropic, Some("https://api.anthropic.com"), true),
            key(5, Provider::OpenaiCompatible, Some("https://llm.example"), true),
            key(6, Provider::OpenaiCompatible, None, true),
        ];
        let destination = Destination { provider, origin, key_id: named.map(id) };
        match choose_key(&destination, &keys, &hosts()) {
            Choice::Account(key) => {
                let n = keys.iter().position(|known| known == key).unwrap() + 1;
                format!("account {n}")
            }
            Choice::System(key) => {
                assert_eq!(key.reveal(), "operator");
                "system".to_owned()
            }
            Choice::Missing => "missing".to_owned(),
        }
    }

    #[test]
    fn a_key_goes_to_the_origin_that_it_was_stored_for_and_nowhere_else() {
        use Provider::{Anthropic, Gemini, Openai, OpenaiCompatible};
        for (provider, origin, named, expected) in [
            (Openai, None, None, "system"),
            (Openai, None, Some(1), "account 1"),
            (Openai, None, Some(2), "system"),
            (Openai, Some("https://api.openai.com"), Some(1), "account 1"),
            (Openai, Some("https://api.openai.com"), None, "missing"),
            (Openai, Some("https://api.openai.com:8443"), Some(1), "missing"),
            (Openai, Some("http://api.openai.com"), Some(1), "missing"),
            (Openai, Some("https://evil.example"), Some(1), "missing"),
            (Openai, Some("https://evil.example"), Some(2), "missing"),
            (Openai, Some("https://proxy.example"), None, "account 2"),
            (Openai, Some("https://proxy.example"), Some(9), "account 2"),
            (Openai, Some("https://other.example"), None, "missing"),
            (Openai, Some("https://other.example"), Some(3), "account 3"),
            (Anthropic, None, None, "account 4"),
            (Anthropic, Some("https://proxy.example"), Some(2), "missing"),
            (Gemini, None, Some(1), "missing"),
            (OpenaiCompatible, Some("https://llm.example"), None, "account 5"),
            (OpenaiCompatible, Some("https://proxy.example"), Some(2), "missing"),
            (OpenaiCompatible, None, None, "missing"),
            (OpenaiCompatible, None, Some(6), "missing"),
        ] {
            let seen = chosen(provider, origin, named);
            assert_eq!(seen, expected, "{provider} {origin:?} {named:?}");
        }
    }

    #[test]
    fn keys_do_not_print() {
        assert!(!format!("{:?}", hosts()).contains("operator"));
    }
}
