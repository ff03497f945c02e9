use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{Client, Discovery};

/// What a browser is sent to the provider with (OpenID Connect Core 1.0 section 3.1.2.1).
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    /// Separated by spaces.
    pub scope: &'a str,
    pub state: &'a str,
    pub nonce: &'a str,
    /// What [`code_challenge`] makes of the verifier.
    pub code_challenge: &'a str,
}

/// The exchange of a code (OpenID Connect Core 1.0 section 3.1.3.1). No `Debug`: code and verifier are secrets.
#[derive(Clone, Copy)]
pub struct TokenRequest<'a> {
    pub code: &'a str,
    pub redirect_uri: &'a str,
    pub code_verifier: &'a str,
}

/// A form to be posted, with the header that proves the client. No `Debug`: both hold secrets.
pub struct Form {
    pub authorization: Option<Zeroizing<String>>,
    pub body: Zeroizing<String>,
}

/// The answer to the exchange of a code is none, or has no ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token endpoint answered without an ID token")]
pub struct InvalidTokenAnswer;

impl AuthorizationRequest<'_> {
    /// The URL to send a browser to. The endpoint may have a query of its own.
    pub fn url(&self, authorization_endpoint: &str) -> String {
        let joint = if authorization_endpoint.contains('?') { '&' } else { '?' };
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("scope", self.scope)
            .append_pair("state", self.state)
            .append_pair("nonce", self.nonce)
            .append_pair("code_challenge", self.code_challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        format!("{authorization_endpoint}{joint}{query}")
    }
}

impl TokenRequest<'_> {
    /// The form for the token endpoint of this provider.
    pub fn form(&self, client: &Client, discovery: &Discovery) -> Form {
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", self.code),
            ("redirect_uri", self.redirect_uri),
            ("code_verifier", self.code_verifier),
        ];
        Form::new(&parameters, client, discovery.takes_secrets_in_the_body_alone())
    }
}

impl Form {
    pub(crate) fn new(
        parameters: &[(&str, &str)],
        client: &Client,
        is_secret_in_body: bool,
    ) -> Self {
        let authorization = client.basic().filter(|_| !is_secret_in_body);
        let mut body = Serializer::new(String::new());
        body.extend_pairs(parameters);
        if authorization.is_none() {
            body.append_pair("client_id", &client.id);
            if let Some(secret) = &client.secret {
                body.append_pair("client_secret", secret.expose());
            }
        }
        Self { authorization, body: Zeroizing::new(body.finish()) }
    }
}

/// The challenge of a verifier (RFC 7636 section 4.2, `S256`).
pub fn code_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// The ID token in the answer of a token endpoint. Whatever else is in there is for resources of the provider's that nobody here calls.
///
/// # Errors
/// [`InvalidTokenAnswer`].
pub fn read_id_token(document: &[u8]) -> Result<String, InvalidTokenAnswer> {
    #[derive(Deserialize)]
    struct Answer {
        id_token: String,
    }
    let answer: Answer = serde_json::from_slice(document).map_err(|_| InvalidTokenAnswer)?;
    Ok(answer.id_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientSecret;

    #[test]
    fn challenges_are_those_of_the_specification() {
        // RFC 7636 appendix B.
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_browser_is_sent_with_everything_encoded() {
        let request = AuthorizationRequest {
            client_id: "a&b",
            redirect_uri: "https://us.example/cb",
            scope: "openid email",
            state: "s",
            nonce: "n",
            code_challenge: "c",
        };
        let query = "response_type=code&client_id=a%26b&redirect_uri=https%3A%2F%2Fus.example%2Fcb&scope=openid+email\
                     &state=s&nonce=n&code_challenge=c&code_challenge_method=S256";
        assert_eq!(request.url("https://id.example/a"), format!("https://id.example/a?{query}"));
        let with_query = request.url("https://id.example/a?p=1");
        assert_eq!(with_query, format!("https://id.example/a?p=1&{query}"));
    }

    #[test]
    fn a_client_proves_itself_in_one_place() {
        let secret = Some(ClientSecret::new("hunter2".to_owned()));
        let client = Client { id: "us".to_owned(), secret };
        let header = Form::new(&[("a", "b c")], &client, false);
        assert_eq!(header.authorization.unwrap().as_str(), "Basic dXM6aHVudGVyMg==");
        assert_eq!(header.body.as_str(), "a=b+c");
        let body = Form::new(&[("a", "b")], &client, true);
        assert_eq!(body.authorization, None);
        assert_eq!(body.body.as_str(), "a=b&client_id=us&client_secret=hunter2");
        let public = Form::new(&[("a", "b")], &Client { secret: None, ..client }, false);
        assert_eq!(public.body.as_str(), "a=b&client_id=us");
    }

    #[test]
    fn an_answer_without_an_id_token_is_none() {
        assert_eq!(
            read_id_token(br#"{"id_token":"x.y.z","scope":"openid"}"#),
            Ok("x.y.z".to_owned())
        );
        for text in [
            "",
            "{}",
            "[]",
            r#"{"id_token":null}"#,
            r#"{"id_token":1}"#,
            r#"{"access_token":"a"}"#,
            r#"{"id_token":"a","id_token":"b"}"#,
        ] {
            assert_eq!(read_id_token(text.as_bytes()), Err(InvalidTokenAnswer), "{text}");
        }
    }
}
