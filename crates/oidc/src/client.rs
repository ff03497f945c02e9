use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// What this deployment is called at a provider.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    /// `None` for a public client, which PKCE alone protects.
    pub secret: Option<ClientSecret>,
}

/// A client's secret at a provider. It prints as nothing and is erased when dropped.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// Takes the text as it is.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

impl Client {
    /// The header `authorization` of a client that has a secret (RFC 6749 section 2.3.1: both parts are encoded as in a form first).
    pub(crate) fn basic(&self) -> Option<Zeroizing<String>> {
        let secret = self.secret.as_ref()?;
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = Zeroizing::new(format!("{}:{}", encoded(&self.id), encoded(secret.expose())));
        Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_encoded_twice_and_never_printed() {
        let client =
            Client { id: "a:b".to_owned(), secret: Some(ClientSecret::new("p w%".into())) };
        // base64 of "a%3Ab:p+w%25"
        assert_eq!(client.basic().unwrap().as_str(), "Basic YSUzQWI6cCt3JTI1");
        assert!(!format!("{client:?}").contains("p w"));
        assert_eq!(Client { id: "a".to_owned(), secret: None }.basic(), None);
    }
}
