use serde::Deserialize;

/// What a provider says of itself. The URLs are claims of its own: whoever calls them checks them first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    /// Whether answers to the browser name their issuer (RFC 9207). Then one that does not is refused.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// How clients may prove themselves; by `client_secret_basic` where it is not said.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The document is none, or one of another provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDiscovery {
    #[error("the provider's description is malformed")]
    Malformed,
    #[error("the provider's description names another issuer than the configured one")]
    OtherIssuer,
    #[error("the provider has an https:// issuer and http:// endpoints")]
    Unencrypted,
}

impl Discovery {
    /// Where an issuer publishes its description (OpenID Connect Discovery 1.0 section 4).
    pub fn url(issuer: &str) -> String {
        format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
    }

    /// Reads the description of exactly this issuer. An issuer behind TLS has all its endpoints behind TLS.
    ///
    /// # Errors
    /// [`InvalidDiscovery`].
    pub fn read(document: &[u8], issuer: &str) -> Result<Self, InvalidDiscovery> {
        let discovery: Self =
            serde_json::from_slice(document).map_err(|_| InvalidDiscovery::Malformed)?;
        if discovery.issuer != issuer {
            return Err(InvalidDiscovery::OtherIssuer);
        }
        let is_encrypted = |url: &str| url.starts_with("https://") || issuer.starts_with("http://");
        if discovery.endpoints().into_iter().all(is_encrypted) {
            Ok(discovery)
        } else {
            Err(InvalidDiscovery::Unencrypted)
        }
    }

    /// All URLs that somebody is sent to, or a request.
    pub fn endpoints(&self) -> [&str; 3] {
        [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri]
    }

    /// Whether the client's secret stands in the body: only where the provider takes it nowhere else.
    pub(crate) fn takes_secrets_in_the_body_alone(&self) -> bool {
        self.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            let takes = |method: &str| methods.iter().any(|one| one == method);
            takes("client_secret_post") && !takes("client_secret_basic")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] =
        br#"{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a",
            "token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","more":[1]}"#;

    #[test]
    fn a_description_counts_for_exactly_its_issuer() {
        let discovery = Discovery::read(DOCUMENT, "https://id.example").unwrap();
        assert_eq!(discovery.jwks_uri, "https://id.example/k");
        for issuer in ["https://id.example/", "https://ID.example", "http://id.example", ""] {
            assert_eq!(Discovery::read(DOCUMENT, issuer), Err(InvalidDiscovery::OtherIssuer));
        }
        for document in [&b""[..], b"{}", b"[]", b"null", b"{\"issuer\":\"https://id.example\"}"] {
            let read = Discovery::read(document, "https://id.example");
            assert_eq!(read, Err(InvalidDiscovery::Malformed));
        }
        assert_eq!(
            Discovery::url("https://id.example/tenant/"),
            "https://id.example/tenant/.well-known/openid-configuration"
        );
    }

    #[test]
    fn an_issuer_behind_tls_has_no_endpoint_without() {
        let text = std::str::from_utf8(DOCUMENT).unwrap();
        for path in ["a", "t", "k"] {
            let (from, to) =
                (format!("https://id.example/{path}"), format!("http://id.example/{path}"));
            let read = Discovery::read(text.replace(&from, &to).as_bytes(), "https://id.example");
            assert_eq!(read, Err(InvalidDiscovery::Unencrypted), "{path}");
        }
        let local = text.replace("https://id.example", "http://127.0.0.1:9");
        Discovery::read(local.as_bytes(), "http://127.0.0.1:9").unwrap();
    }

    #[test]
    fn secrets_stand_in_the_header_unless_only_the_body_is_taken() {
        let mut discovery = Discovery::read(DOCUMENT, "https://id.example").unwrap();
        for (methods, in_body) in [
            (None, false),
            (Some(vec![]), false),
            (Some(vec!["client_secret_post", "client_secret_basic"]), false),
            (Some(vec!["client_secret_post", "none"]), true),
        ] {
            discovery.token_endpoint_auth_methods_supported =
                methods.map(|methods| methods.into_iter().map(str::to_owned).collect());
            assert_eq!(discovery.takes_secrets_in_the_body_alone(), in_body);
        }
    }
}
