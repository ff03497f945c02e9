use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::STANDARD as STANDARD_ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The id of a key that was given without one.
const DEFAULT_ID: &str = "1";

/// How many keys a ring may hold. During a rotation it is two.
const RING_KEYS_MAX: usize = 8;

/// How long a key's id may be.
const ID_CHARS_MAX: usize = 32;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a derived key is for. Each purpose has its own label, and so its own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Recognizing the root key itself.
    Fingerprint,
    /// The seed of the Ed25519 key of this generation.
    SigningSeed { generation: u32 },
    /// Computing the successor of a refresh token.
    RefreshToken,
    /// Encrypting the secrets of second factors.
    TotpSeal,
    /// What is mixed into the names, fingerprints and seals of answers that are kept for a repetition.
    IdempotencyPepper,
    /// The seed of the Ed25519 key that signs the ends of audit logs.
    AuditCheckpoint,
    /// Wrapping the keys of the vault's secrets.
    VaultKek,
    /// Signing links to files.
    SignedUrl,
}

impl Purpose {
    /// A label is never changed and never given to another purpose: that would change, or share, keys in use.
    fn label(self) -> String {
        match self {
            Self::Fingerprint => "selvage/1/fingerprint".to_owned(),
            Self::SigningSeed { generation } => format!("selvage/1/signing-seed/{generation}"),
            Self::RefreshToken => "selvage/1/refresh-token".to_owned(),
            Self::TotpSeal => "selvage/1/totp-seal".to_owned(),
            Self::AuditCheckpoint => "selvage/1/audit-checkpoint".to_owned(),
            Self::IdempotencyPepper => "selvage/1/idempotency-pepper".to_owned(),
            Self::VaultKek => "selvage/1/vault-kek".to_owned(),
            Self::SignedUrl => "selvage/1/signed-url".to_owned(),
        }
    }
}

/// One root key with its id.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey {
    #[zeroize(skip)]
    id: String,
    secret: [u8; 32],
}

impl RootKey {
    /// Its name in the ring and in the database.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key for this purpose (HKDF-SHA-256 without salt: the input is uniformly random already, RFC 5869 section 3.1).
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        // It fails only for more than 255 hashes of output; this is one.
        let _ =
            Hkdf::<Sha256>::new(None, &self.secret).expand(purpose.label().as_bytes(), &mut *key);
        key
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The root keys that are in use. The first is the current one.
#[derive(Debug, Clone)]
pub struct Keyring {
    current: RootKey,
    older: Vec<RootKey>,
}

impl Keyring {
    /// The key that new things are made with.
    pub fn current(&self) -> &RootKey {
        &self.current
    }

    /// The key of this id, if the ring has it.
    pub fn find(&self, id: &str) -> Option<&RootKey> {
        self.iter().find(|key| key.id == id)
    }

    /// All keys, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &RootKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

/// Why a text is no keyring. No variant holds any of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyringError {
    #[error("it is empty; give 32 random bytes in base64, e.g. from `openssl rand -base64 32`")]
    Empty,
    #[error("key {0} is not base64")]
    NotBase64(usize),
    #[error("key {0} has {1} bytes instead of 32")]
    WrongLength(usize, usize),
    #[error(
        "key {0} repeats itself or is an example; give 32 random bytes, e.g. from `openssl rand -base64 32`"
    )]
    Guessable(usize),
    #[error("key {0} has an id that is not 1 to {ID_CHARS_MAX} letters, digits, - or _")]
    BadId(usize),
    #[error("key {0} has the id or the bytes of an earlier one")]
    Repeated(usize),
    #[error("it holds more than {RING_KEYS_MAX} keys")]
    TooMany,
}

impl FromStr for Keyring {
    type Err = ParseKeyringError;

    /// Parses `key` or `id:key,id:key`. Positions in errors count from 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseKeyringError::Empty);
        }
        let mut keys = Vec::new();
        let mut ids = BTreeSet::new();
        for (index, part) in text.split(',').enumerate() {
            let position = index + 1;
            if RING_KEYS_MAX < position {
                return Err(ParseKeyringError::TooMany);
            }
            let key = parse_key(position, part.trim())?;
            let is_known = keys.iter().any(|known: &RootKey| known.secret == key.secret);
            if !ids.insert(key.id.clone()) || is_known {
                return Err(ParseKeyringError::Repeated(position));
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let current = keys.next().ok_or(ParseKeyringError::Empty)?;
        Ok(Self { current, older: keys.collect() })
    }
}

