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
}

/// A URL that may be called.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Which URLs may be called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlPolicy {
    opened: Vec<Origin>,
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
    /// Reads a URL and says whether it may be called.
    ///
    /// # Errors
    /// [`UrlRefused`] with the first rule that it breaks.
    pub fn check(&self, text: &str) -> Result<Target, UrlRefused> {
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
        Ok(Target(url))
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
        Ok(Self { opened: parts.map(str::parse).collect::<Result<_, _>>()? })
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
        self.0.as_str()
    }

    /// Scheme, host and port; the port only if it is not the scheme's own.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Host and port as the header `host` has them: the port where it does not go without saying.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// The path as it is sent.
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// What follows the question mark, as it is sent; empty when there is none.
    pub fn query(&self) -> &str {
        self.0.query().unwrap_or_default()
    }

    /// What a reference in an answer of this target means, if it stays within the target's origin.
    pub fn resolve(&self, reference: &str) -> Option<Self> {
        if !is_plain(reference) {
            return None;
        }
        let url = self.0.join(reference).ok()?;
        let stays = url.origin() == self.0.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && is_plain(url.as_str());
        stays.then_some(Self(url))
    }

    pub(crate) fn uri(&self) -> Result<Uri, EgressError> {
        self.0.as_str().parse().map_err(|_| EgressError::Unsendable)
    }
}

impl fmt::Debug for Target {
    /// The origin alone: path and query may hold what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
