use std::fmt;
use std::str::FromStr;

use http::Uri;
use url::{Host, Url};

use crate::EgressError;

/// How long a URL may be.
const URL_BYTES_MAX: usize = 2048;

/// Ports that may be called without the operator's leave.
const PORTS: [u16; 2] = [443, 8443];

/// Last labels of names that mean this machine, its network, or another component of the same application (SECURITY R66).
const LOCAL_SUFFIXES: [&str; 15] = [
    "alt",
    "arpa",
    "cluster",
    "corp",
    "default",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localhost",
    "localdomain",
    "localdomain6",
    "svc",
];

/// The URL may not be called. The texts are for whoever configured it; they hold nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    #[error("The URL is not one, or is not written plainly.")]
    Malformed,
    #[error("The URL must begin with https://.")]
    Scheme,
    #[error("The URL may not hold a user name or password.")]
    Credentials,
    #[error("The URL may not hold a fragment.")]
    Fragment,
    #[error("The URL must name a public host, not an address or a name of a private network.")]
    Host,
    #[error("The URL may use ports 443 and 8443 only.")]
    Port,
    #[error(
        "The certificate of this host is not verified, so that only the platform's own entries may name it."
    )]
    Unverified,
    #[error("Certificates go unverified only where the operator says so in egress_unverified.")]
    Verified,
}

/// A URL that may be called.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    certificates: Certificates,
}

/// Whether a host must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certificates {
    Verified,
    Unverified,
}

/// Which URLs may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlPolicy {
    opened: Vec<Origin>,
    unverified: Vec<Origin>,
}

/// A text is no list of origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no list of origins such as http://127.0.0.1:11434, separated by commas")]
pub struct ParseOriginsError;

/// An origin that the operator opened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    scheme: String,
    host: String,
    /// `None` for any port.
    port: Option<u16>,
}

impl UrlPolicy {
    /// The same policy with these origins, separated by commas, whose certificates are not verified: what `egress_unverified` says. It opens
    /// nothing.
    ///
    /// # Errors
    /// [`ParseOriginsError`], also for an origin without TLS, which has no certificate.
    pub fn with_unverified(self, origins: &str) -> Result<Self, ParseOriginsError> {
        let Self { opened: unverified, .. } = origins.parse()?;
        if unverified.iter().any(|origin| origin.scheme != "https") {
            return Err(ParseOriginsError);
        }
        Ok(Self { unverified, ..self })
    }

    /// Reads a URL and says whether it may be called, of a host that must prove who it is.
    ///
    /// # Errors
    /// [`UrlRefused`] with the first rule that it breaks.
    pub fn check(&self, text: &str) -> Result<Target, UrlRefused> {
        let url = self.read(text)?;
        if self.is_unverified(&url) {
            return Err(UrlRefused::Unverified);
        }
        Ok(Target { url, certificates: Certificates::Verified })
    }

    /// As [`UrlPolicy::check`], of a host that the operator trusts without proof.
    ///
    /// A URL passes one of the two at most, so that nobody's connection goes unverified but by choice: whether it does is the host's affair in a
    /// component, and of an origin as a whole.
    ///
    /// # Errors
    /// [`UrlRefused`] with the first rule that it breaks.
    pub fn check_unverified(&self, text: &str) -> Result<Target, UrlRefused> {
        let url = self.read(text)?;
        if !self.is_unverified(&url) {
            return Err(UrlRefused::Verified);
        }
        Ok(Target { url, certificates: Certificates::Unverified })
    }

    fn is_unverified(&self, url: &Url) -> bool {
        self.unverified.iter().any(|origin| origin.is_of(url))
    }

    fn read(&self, text: &str) -> Result<Url, UrlRefused> {
        if !is_plain(text) {
            return Err(UrlRefused::Malformed);
        }
        let url = Url::parse(text).map_err(|_| UrlRefused::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(UrlRefused::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlRefused::Fragment);
        }
        // Whatever the parser had to decode, drop or turn into an address was not written plainly, and others might read it differently.
        if !is_as_written(text, &url) {
            return Err(UrlRefused::Malformed);
        }
        if !self.opened.iter().any(|origin| origin.is_of(&url)) {
            check_public(&url)?;
        }
        Ok(url)
    }
}

/// Neither too long nor with anything in it that parsers are known to read differently.
fn is_plain(text: &str) -> bool {
    text.len() <= URL_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// The rules for what the operator did not open.
fn check_public(url: &Url) -> Result<(), UrlRefused> {
    if url.scheme() != "https" {
        return Err(UrlRefused::Scheme);
    }
    let Some(Host::Domain(host)) = url.host() else { return Err(UrlRefused::Host) };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_public = host.contains('.')
        && !last.is_empty()
        && !last.bytes().all(|b| b.is_ascii_digit())
        && !LOCAL_SUFFIXES.contains(&last)
        && host.split('.').all(is_label);
    if !is_public {
        return Err(UrlRefused::Host);
    }
    let port = url.port_or_known_default();
    if port.is_some_and(|port| PORTS.contains(&port)) { Ok(()) } else { Err(UrlRefused::Port) }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What stands between `//` and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether the parser took scheme, host and port as they stand, but for upper case and a port that goes without saying.
fn is_as_written(text: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let written = authority(text).to_ascii_lowercase();
    let port = url.port_or_known_default().unwrap_or_default();
    let scheme = text.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case(url.scheme())
        && (written == host && url.port().is_none() || written == format!("{host}:{port}"))
}

impl Origin {
    fn is_of(&self, url: &Url) -> bool {
        self.scheme == url.scheme()
            && url.host_str() == Some(self.host.as_str())
            && (self.port.is_none() || self.port == url.port_or_known_default())
    }
}

impl FromStr for UrlPolicy {
    type Err = ParseOriginsError;

    /// Reads `egress_allow`: origins separated by commas, `*` for any port. Empty opens nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let opened = parts.map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { opened, unverified: Vec::new() })
    }
}

impl FromStr for Origin {
    type Err = ParseOriginsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let any_port = text.strip_suffix(":*");
        let url = Url::parse(any_port.unwrap_or(text)).map_err(|_| ParseOriginsError)?;
        let host = url.host_str().unwrap_or_default();
        let is_origin = matches!(url.scheme(), "http" | "https")
            && !host.is_empty()
            && !host.contains('*')
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !is_origin {
            return Err(ParseOriginsError);
        }
        let port = if any_port.is_some() { None } else { url.port_or_known_default() };
        Ok(Self { scheme: url.scheme().to_owned(), host: host.to_owned(), port })
    }
}

impl Target {
    /// The URL as it is sent.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Scheme, host and port; the port only if it is not the scheme's own.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Host and port as the header `host` has them: the port where it does not go without saying.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// The path as it is sent.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// What follows the question mark, as it is sent; empty when there is none.
    pub fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    /// What a reference in an answer of this target means, if it stays within the target's origin.
    pub fn resolve(&self, reference: &str) -> Option<Self> {
        if !is_plain(reference) {
            return None;
        }
        let url = self.url.join(reference).ok()?;
        let stays = url.origin() == self.url.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && is_plain(url.as_str());
        stays.then_some(Self { url, certificates: self.certificates })
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn certificates(&self) -> Certificates {
        self.certificates
    }

    pub(crate) fn uri(&self) -> Result<Uri, EgressError> {
        self.url.as_str().parse().map_err(|_| EgressError::Unsendable)
    }
}

impl fmt::Debug for Target {
    /// The origin alone: path and query may hold what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