fn parse_key(position: usize, text: &str) -> Result<RootKey, ParseKeyringError> {
    let (id, encoded) = text.split_once(':').unwrap_or((DEFAULT_ID, text));
    let is_id = (1..=ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_id {
        return Err(ParseKeyringError::BadId(position));
    }
    let bytes =
        Zeroizing::new(BASE64.decode(encoded).map_err(|_| ParseKeyringError::NotBase64(position))?);
    let secret: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| ParseKeyringError::WrongLength(position, bytes.len()))?;
    if is_guessable(&secret) {
        return Err(ParseKeyringError::Guessable(position));
    }
    Ok(RootKey { id: id.to_owned(), secret })
}

/// Whether no generator would have given this: a short pattern repeated, a run of consecutive bytes, or readable text such as an
/// example's. Of 32 random bytes all are printable with a chance below 2⁻⁴⁵.
fn is_guessable(secret: &[u8; 32]) -> bool {
    let repeats =
        |period: usize| secret.iter().zip(secret.iter().skip(period)).all(|(a, b)| a == b);
    let is_run = secret.iter().zip(secret.iter().skip(1)).all(|(a, b)| b.wrapping_sub(*a) == 1);
    let is_text = secret.iter().all(|byte| (0x20..0x7f).contains(byte));
    (1..=8).any(repeats) || is_run || is_text
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=";
    const B: &str = "t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M=";

    fn refused(text: &str) -> ParseKeyringError {
        text.parse::<Keyring>().unwrap_err()
    }

    #[test]
    fn what_is_no_keyring_is_refused_without_quoting_it() {
        use ParseKeyringError as E;
        let encoded = |bytes: &[u8]| BASE64.encode(bytes);
        assert_eq!(refused(""), E::Empty);
        assert_eq!(refused("  "), E::Empty);
        assert_eq!(refused("change-me!"), E::NotBase64(1));
        assert_eq!(refused(&encoded(&[7; 31])), E::WrongLength(1, 31));
        assert_eq!(refused(&encoded(&[7; 33])), E::WrongLength(1, 33));
        assert_eq!(refused(&format!("{A},")), E::WrongLength(2, 0));
        assert_eq!(refused(&format!("a b:{A}")), E::BadId(1));
        assert_eq!(refused(&format!(":{A}")), E::BadId(1));
        assert_eq!(refused(&format!("{}:{A}", "x".repeat(33))), E::BadId(1));
        assert_eq!(refused(&format!("{A},{B}")), E::Repeated(2));
        assert_eq!(refused(&format!("a:{A},b:{A}")), E::Repeated(2));
        let nine: Vec<_> = (1..=9_u8).map(|n| format!("k{n}:{}", encoded(&[n; 32]))).collect();
        assert_eq!(refused(&nine.join(",")), E::Guessable(1));
    }

    #[test]
    fn keys_that_no_generator_gives_are_refused() {
        let run: Vec<u8> = (0..32).collect();
        let pattern = b"\x00\xffab".repeat(8);
        for secret in
            [&[0; 32][..], &[255; 32], &run, &pattern, b"an example key of 32 characters."]
        {
            assert_eq!(refused(&BASE64.encode(secret)), ParseKeyringError::Guessable(1));
        }
    }

    #[test]
    fn a_ring_knows_its_keys_and_hides_them() {
        let ring: Keyring = format!("new:{A}, old:{B}").parse().unwrap();
        assert_eq!(ring.current().id(), "new");
        assert_eq!(ring.find("old").unwrap().id(), "old");
        assert!(ring.find("1").is_none());
        let unpadded: Keyring = A.trim_end_matches('=').parse().unwrap();
        assert_eq!(unpadded.current().id(), "1");
        assert_eq!(
            format!("{unpadded:?}"),
            r#"Keyring { current: RootKey { id: "1", .. }, older: [] }"#
        );
    }

    #[test]
    fn each_key_and_purpose_gives_a_key_of_its_own() {
        let ring: Keyring = format!("a:{A},b:{B}").parse().unwrap();
        let purposes = [
            Purpose::Fingerprint,
            Purpose::SigningSeed { generation: 1 },
            Purpose::SigningSeed { generation: 2 },
        ];
        let derived: BTreeSet<[u8; 32]> =
            ring.iter().flat_map(|key| purposes.map(|purpose| *key.derive(purpose))).collect();
        assert_eq!(derived.len(), 6);
        let again: Keyring = format!("a:{A}").parse().unwrap();
        assert_eq!(
            *again.current().derive(Purpose::Fingerprint),
            *ring.current().derive(Purpose::Fingerprint)
        );
    }
}
