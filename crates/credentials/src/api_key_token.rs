use std::fmt;

use ambient::{Entropy, EntropyError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every API key begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "slv_";

/// 256 random bits in base64url.
const SECRET_CHARS: usize = 43;

/// 36 bits: enough to tell a mistyped or invented key from one of ours without asking the database.
const CHECKSUM_CHARS: usize = 6;

/// How much of a key lists show: the prefix and 8 of the 43 random characters, which leaves 210 bits to guess.
const SHOWN_CHARS: usize = PREFIX.len() + 8;

/// The secret of an API key: `slv_`, 256 random bits, a checksum. It is shown once; the database has its hash.
#[derive(Clone)]
pub struct ApiKeyToken(Zeroizing<String>);

impl ApiKeyToken {
    /// A new one.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn generate(entropy: &Entropy) -> Result<Self, EntropyError> {
        let bytes = Zeroizing::new(entropy.bytes::<32>()?);
        let mut text =
            Zeroizing::new(String::with_capacity(PREFIX.len() + SECRET_CHARS + CHECKSUM_CHARS));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text))
    }

    /// Whether a text has the form of an API key, checksum included. Only the database knows whether it is one.
    pub fn is_one(text: &str) -> bool {
        text.len() == PREFIX.len() + SECRET_CHARS + CHECKSUM_CHARS
            && text.starts_with(PREFIX)
            && text
                .split_at_checked(PREFIX.len() + SECRET_CHARS)
                .is_some_and(|(key, end)| checksum(key) == end)
    }

    /// What the database knows a key by.
    pub fn hash_of(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }

    /// The hash of this key.
    pub fn hash(&self) -> [u8; 32] {
        Self::hash_of(&self.0)
    }

    /// How it begins, for lists.
    pub fn shown(&self) -> &str {
        self.0.get(..SHOWN_CHARS).unwrap_or(PREFIX)
    }

    /// The key in the clear, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The digest is of the random part under a name, so that it is no prefix of [`ApiKeyToken::hash_of`].
fn checksum(key: &str) -> String {
    let digest =
        Sha256::new().chain_update("selvage api key checksum:").chain_update(key).finalize();
    URL_SAFE_NO_PAD.encode(digest).chars().take(CHECKSUM_CHARS).collect()
}

impl fmt::Debug for ApiKeyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_form_and_one_changed_character_breaks_it() {
        let entropy = Entropy::sequence(7);
        let one = ApiKeyToken::generate(&entropy).unwrap();
        let two = ApiKeyToken::generate(&entropy).unwrap();
        assert_ne!(one.reveal(), two.reveal());
        assert_ne!(one.hash(), two.hash());
        assert!(ApiKeyToken::is_one(one.reveal()));
        assert!(one.reveal().starts_with(one.shown()));
        assert_eq!(one.shown().len(), 12);
        for position in 0..one.reveal().len() {
            let mut bytes = one.reveal().as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            assert!(!ApiKeyToken::is_one(std::str::from_utf8(&bytes).unwrap()), "{position}");
        }
        for text in ["", "slv_", &"slv_é".repeat(9), &one.reveal()[..52], &"é".repeat(27)] {
            assert!(!ApiKeyToken::is_one(text), "{text}");
        }
    }

    #[test]
    fn the_checksum_says_nothing_of_the_hash() {
        let key = ApiKeyToken::generate(&Entropy::sequence(7)).unwrap();
        let hash = URL_SAFE_NO_PAD.encode(key.hash());
        assert!(!hash.starts_with(&key.reveal()[47..]));
        assert_eq!(format!("{key:?}"), "ApiKeyToken(..)");
    }
}
