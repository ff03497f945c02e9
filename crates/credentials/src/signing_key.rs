use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::{
    Duration, Ed25519KeyPair, Ed25519PublicKey, EdDSAKeyPairLike as _, EdDSAPublicKeyLike as _,
    HeaderOptions, JWTClaims, VerificationOptions,
};
use keyring::{Purpose, RootKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access_token::{AUDIENCE, Claims, InvalidToken, TYPE};

/// An Ed25519 private key in PKCS #8 is these bytes and the seed (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why no token could be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The library's own words, which hold nothing secret.
    #[error("the token could not be signed: {0}")]
    Library(String),
}

/// The key pair that signs access tokens.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of this generation under this root key: the same each time, so that nothing secret is stored.
    ///
    /// # Errors
    /// [`SignError`] when the library does not take the seed, which it does for all 32-byte seeds.
    pub fn derive(root: &RootKey, generation: u32) -> Result<Self, SignError> {
        let seed = root.derive(Purpose::SigningSeed { generation });
        let mut der = Zeroizing::new(Vec::with_capacity(48));
        der.extend_from_slice(&PKCS8_PREFIX);
        der.extend_from_slice(seed.as_slice());
        let pair = Ed25519KeyPair::from_der(&der).map_err(library)?;
        let kid = thumbprint(&pair.public_key().to_bytes());
        Ok(Self { pair: pair.with_key_id(&kid), kid })
    }

    /// The key's name: the RFC 7638 thumbprint of its public half.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().to_bytes()
    }

    /// An access token with these claims.
    ///
    /// # Errors
    /// [`SignError`] when the library fails.
    pub fn sign(&self, issuer: &str, claims: &Claims) -> Result<String, SignError> {
        let claims = JWTClaims {
            issued_at: Some(Duration::from_secs(claims.issued_at_s)),
            expires_at: Some(Duration::from_secs(claims.expires_at_s)),
            invalid_before: Some(Duration::from_secs(claims.issued_at_s)),
            issuer: Some(issuer.to_owned()),
            subject: Some(claims.user_id.to_string()),
            audiences: Some(AUDIENCE.into()),
            jwt_id: Some(claims.token_id.to_string()),
            nonce: None,
            custom: Private {
                account: claims.account_id.to_string(),
                sid: claims.session_id.to_string(),
            },
        };
        let header = HeaderOptions { signature_type: Some(TYPE.to_owned()), content_type: None };
        self.pair.sign_with_options(claims, &header).map_err(library)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The claims that are ours.
#[derive(Serialize, Deserialize)]
struct Private {
    account: String,
    sid: String,
}

/// The public half of a key: checks signatures.
#[derive(Debug, Clone)]
pub struct Verifier(Ed25519PublicKey);

impl Verifier {
    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// [`InvalidToken`] when they are no point of the curve, or a weak one.
    pub fn new(public_key: &[u8]) -> Result<Self, InvalidToken> {
        Ed25519PublicKey::from_bytes(public_key).map(Self).map_err(|_| InvalidToken)
    }

    /// Checks the signature of a compact JWS. The claims were checked already, strictly; here the library's checks are a second opinion
    /// on those that it knows, except for time, which is not its business.
    pub(crate) fn check(&self, compact: &str) -> Result<(), InvalidToken> {
        let options = VerificationOptions {
            accept_future: true,
            required_signature_type: Some(TYPE.to_owned()),
            allowed_audiences: Some([AUDIENCE.to_owned()].into()),
            time_tolerance: Some(Duration::from_secs(0)),
            artificial_time: Some(Duration::from_secs(0)),
            ..VerificationOptions::default()
        };
        self.0.verify_token::<Private>(compact, Some(options)).map(drop).map_err(|_| InvalidToken)
    }
}

/// A public key in a JWK set (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    kid: String,
    x: String,
}

impl Jwk {
    /// The JWK of an Ed25519 public key.
    pub fn new(public_key: &[u8]) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            r#use: "sig",
            kid: thumbprint(public_key),
            x: URL_SAFE_NO_PAD.encode(public_key),
        }
    }
}

/// RFC 7638: SHA-256 over the required members in lexicographic order without white space.
fn thumbprint(public_key: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()))
}

fn library(error: impl fmt::Display) -> SignError {
    SignError::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // RFC 8037 appendix A.3.
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(thumbprint(&x), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_follows_from_root_and_generation_and_prints_its_name_alone() {
        let ring: keyring::Keyring =
            "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=".parse().unwrap();
        let derive = |generation| SigningKey::derive(ring.current(), generation).unwrap();
        assert_eq!(derive(1).public_key(), derive(1).public_key());
        assert_ne!(derive(1).public_key(), derive(2).public_key());
        let key = derive(1);
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.kid()));
        assert_eq!(Jwk::new(&key.public_key()).kid, key.kid());
    }
}
