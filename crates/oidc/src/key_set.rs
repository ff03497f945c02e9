use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike as _, ECDSAP384PublicKeyLike as _, ES256PublicKey,
    ES384PublicKey, Ed25519PublicKey, EdDSAPublicKeyLike as _, NoCustomClaims, PS256PublicKey,
    RS256PublicKey, RSAPublicKeyLike as _, VerificationOptions,
};
use serde::Deserialize;

use crate::{Algorithm, InvalidIdToken};

/// How many keys a set may hold. Providers have two to five.
const KEYS_MAX: usize = 50;

/// The public keys of a provider that are of a kind to be believed.
#[derive(Debug, Clone)]
pub struct KeySet(Vec<Key>);

/// The bytes are no key set, or one of absurd size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's key set is malformed")]
pub struct InvalidKeySet;

#[derive(Debug, Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    /// What the key says it is for; without it, its kind decides.
    alg: Option<String>,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    r#use: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

impl KeySet {
    /// Reads a key set. Keys of other kinds and uses are passed over, as RFC 7517 section 5 asks.
    ///
    /// # Errors
    /// [`InvalidKeySet`].
    pub fn read(document: &[u8]) -> Result<Self, InvalidKeySet> {
        let document: Document = serde_json::from_slice(document).map_err(|_| InvalidKeySet)?;
        if KEYS_MAX < document.keys.len() {
            return Err(InvalidKeySet);
        }
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(jwks.filter_map(read_key).collect()))
    }

    /// Whether the set has a key of this name, or any where a token names none.
    pub fn knows(&self, kid: Option<&str>) -> bool {
        self.0.iter().any(|key| kid.is_none() || key.kid.as_deref() == kid)
    }

    /// The one key that a token with this header can be checked with. Of several that fit none is tried.
    pub(crate) fn find(&self, kid: Option<&str>, alg: Algorithm) -> Result<&Key, InvalidIdToken> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.takes(alg) && (kid.is_none() || key.kid.as_deref() == kid));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(InvalidIdToken::Key),
        }
    }
}

fn read_key(jwk: Jwk) -> Option<Key> {
    if jwk.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |member: Option<String>| URL_SAFE_NO_PAD.decode(member?).ok();
    // SEC 1 section 2.3.3: an uncompressed point.
    let point = |x: Vec<u8>, y: Vec<u8>, length: usize| {
        (x.len() == length && y.len() == length).then(|| [&[4], x.as_slice(), &y].concat())
    };
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { n: bytes(jwk.n)?, e: bytes(jwk.e)? },
        ("EC", Some("P-256")) => Material::P256(point(bytes(jwk.x)?, bytes(jwk.y)?, 32)?),
        ("EC", Some("P-384")) => Material::P384(point(bytes(jwk.x)?, bytes(jwk.y)?, 48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes(jwk.x)?),
        _ => return None,
    };
    Some(Key { kid: jwk.kid, alg: jwk.alg, material })
}

impl Key {
    fn takes(&self, alg: Algorithm) -> bool {
        let fits = match self.material {
            Material::Rsa { .. } => matches!(alg, Algorithm::Rs256 | Algorithm::Ps256),
            Material::P256(_) => alg == Algorithm::Es256,
            Material::P384(_) => alg == Algorithm::Es384,
            Material::Ed25519(_) => alg == Algorithm::EdDsa,
        };
        fits && self.alg.as_deref().is_none_or(|own| own == alg.as_str())
    }

    /// Checks the signature of a compact JWS. Its claims are checked elsewhere, with the clock that the program was given.
    pub(crate) fn check(&self, compact: &str, alg: Algorithm) -> Result<(), InvalidIdToken> {
        let options = Some(VerificationOptions {
            accept_future: true,
            time_tolerance: Some(Duration::from_secs(0)),
            artificial_time: Some(Duration::from_secs(0)),
            ..VerificationOptions::default()
        });
        let outcome = match (&self.material, alg) {
            (Material::Rsa { n, e }, Algorithm::Rs256) => RS256PublicKey::from_components(n, e)
                .and_then(|key| key.verify_token::<NoCustomClaims>(compact, options)),
            (Material::Rsa { n, e }, Algorithm::Ps256) => PS256PublicKey::from_components(n, e)
                .and_then(|key| key.verify_token::<NoCustomClaims>(compact, options)),
            (Material::P256(point), Algorithm::Es256) => ES256PublicKey::from_bytes(point)
                .and_then(|key| key.verify_token::<NoCustomClaims>(compact, options)),
            (Material::P384(point), Algorithm::Es384) => ES384PublicKey::from_bytes(point)
                .and_then(|key| key.verify_token::<NoCustomClaims>(compact, options)),
            (Material::Ed25519(point), Algorithm::EdDsa) => Ed25519PublicKey::from_bytes(point)
                .and_then(|key| key.verify_token::<NoCustomClaims>(compact, options)),
            _ => return Err(InvalidIdToken::Key),
        };
        outcome.map(drop).map_err(|_| InvalidIdToken::Signature)
    }
}
