//! A value under a key of its own. The format is `format ‖ algorithm ‖ nonce ‖ ciphertext ‖ tag`; that of a key under the ring's is the same.

use std::fmt;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use ambient::{Entropy, EntropyError};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Row, Secret, VaultError};

/// How long a secret may be.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;

pub(crate) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Format 1, AES-256-GCM.
const HEADER: [u8; 2] = [1, 1];

/// Labels are never changed: what is sealed would not open any more.
const VALUE_LABEL: &str = "selvage/1/vault/value";

/// A sealed value: the columns of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key the value's key is wrapped with.
    pub kek_id: String,
    /// The value's key, wrapped.
    pub wrapped_dek: Vec<u8>,
    /// The value under its key.
    pub sealed: Vec<u8>,
}

/// A 256-bit key. Under one of a value, exactly one plaintext is ever encrypted.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; KEY_BYTES]);

impl Key {
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub fn generate(entropy: &Entropy) -> Result<Self, EntropyError> {
        entropy.bytes().map(Self)
    }

    /// `None` when these are not as many bytes as a key has.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Encrypts a value, bound to its row.
    pub fn seal_value(
        &self,
        row: &Row<'_>,
        value: &[u8],
        entropy: &Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        if SECRET_BYTES_MAX < value.len() {
            return Err(VaultError::TooLarge);
        }
        self.seal(value, &row.associated(VALUE_LABEL, &HEADER), entropy)
    }

    /// Decrypts what [`Key::seal_value`] made for the same row.
    pub fn open_value(&self, row: &Row<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        self.open(sealed, &row.associated(VALUE_LABEL, &HEADER))
    }

    pub fn seal(
        &self,
        value: &[u8],
        associated: &[u8],
        entropy: &Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes()?;
        let payload = Payload { msg: value, aad: associated };
        // It fails only for texts of 64 GiB and more.
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError::TooLarge)?;
        Ok([HEADER.as_slice(), &nonce, &sealed].concat())
    }

    pub fn open(&self, sealed: &[u8], associated: &[u8]) -> Result<Secret, VaultError> {
        let body = sealed.strip_prefix(&HEADER).ok_or(VaultError::Damaged)?;
        let (nonce, body) = body.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
        let payload = Payload { msg: body, aad: associated };
        let opened = self.cipher().decrypt(&Nonce::from(*nonce), payload);
        opened.map(Secret::new).map_err(|_| VaultError::Damaged)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_million_envelopes_repeat_no_key_and_no_nonce() {
        let entropy = Entropy::system();
        let row = Row { table: "t", column: "c", id: "i", account_id: None };
        let mut seen = HashSet::with_capacity(1_000_000);
        for _ in 0..1_000_000 {
            let key = Key::generate(&entropy).unwrap();
            let sealed = key.seal_value(&row, b"", &entropy).unwrap();
            let nonce = sealed[2..2 + NONCE_BYTES].to_vec();
            assert!(seen.insert((key.0, nonce)));
        }
    }

    #[test]
    fn a_secret_has_a_largest_size() {
        let entropy = Entropy::sequence(1);
        let key = Key::generate(&entropy).unwrap();
        let row = Row { table: "t", column: "c", id: "i", account_id: None };
        let most = vec![7; SECRET_BYTES_MAX];
        let sealed = key.seal_value(&row, &most, &entropy).unwrap();
        assert_eq!(&*key.open_value(&row, &sealed).unwrap(), &most);
        let more = vec![7; SECRET_BYTES_MAX + 1];
        assert!(matches!(key.seal_value(&row, &more, &entropy), Err(VaultError::TooLarge)));
    }
}
