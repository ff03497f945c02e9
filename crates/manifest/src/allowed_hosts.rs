//! Which hosts a component may call: `allowed_outbound_hosts`.

use std::collections::BTreeMap;

use ipnet::IpNet;
use url::{Host, Url};

use crate::component::Component;
use crate::variables::Variables;

/// `http://<component>.spin.internal` is another component of the same application.
pub const SERVICE_CHAINING_SUFFIX: &str = ".spin.internal";

/// The hosts that a component may call. Without an entry, none.
///
/// An entry is `scheme://host[:port]`. The scheme is a name or `*`; the host a name, an address, a network
/// (`10.0.0.0/8`), `*.domain` (not the domain itself), `*`, or `self`, which is the application's own
/// address in a relative URL; the port a number, a range (`8000..9000`, without its end) or `*`.
/// Without a port it is the usual one of the scheme. Names are compared as URLs compare them: without case,
/// in punycode. As in Spin, `*` also allows service chaining and `self`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None` is any.
    scheme: Option<String>,
    host: HostRule,
    port: PortRule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Any,
    OwnAddress,
    /// The domain with a leading dot.
    Subdomains(String),
    Exact(Host),
    Network(IpNet),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortRule {
    Any,
    One(u16),
    /// From the first to before the second.
    Range(u16, u16),
}

/// Why an entry of `allowed_outbound_hosts` is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowedHostsError {
    #[error("`{0}` has no scheme; write `https://host`, or `*://*:*` to allow every host")]
    NoScheme(String),
    #[error("`{0}` is not a scheme; write letters only, or `*`")]
    Scheme(String),
    #[error("the scheme `{0}` has no usual port; write `host:port`, or `host:*` for every port")]
    NoPort(String),
    #[error("`{0}` is not a port; write a number, a range such as `8000..9000`, or `*`")]
    Port(String),
    #[error("`{0}` has a path; write only scheme, host and port")]
    Path(String),
    #[error(
        "`{0}` is not a host; write a name, an address, a network such as `10.0.0.0/8`, `*.domain` or `*`"
    )]
    Host(String),
    #[error(
        "the template `{0}` does not give a valid host with the present values of its variables; correct them"
    )]
    Rendered(String),
}

impl AllowedHosts {
    /// Parses the entries, which must not contain templates.
    ///
    /// # Errors
    /// The first entry that is not one.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, AllowedHostsError> {
        let entries =
            entries.iter().map(|entry| Entry::parse(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The hosts of `component` with the values of its templates. An entry that a variable makes empty
    /// (`""`, `http://` or `https://`) is left out, so that an optional host is a variable with an empty default.
    ///
    /// # Errors
    /// A template that gives no valid host. The error names the template, never the values.
    pub fn of_component(
        component: &Component,
        variables: &Variables,
    ) -> Result<Self, AllowedHostsError> {
        let mut entries = Vec::new();
        for template in &component.allowed_outbound_hosts {
            let invalid = || AllowedHostsError::Rendered(template.to_string());
            let host = template.render(variables).map_err(|_| invalid())?;
            if template.is_literal() {
                entries.push(Entry::parse(host.as_str())?);
            } else if let Some(entry) = parse_rendered(host.as_str()).map_err(|_| invalid())? {
                entries.push(entry);
            }
        }
        Ok(Self { entries })
    }

    pub(crate) fn parse_rendered(host: &str) -> Result<(), AllowedHostsError> {
        parse_rendered(host).map(|_| ())
    }

    /// Limits `*.spin.internal` to the components that exist, as Spin does.
    #[must_use]
    pub fn with_components<T>(mut self, components: &BTreeMap<String, T>) -> Self {
        let expand = |entry: Entry| match &entry.host {
            HostRule::Subdomains(suffix) if suffix == SERVICE_CHAINING_SUFFIX => components
                .keys()
                .map(|id| Entry {
                    host: HostRule::Exact(Host::Domain(format!("{id}{SERVICE_CHAINING_SUFFIX}"))),
                    ..entry.clone()
                })
                .collect(),
            _ => vec![entry],
        };
        self.entries = self.entries.into_iter().flat_map(expand).collect();
        self
    }

    /// Whether the component may call `url`. A URL without a host is refused.
    pub fn allows(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.allows_parts(url.scheme(), host, url.port()))
    }

    /// Whether the component may call `host`, an address (IPv6 in brackets) or a name, as a URL has it. Without
    /// a port the usual one of the scheme counts.
    pub fn allows_parts(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Ok(host) = Host::parse(host) else { return false };
        let port = port.or_else(|| usual_port(scheme));
        self.entries.iter().any(|entry| {
            entry.scheme_allows(scheme) && entry.host.allows(&host) && entry.port.allows(port)
        })
    }

    /// Whether the component may call the application's own address by a relative URL.
    pub fn allows_own_address(&self, scheme: &str) -> bool {
        self.entries.iter().any(|entry| {
            entry.scheme_allows(scheme)
                && matches!(entry.host, HostRule::Any | HostRule::OwnAddress)
        })
    }

    /// Whether no host is allowed at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The component that `http://<component>.spin.internal` names, from a host without its port.
pub fn service_chaining_target(host: &str) -> Option<&str> {
    let component = host.strip_suffix(SERVICE_CHAINING_SUFFIX)?;
    (!component.is_empty() && !component.contains('.')).then_some(component)
}

fn parse_rendered(host: &str) -> Result<Option<Entry>, AllowedHostsError> {
    if matches!(host, "" | "http://" | "https://") {
        return Ok(None);
    }
    Entry::parse(host).map(Some)
}

impl Entry {
    fn parse(text: &str) -> Result<Self, AllowedHostsError> {
        let entry = text.trim();
        let (scheme, rest) =
            entry.split_once("://").ok_or_else(|| AllowedHostsError::NoScheme(entry.to_owned()))?;
        let scheme_rule = match scheme {
            "*" => None,
            _ if !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphabetic()) => {
                Some(scheme.to_ascii_lowercase())
            }
            _ => return Err(AllowedHostsError::Scheme(scheme.to_owned())),
        };
        let (host, port) = split_port(entry, rest)?;
        let port = match (port, usual_port(scheme)) {
            ("", Some(port)) => PortRule::One(port),
            ("", None) => return Err(AllowedHostsError::NoPort(scheme.to_owned())),
            (port, _) => PortRule::parse(port)?,
        };
        Ok(Self { scheme: scheme_rule, host: HostRule::parse(entry, host)?, port })
    }

    fn scheme_allows(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|allowed| allowed == scheme)
    }
}

