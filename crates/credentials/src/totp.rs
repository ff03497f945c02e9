//! The second factor: codes of an authenticator app (RFC 6238), and what stands in for a lost one.

use std::fmt;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use ambient::{Entropy, EntropyError, UnixMillis};
use ids::UserId;
use keyring::{Purpose, RootKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// How many recovery codes come with an enrolment.
pub const RECOVERY_CODES: usize = 10;

const SECRET_BYTES: usize = 20;
const NONCE_BYTES: usize = 12;

/// The sealed secret does not open: it is damaged, of another person, or of another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored secret of the second factor does not open")]
pub struct SealError;

/// The secret that a person's authenticator app shares with us: 160 bits (RFC 4226 section 4, R6).
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// A new secret.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn generate(entropy: &Entropy) -> Result<Self, EntropyError> {
        Ok(Self(Zeroizing::new(entropy.bytes()?)))
    }

    /// The secret in the clear, as people type it into an app.
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(self.secret().to_base32())
    }

    /// The URL that apps read from a QR code. `issuer` and `account` are what the app shows.
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let secret = self.to_base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            secret.as_str()
        ))
    }

    /// The time step that a code is of, if it is the code of this moment, the step before or the one after.
    pub fn step_of(&self, code: &str, now: UnixMillis) -> Option<u64> {
        let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        if !is_code {
            return None;
        }
        self.totp().check(code, now.as_seconds())
    }

    /// The code of this moment, for tests and for whoever plays the app.
    pub fn code_at(&self, now: UnixMillis) -> String {
        self.totp().generate(now.as_seconds()).to_string()
    }

    /// Encrypts the secret for the database (AES-256-GCM), bound to the person.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn seal(
        &self,
        root: &RootKey,
        owner: UserId,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes()?;
        let aad = associated_data(owner);
        let payload = Payload { msg: self.0.as_slice(), aad: aad.as_bytes() };
        // It fails only for texts of 64 GiB and more.
        let sealed = cipher(root).encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`TotpSecret::seal`] made with the same key for the same person.
    ///
    /// # Errors
    /// [`SealError`] for everything else.
    pub fn open(sealed: &[u8], root: &RootKey, owner: UserId) -> Result<Self, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let aad = associated_data(owner);
        let payload = Payload { msg: sealed, aad: aad.as_bytes() };
        let plain = cipher(root).decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError)?;
        let plain = Zeroizing::new(plain);
        let bytes = plain.as_slice().try_into().map_err(|_| SealError)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    fn secret(&self) -> Secret {
        Secret::new_stack(*self.0)
    }

    /// SHA-1, six digits, thirty seconds, one step of tolerance: what every app supports and the library's defaults.
    fn totp(&self) -> Totp {
        Builder::new().with_secret(self.secret()).build_noncompliant()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

fn cipher(root: &RootKey) -> Aes256Gcm {
    Aes256Gcm::new(&(*root.derive(Purpose::TotpSeal)).into())
}

/// What a sealed secret is bound to besides its key. Its form is part of what is stored.
fn associated_data(owner: UserId) -> String {
    format!("selvage/1/totp.sealed_secret/{owner}")
}

/// What RFC 3986 section 2.3 leaves unreserved stands for itself; a space is `%20`, since apps show a `+` as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent_encoded(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, RESERVED)
}

/// A code for the day on which the app is lost: 120 random bits in base32, in four groups.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A new code.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn generate(entropy: &Entropy) -> Result<Self, EntropyError> {
        let bytes = Zeroizing::new(entropy.bytes::<15>()?);
        let text = Zeroizing::new(Secret::new(bytes.as_slice().into()).to_base32().to_lowercase());
        let groups = [text.get(..6), text.get(6..12), text.get(12..18), text.get(18..)];
        Ok(Self(Zeroizing::new(groups.map(Option::unwrap_or_default).join("-"))))
    }

    /// What the database knows a code by. Case, hyphens and spaces do not count: people copy these from paper.
    pub fn hash_of(text: &str) -> [u8; 32] {
        let plain: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|c| !matches!(c, '-' | ' '))
                .map(|c| c.to_ascii_lowercase())
                .collect(),
        );
        Sha256::digest(plain.as_bytes()).into()
    }

    /// The code in the clear, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use ids::Id;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn at(seconds: i64) -> UnixMillis {
        UnixMillis(seconds * 1000)
    }

    fn ring(text: &str) -> keyring::Keyring {
        text.parse().unwrap()
    }

    fn owner(byte: u8) -> UserId {
        Id::new(NOW, [byte; 10])
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of eight digits.
        let secret = TotpSecret(Zeroizing::new(*b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(at(seconds)), code);
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(secret.step_of(code, at(seconds)), Some(step));
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after_its_own() {
        let secret = TotpSecret(Zeroizing::new(*b"12345678901234567890"));
        let code = secret.code_at(at(3000));
        for (seconds, counts) in
            [(2969, false), (2970, true), (3029, true), (3059, true), (3060, false)]
        {
            assert_eq!(secret.step_of(&code, at(seconds)).is_some(), counts, "{seconds}");
        }
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", " 12345", "-12345"] {
            assert_eq!(secret.step_of(text, at(3000)), None, "{text}");
        }
    }

    #[test]
    fn a_sealed_secret_opens_for_its_person_and_key_alone() {
        let one = ring("q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=");
        let other = ring("t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M=");
        let entropy = Entropy::system();
        let secret = TotpSecret::generate(&entropy).unwrap();
        let sealed = secret.seal(one.current(), owner(1), &entropy).unwrap();
        assert_ne!(sealed, secret.seal(one.current(), owner(1), &entropy).unwrap());
        let open = |sealed: &[u8], ring: &keyring::Keyring, byte| {
            TotpSecret::open(sealed, ring.current(), owner(byte)).map(|secret| *secret.0)
        };
        assert_eq!(open(&sealed, &one, 1).unwrap(), *secret.0);
        assert_eq!(open(&sealed, &one, 2), Err(SealError));
        assert_eq!(open(&sealed, &other, 1), Err(SealError));
        for length in 0..sealed.len() {
            assert_eq!(open(&sealed[..length], &one, 1), Err(SealError), "{length}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&flipped, &one, 1), Err(SealError), "{bit}");
        }
    }

    #[test]
    fn apps_get_a_url_in_which_nothing_can_be_injected() {
        let secret = TotpSecret(Zeroizing::new(*b"12345678901234567890"));
        assert_eq!(
            secret.otpauth_url("Selvage", "a&secret=x@b.example").as_str(),
            "otpauth://totp/Selvage:a%26secret%3Dx%40b.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Selvage\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{secret:?}"), "TotpSecret(..)");
    }

    #[test]
    fn recovery_codes_are_distinct_and_forgive_how_they_are_typed() {
        let entropy = Entropy::system();
        let code = RecoveryCode::generate(&entropy).unwrap();
        assert_eq!(code.reveal().len(), 27, "{}", code.reveal());
        assert_ne!(code.reveal(), RecoveryCode::generate(&entropy).unwrap().reveal());
        let typed = format!(" {} ", code.reveal().to_uppercase().replace('-', " "));
        assert_eq!(RecoveryCode::hash_of(&typed), RecoveryCode::hash_of(code.reveal()));
        assert_eq!(format!("{code:?}"), "RecoveryCode(..)");
    }
}
