use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::Provider;

/// A key of a provider. It prints nothing and is erased when it is dropped.
#[derive(Clone)]
pub struct ProviderKey(Zeroizing<String>);

/// Where a provider is in this deployment.
#[derive(Debug, Clone)]
pub struct Host {
    /// With the version in the path and without a slash at its end.
    pub base_url: String,
    /// Scheme, host and port of it.
    pub origin: String,
    /// The operator's key, which is for this host alone.
    pub key: Option<ProviderKey>,
}

/// Where the providers are in this deployment. One that is missing has to be named by a `base_url`.
#[derive(Debug, Clone, Default)]
pub struct Hosts(BTreeMap<Provider, Host>);

impl ProviderKey {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned().into())
    }

    /// The key itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}

impl Hosts {
    /// The provider's own host.
    pub fn get(&self, provider: Provider) -> Option<&Host> {
        self.0.get(&provider)
    }
}

impl FromIterator<(Provider, Host)> for Hosts {
    fn from_iter<I: IntoIterator<Item = (Provider, Host)>>(hosts: I) -> Self {
        Self(hosts.into_iter().collect())
    }
}
