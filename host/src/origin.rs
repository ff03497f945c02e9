//! Origins that the operator opens although their network is blocked, such as a model server on the same machine.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use crate::error::HostError;

/// `scheme://host:port`, where the port may be `*`.
///
/// An origin opens the host by the name it was written with, not every name that resolves to the same address: otherwise a
/// foreign name pointed at 127.0.0.1 would reach what was opened for this machine only. `localhost` and the loopback
/// addresses stand for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Whether `uri` lies in this origin.
    pub fn contains(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
        let port = uri.port_u16().or_else(|| default_port(scheme));
        self.scheme.eq_ignore_ascii_case(scheme)
            && self.port.is_none_or(|own| Some(own) == port)
            && same_host(&self.host, host)
    }
}

impl FromStr for Origin {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let malformed = || HostError::Origin { origin: text.to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, None),
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| malformed())?))
            }
            _ => (authority, Some(default_port(scheme).ok_or_else(malformed)?)),
        };
        let plain_scheme = matches!(scheme, "http" | "https");
        let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if !plain_scheme || host.is_empty() || !(is_name || bare(host).parse::<IpAddr>().is_ok()) {
            return Err(malformed());
        }
        Ok(Self { scheme: scheme.to_owned(), host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}://{}:{port}", self.scheme, self.host),
            None => write!(f, "{}://{}:*", self.scheme, self.host),
        }
    }
}

/// The port that a scheme implies (RFC 9110, sections 4.2.1 and 4.2.2).
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The host without the brackets that surround an IPv6 address in a URI.
pub(crate) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn same_host(opened: &str, asked: &str) -> bool {
    opened.eq_ignore_ascii_case(asked) || (is_loopback(opened) && is_loopback(asked))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || bare(host).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(origin: &str, uri: &str) -> bool {
        origin.parse::<Origin>().unwrap().contains(&uri.parse().unwrap())
    }

    #[test]
    fn an_origin_contains_only_its_scheme_host_and_port() {
        assert!(contains("http://127.0.0.1:11434", "http://127.0.0.1:11434/api"));
        assert!(contains("http://127.0.0.1:11434", "http://localhost:11434/"));
        assert!(contains("http://127.0.0.1:*", "http://127.0.0.1/"));
        assert!(contains("http://[::1]:8000", "http://[::1]:8000/"));
        assert!(contains("https://models.lan", "https://models.lan/v1"));
        assert!(!contains("http://127.0.0.1:11434", "https://127.0.0.1:11434/"));
        assert!(!contains("http://127.0.0.1:11434", "http://127.0.0.1:11435/"));
        assert!(!contains("http://127.0.0.1:11434", "http://rebound.example:11434/"));
        assert!(!contains("http://10.0.0.1:80", "http://10.0.0.2/"));
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for text in [
            "",
            "127.0.0.1",
            "ftp://a:21",
            "http://",
            "http://a:b",
            "http://a/b",
            "http://*:80",
            "http://a@b:1",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
