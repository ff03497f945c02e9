use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// How many headers there may be, and how many bytes in their values.
const HEADERS_MAX: usize = 16;
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// Headers that belong to HTTP or to the protocol: whoever sets them changes what a request is, not who sends it.
const RESERVED: [HeaderName; 18] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VIA,
];

/// What proves to a server who is calling: headers that go with every request. `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Credentials(HeaderMap);

/// A header may not be sent. The texts are for whoever configured it; they hold nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    #[error("There are too many headers, or they are too long.")]
    TooLarge,
    #[error("A header's name is none, is given twice, or belongs to the protocol.")]
    Name,
    #[error("A header's value is none.")]
    Value,
}

impl Credentials {
    /// Takes headers with their secret values.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidCredentials> {
        let mut map = HeaderMap::new();
        let mut bytes = 0;
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| InvalidCredentials::Name)?;
            if RESERVED.contains(&name) || name.as_str().starts_with("spin-") {
                return Err(InvalidCredentials::Name);
            }
            bytes += value.len();
            let mut value = HeaderValue::from_str(value).map_err(|_| InvalidCredentials::Value)?;
            value.set_sensitive(true);
            if map.insert(name, value).is_some() {
                return Err(InvalidCredentials::Name);
            }
            if HEADERS_MAX < map.len() || VALUE_BYTES_MAX < bytes {
                return Err(InvalidCredentials::TooLarge);
            }
        }
        Ok(Self(map))
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        self.0.clone()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_protocol_and_headers_that_are_none_are_refused() {
        let name = InvalidCredentials::Name;
        for header in RESERVED {
            assert_eq!(Credentials::new([(header.as_str(), "x")]).unwrap_err(), name, "{header}");
            let upper = header.as_str().to_ascii_uppercase();
            assert_eq!(Credentials::new([(&*upper, "x")]).unwrap_err(), name, "{upper}");
        }
        for header in ["", " ", "a b", "a:", "ä", "x\r\ny", "spin-path-info"] {
            assert_eq!(Credentials::new([(header, "x")]).unwrap_err(), name, "{header:?}");
        }
        assert_eq!(Credentials::new([("x-a", "1"), ("X-A", "2")]).unwrap_err(), name);
        for value in ["a\r\nb: c", "a\nb", "\0", "\u{7f}"] {
            let outcome = Credentials::new([("x-key", value)]);
            assert_eq!(outcome.unwrap_err(), InvalidCredentials::Value, "{value:?}");
        }
        let long = "x".repeat(VALUE_BYTES_MAX);
        assert!(Credentials::new([("x-key", &*long)]).is_ok());
        let outcome = Credentials::new([("x-key", &*long), ("x-more", "y")]);
        assert_eq!(outcome.unwrap_err(), InvalidCredentials::TooLarge);
        let names: Vec<_> = (0..=HEADERS_MAX).map(|n| format!("x-{n}")).collect();
        let outcome = Credentials::new(names.iter().map(|name| (&**name, "x")));
        assert_eq!(outcome.unwrap_err(), InvalidCredentials::TooLarge);
    }

    #[test]
    fn nothing_shows_the_values() {
        let credentials = Credentials::new([("authorization", "Bearer hunter2")]).unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials");
        assert!(!format!("{:?}", credentials.headers()).contains("hunter2"));
        assert_eq!(credentials.headers()["authorization"], "Bearer hunter2");
    }
}
