use std::fmt;

use ambient::{Entropy, EntropyError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use keyring::{Purpose, RootKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A token that means nothing by itself: 256 random bits as 43 characters of base64url. It is shown once; the database has its hash.
#[derive(Clone)]
pub struct OpaqueToken(Zeroizing<String>);

impl OpaqueToken {
    /// A new token.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn generate(entropy: &Entropy) -> Result<Self, EntropyError> {
        let bytes = Zeroizing::new(entropy.bytes::<32>()?);
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// The token that follows a refresh token: the same each time, so that a client whose answer was lost is given the same successor
    /// again although the database has hashes alone. Without the root key it cannot be computed from the token (HMAC-SHA-256).
    pub fn successor(text: &str, root: &RootKey) -> Self {
        let key = root.derive(Purpose::RefreshToken);
        let mut bytes = Zeroizing::new([0; 32]);
        // HMAC takes keys of any length, so this never fails.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_slice()) {
            mac.update(text.as_bytes());
            bytes.copy_from_slice(&mac.finalize().into_bytes());
        }
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// What the database knows a token by. Any text has one, so a text that is no token is simply not found.
    pub fn hash_of(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }

    /// The hash of this token.
    pub fn hash(&self) -> [u8; 32] {
        Self::hash_of(&self.0)
    }

    /// The token in the clear, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_follows_from_token_and_root_key_alone() {
        let key = |text: &str| text.parse::<keyring::Keyring>().unwrap();
        let (one, other) = (
            key("q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g="),
            key("t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M="),
        );
        let successor =
            |text, ring: &keyring::Keyring| OpaqueToken::successor(text, ring.current()).0;
        assert_eq!(successor("a", &one), successor("a", &one));
        assert_eq!(successor("a", &one).len(), 43);
        assert_ne!(successor("a", &one), successor("b", &one));
        assert_ne!(successor("a", &one), successor("a", &other));
    }

    #[test]
    fn tokens_are_long_distinct_and_do_not_print() {
        let entropy = Entropy::system();
        let (one, two) =
            (OpaqueToken::generate(&entropy).unwrap(), OpaqueToken::generate(&entropy).unwrap());
        assert_eq!(one.reveal().len(), 43);
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.hash(), OpaqueToken::hash_of(one.reveal()));
        assert_ne!(one.hash(), two.hash());
        assert_eq!(format!("{one:?}"), "OpaqueToken(..)");
    }
}
