//! The address of a database server, checked once.

use std::net::IpAddr;

use http::Uri;

use crate::HranaError;

/// Whether statements and the token may travel unencrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plaintext {
    /// `http://` only to this machine.
    LoopbackOnly,
    /// `http://` to any host, for networks that encrypt by other means.
    Allowed,
}

/// The base URL of a server that speaks Hrana over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://host[:port]`, in lower case and without the scheme's default port.
    origin: String,
    /// Path in front of `/v3/pipeline`: empty, or with a leading and without a trailing slash.
    path: String,
    plaintext: Plaintext,
}

/// Why a URL is not one of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("`{url}` is not a URL; write libsql://HOST, https://HOST or http://127.0.0.1:PORT")]
    Malformed { url: String },
    #[error("`{scheme}://` is not supported; write libsql://, https:// or http://")]
    Scheme { scheme: String },
    #[error("http://{host} would send the token unencrypted; write https:// or libsql://")]
    Plaintext { host: String },
    #[error(
        "a database URL must not contain a user, a query or a fragment; the token is a setting of its own"
    )]
    Credentials,
}

impl Endpoint {
    /// Checks and normalizes `url`: `libsql://` means `https://`, and `http://` needs `plaintext` or a loopback host.
    pub fn parse(url: &str, plaintext: Plaintext) -> Result<Self, EndpointError> {
        let url = url.trim();
        // A URL may carry a token where none belongs, so an error repeats it only when it has no such part.
        if url.contains(['@', '?', '#']) {
            return Err(EndpointError::Credentials);
        }
        let malformed = || EndpointError::Malformed { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(malformed());
        };
        let host = host.to_ascii_lowercase();
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "libsql" | "https" => ("https", 443),
            "http" if plaintext == Plaintext::Allowed || is_loopback(&host) => ("http", 80),
            "http" => return Err(EndpointError::Plaintext { host }),
            other => return Err(EndpointError::Scheme { scheme: other.to_owned() }),
        };
        // `Uri` keeps a port that is empty or too large as text, and then has no number for it.
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let has_port = authority.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
        let port = match uri.port_u16() {
            None if has_port => return Err(malformed()),
            Some(port) if port != default_port => format!(":{port}"),
            _ => String::new(),
        };
        if host.is_empty() {
            return Err(malformed());
        }
        let origin = format!("{scheme}://{host}{port}");
        Ok(Self { origin, path: uri.path().trim_end_matches('/').to_owned(), plaintext })
    }

    /// `https://host[:port]`, which is what a list of allowed hosts names.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn pipeline_url(&self) -> String {
        format!("{}{}/v3/pipeline", self.origin, self.path)
    }

    pub(crate) fn cursor_url(&self) -> String {
        format!("{}{}/v3/cursor", self.origin, self.path)
    }

    /// Where a stream goes on after the server named a `base_url` (`HRANA_3_SPEC`, "Hrana over HTTP").
    ///
    /// The protocol sends the token along, so the rule is: stay on the same origin, or go from https to https.
    /// A server that answered over TLS has proved who it is and already holds the token; what came unencrypted
    /// may have been forged, and must not send the token anywhere else.
    pub(crate) fn follow(&self, base_url: &str) -> Result<Self, HranaError> {
        let next = Self::parse(base_url, self.plaintext)
            .map_err(|error| HranaError::protocol(format!("its base_url is refused: {error}")))?;
        let encrypted = |endpoint: &Self| endpoint.origin.starts_with("https://");
        if next.origin != self.origin && !(encrypted(self) && encrypted(&next)) {
            let (from, to) = (&self.origin, &next.origin);
            return Err(HranaError::protocol(format!("its base_url leads from {from} to {to}")));
        }
        Ok(next)
    }
}

/// Only what certainly is this machine: no name but `localhost`, no unusual spelling of an address.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, pipeline: &str) {
        let endpoint = Endpoint::parse(url, Plaintext::LoopbackOnly).unwrap();
        assert_eq!(endpoint.pipeline_url(), pipeline, "{url}");
    }

    fn refuse(url: &str) -> String {
        Endpoint::parse(url, Plaintext::LoopbackOnly).unwrap_err().to_string()
    }

    #[test]
    fn schemes_hosts_and_paths_are_normalized() {
        check("libsql://db.example.com", "https://db.example.com/v3/pipeline");
        check("LIBSQL://Db.Example.com:443/", "https://db.example.com/v3/pipeline");
        check(
            "https://db.example.com:8443/tenant/",
            "https://db.example.com:8443/tenant/v3/pipeline",
        );
        check("http://127.0.0.1:8080", "http://127.0.0.1:8080/v3/pipeline");
        check("http://[::1]:8080", "http://[::1]:8080/v3/pipeline");
        check(" http://localhost:80 ", "http://localhost/v3/pipeline");
    }

    #[test]
    fn plaintext_leaves_this_machine_only_when_allowed() {
        assert_eq!(
            refuse("http://db.example.com"),
            "http://db.example.com would send the token unencrypted; write https:// or libsql://"
        );
        for url in [
            "http://127.0.0.1.example.com",
            "http://0x7f.1",
            "http://localhost.example.com",
            "http://[fe80::1]",
        ] {
            assert!(
                matches!(
                    Endpoint::parse(url, Plaintext::LoopbackOnly),
                    Err(EndpointError::Plaintext { .. })
                ),
                "{url}"
            );
        }
        assert!(Endpoint::parse("http://db.internal:8080", Plaintext::Allowed).is_ok());
    }

    #[test]
    fn what_is_no_database_url_is_refused_without_repeating_a_token() {
        assert!(refuse("wss://db.example.com").starts_with("`wss://` is not supported"));
        assert!(refuse("db.example.com").contains("is not a URL"));
        assert!(refuse("").contains("is not a URL"));
        assert!(refuse("https://db.example.com:99999").contains("is not a URL"));
        assert!(refuse("https://db.example.com:").contains("is not a URL"));
        for url in [
            "https://db.example.com?authToken=s3cret",
            "https://u:s3cret@db.example.com",
            "libsql://d#s3cret",
        ] {
            assert!(!refuse(url).contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn a_base_url_keeps_the_origin_or_goes_from_https_to_https() {
        let secure = Endpoint::parse("libsql://db.example.com", Plaintext::LoopbackOnly).unwrap();
        let local = Endpoint::parse("http://127.0.0.1:8080", Plaintext::Allowed).unwrap();
        let followed = secure.follow("https://eu.db.example.com/a").unwrap();
        assert_eq!(followed.pipeline_url(), "https://eu.db.example.com/a/v3/pipeline");
        assert!(local.follow("http://127.0.0.1:8080/x").is_ok());
        for (from, to) in [
            (&secure, "http://db.example.com"),
            (&secure, "http://127.0.0.1:8080"),
            (&secure, "/relative"),
            (&local, "http://127.0.0.1:8081"),
            (&local, "http://10.0.0.1"),
            (&local, "https://evil.example.com"),
        ] {
            assert!(matches!(from.follow(to), Err(HranaError::Protocol { .. })), "{to}");
        }
    }
}
