//! The token of a database, kept out of logs.

use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

/// An access token. Its `Debug` prints nothing of it, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(token: impl Into<String>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    /// The token itself, for the one place that puts it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The value of an `authorization` header (RFC 6750 section 2.1), marked as sensitive.
    ///
    /// Gives `None` when the token has characters that no header may carry, such as a line break.
    pub fn bearer(&self) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("Bearer {}", self.expose()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(token: String) -> Self {
        Self::new(token)
    }
}

impl From<&str> for Secret {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_secret_and_of_its_header_hides_the_token() {
        let secret = Secret::new("eyJhbGciOiJFZERTQSJ9");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(!format!("{:?}", secret.bearer().unwrap()).contains("eyJ"));
    }

    #[test]
    fn a_token_with_a_line_break_makes_no_header() {
        assert!(Secret::new("a\r\nx-evil: 1").bearer().is_none());
        assert_eq!(Secret::new("abc").bearer().unwrap(), "Bearer abc");
    }
}
