use std::collections::BTreeMap;

use mcp::{Credentials, InvalidCredentials};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// Headers that prove to a server who is calling, on their way into the vault: a JSON object of texts. It neither prints nor serializes, and is
/// erased.
#[derive(Clone)]
pub struct Headers(Zeroizing<String>);

/// The value of a header. It is erased, too.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Value(Zeroizing<String>);

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Token(String),
    Headers(BTreeMap<String, String>),
}

impl Headers {
    /// The text that is sealed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What is wrong with them, if anything.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn check(&self) -> Result<(), InvalidCredentials> {
        credentials(self.as_bytes()).map(drop)
    }
}

/// The headers of a text that was sealed.
///
/// # Errors
/// [`InvalidCredentials`] when they may not be sent, or the text is none of ours.
pub fn credentials(text: &[u8]) -> Result<Credentials, InvalidCredentials> {
    let headers: BTreeMap<String, Value> =
        serde_json::from_slice(text).map_err(|_| InvalidCredentials::Value)?;
    Credentials::new(headers.iter().map(|(name, value)| (name.as_str(), value.0.as_str())))
}

impl<'de> Deserialize<'de> for Headers {
    /// A text is a token, which goes behind `Bearer`; an object has header names and their values.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = Form::deserialize(deserializer).map_err(|_| {
            D::Error::custom("invalid type: neither, expected a token or an object of headers")
        })?;
        let headers = match form {
            Form::Token(token) => {
                BTreeMap::from([("authorization".to_owned(), format!("Bearer {token}"))])
            }
            Form::Headers(headers) => headers,
        };
        let text = serde_json::to_string(&headers).map_err(D::Error::custom)?;
        Ok(Self(text.into()))
    }
}
