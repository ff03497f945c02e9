use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::{Algorithm, KeySet};

/// A longer text is no ID token.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// OpenID Connect Core 1.0 section 2.
const SUBJECT_BYTES_MAX: usize = 255;

/// How far the provider's clock may differ from ours.
const LEEWAY_S: u64 = 30;

/// How long a token may claim to live.
const LIFETIME_S_MAX: u64 = 24 * 60 * 60;

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub algorithms: &'a [Algorithm],
    /// The nonce of the sign-in that asked for the token. `None` for a token that a client has brought.
    pub nonce: Option<&'a str>,
    pub now: UnixMillis,
}

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub subject: String,
    /// The address, if the provider says that it has verified it.
    pub verified_email: Option<String>,
    pub name: Option<String>,
}

/// What keeps a token from counting. For the log: whoever sends tokens learns nothing from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdToken {
    #[error("the text is no signed token with the claims of an ID token")]
    Malformed,
    #[error("the token's header asks for something that is not believed")]
    Header,
    #[error("the token's algorithm is not configured")]
    Algorithm,
    #[error("no key of the provider fits the token, or several do")]
    Key,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token names no subject, or an absurd one")]
    Subject,
    #[error("the token was made for another client")]
    Audience,
    #[error("the token's time is over, has not come, or is too long")]
    Time,
    #[error("the token does not belong to this sign-in")]
    Nonce,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    // What follows would change what is checked, or with which key (RFC 7515 section 4.1, RFC 7797).
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    b64: Option<Value>,
    #[serde(default)]
    zip: Option<Value>,
    #[serde(default)]
    jwk: Option<Value>,
    #[serde(default)]
    jku: Option<Value>,
    #[serde(default)]
    x5u: Option<Value>,
    #[serde(default)]
    x5c: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(default)]
    azp: Option<String>,
    exp: u64,
    iat: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<Value>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Whether a text has the form of a signed token. What has is never taken for an opaque one.
pub fn is_compact(text: &str) -> bool {
    text.split('.').count() == 3
}

/// The name of the key that a token says it was signed with; it is not believed, only looked up.
///
/// # Errors
/// [`InvalidIdToken::Malformed`] when the text is no token.
pub fn key_id(compact: &str) -> Result<Option<String>, InvalidIdToken> {
    Ok(parts(compact)?.0.kid)
}

/// Checks an ID token and says whose it is.
///
/// # Errors
/// [`InvalidIdToken`] when anything is not exactly as expected.
pub fn verify_id_token(
    compact: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Identity, InvalidIdToken> {
    let (header, claims) = parts(compact)?;
    let algorithm = header.check(expected.algorithms)?;
    claims.check(expected)?;
    keys.find(header.kid.as_deref(), algorithm)?.check(compact, algorithm)?;
    Ok(Identity::new(claims.sub, claims.email, claims.email_verified.as_ref(), claims.name))
}

fn parts(compact: &str) -> Result<(Header, Claims), InvalidIdToken> {
    let mut segments = compact.split('.');
    let (Some(header), Some(claims), Some(_), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(InvalidIdToken::Malformed);
    };
    if TOKEN_BYTES_MAX < compact.len() {
        return Err(InvalidIdToken::Malformed);
    }
    let decode = |segment| URL_SAFE_NO_PAD.decode(segment).map_err(|_| InvalidIdToken::Malformed);
    let malformed = |_| InvalidIdToken::Malformed;
    let header = serde_json::from_slice(&decode(header)?).map_err(malformed)?;
    let claims = serde_json::from_slice(&decode(claims)?).map_err(malformed)?;
    Ok((header, claims))
}

/// Whether a text may name somebody.
pub(crate) fn is_subject(text: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

impl Header {
    fn check(&self, algorithms: &[Algorithm]) -> Result<Algorithm, InvalidIdToken> {
        let Self { alg, typ, kid: _, crit, b64, zip, jwk, jku, x5u, x5c } = self;
        let is_plain = [crit, b64, zip, jwk, jku, x5u, x5c].into_iter().all(Option::is_none);
        if !is_plain || typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(InvalidIdToken::Header);
        }
        let algorithm = alg.parse().map_err(|_| InvalidIdToken::Algorithm)?;
        if algorithms.contains(&algorithm) { Ok(algorithm) } else { Err(InvalidIdToken::Algorithm) }
    }
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), InvalidIdToken> {
        if self.iss != expected.issuer {
            return Err(InvalidIdToken::Issuer);
        }
        if !is_subject(&self.sub) {
            return Err(InvalidIdToken::Subject);
        }
        if !self.is_for(expected.client_id) {
            return Err(InvalidIdToken::Audience);
        }
        if !self.is_now(expected.now) {
            return Err(InvalidIdToken::Time);
        }
        if expected.nonce.is_some_and(|nonce| self.nonce.as_deref() != Some(nonce)) {
            return Err(InvalidIdToken::Nonce);
        }
        Ok(())
    }

    /// With several audiences the token must say for which of them it was made, and whenever it says so it must be this one.
    fn is_for(&self, client_id: &str) -> bool {
        let is_party = self.azp.as_deref().is_none_or(|party| party == client_id);
        let is_audience = match &self.aud {
            Audience::Many(audiences) if self.azp.is_some() => {
                audiences.iter().any(|audience| audience == client_id)
            }
            audience => audience.is_exactly(client_id),
        };
        is_party && is_audience
    }

    fn is_now(&self, now: UnixMillis) -> bool {
        let now_s = now.as_seconds();
        let soon_s = now_s.saturating_add(LEEWAY_S);
        now_s < self.exp.saturating_add(LEEWAY_S)
            && self.iat <= soon_s
            && self.nbf.is_none_or(|nbf| nbf <= soon_s)
            && self.iat <= self.exp
            && self.exp.saturating_sub(self.iat) <= LIFETIME_S_MAX
    }
}

impl Audience {
    /// Whether it is this client and nobody else.
    pub(crate) fn is_exactly(&self, client_id: &str) -> bool {
        match self {
            Self::One(audience) => audience == client_id,
            Self::Many(audiences) => matches!(audiences.as_slice(), [one] if one == client_id),
        }
    }
}

impl Identity {
    /// An address counts if the provider says that it is verified, as a boolean or, as some write it, as the word.
    pub(crate) fn new(
        subject: String,
        email: Option<String>,
        email_verified: Option<&Value>,
        name: Option<String>,
    ) -> Self {
        let is_verified = match email_verified {
            Some(Value::Bool(is_verified)) => *is_verified,
            Some(Value::String(word)) => word == "true",
            _ => false,
        };
        Self { subject, verified_email: email.filter(|_| is_verified), name }
    }
}