/// Splits at the last colon, unless it belongs to an IPv6 address or network.
fn split_port<'a>(entry: &str, rest: &'a str) -> Result<(&'a str, &'a str), AllowedHostsError> {
    let Some((host, tail)) = rest.rsplit_once(':') else { return Ok((rest, "")) };
    if tail.is_empty() {
        return Ok((host, ""));
    }
    if HostRule::parse(entry, rest).is_ok() {
        return Ok((rest, ""));
    }
    match tail.split_once('/') {
        Some((port, "")) => Ok((host, port)),
        Some(_) if !host.contains("::") && !host.starts_with('[') => {
            Err(AllowedHostsError::Path(entry.to_owned()))
        }
        Some(_) => Err(AllowedHostsError::Host(rest.to_owned())),
        None => Ok((host, tail)),
    }
}

impl HostRule {
    fn parse(entry: &str, text: &str) -> Result<Self, AllowedHostsError> {
        let invalid = || AllowedHostsError::Host(text.to_owned());
        let host = text.trim();
        match host {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::OwnAddress),
            _ => {}
        }
        if let Ok(network) = host.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            return Err(AllowedHostsError::Path(entry.to_owned()));
        }
        if let Some(domain) = host.strip_prefix("*.") {
            return match Host::parse(domain) {
                Ok(Host::Domain(domain)) if !domain.contains('*') => {
                    Ok(Self::Subdomains(format!(".{domain}")))
                }
                _ => Err(invalid()),
            };
        }
        if host.contains(['*', '{', '}']) {
            return Err(invalid());
        }
        Host::parse(host).map(Self::Exact).map_err(|_| invalid())
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exact(allowed), host) => allowed == host,
            (Self::Subdomains(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Network(network), Host::Ipv4(address)) => {
                network.contains(&std::net::IpAddr::V4(*address))
            }
            (Self::Network(network), Host::Ipv6(address)) => {
                network.contains(&std::net::IpAddr::V6(*address))
            }
            (Self::Network(_), Host::Domain(_)) | (Self::Subdomains(_) | Self::OwnAddress, _) => {
                false
            }
        }
    }
}

impl PortRule {
    fn parse(text: &str) -> Result<Self, AllowedHostsError> {
        let invalid = || AllowedHostsError::Port(text.to_owned());
        let number = |digits: &str| digits.parse::<u16>().map_err(|_| invalid());
        match text.split_once("..") {
            _ if text == "*" => Ok(Self::Any),
            None => number(text).map(Self::One),
            Some((first, end)) => {
                let (first, end) = (number(first)?, number(end)?);
                if first < end { Ok(Self::Range(first, end)) } else { Err(invalid()) }
            }
        }
    }

    fn allows(self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::One(allowed), Some(port)) => allowed == port,
            (Self::Range(first, end), Some(port)) => (first..end).contains(&port),
            (_, None) => false,
        }
    }
}

/// The port of a URL that names none. The schemes are those that Spin knows.
fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}
