//! What is derived from a key: by what name it is kept, what it was used for, and what its answer is sealed with.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use ambient::{Entropy, EntropyError};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Key;

const NONCE_BYTES: usize = 12;

/// Never changed: that would lose what is kept.
const NAME: &[u8] = b"selvage/1/idempotency/name";

/// A part of the root key that is mixed in; zeros where there is none, as RFC 5869 section 2.2 has it.
pub type Pepper = Zeroizing<[u8; 32]>;

/// What two requests must have in common to be the same.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// The path as the route table declares it.
    pub route: &'static str,
    /// The path with its ids, as it was sent.
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
    /// What the route answers when all is well; it says nothing about the request.
    pub status: u16,
}

/// The sealed answer does not open: it is damaged, or of another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a kept answer could not be opened")]
pub struct SealError;

/// What a key gives for one request under one pepper.
#[derive(Clone)]
pub(crate) struct Derived {
    pub name: [u8; 32],
    pub fingerprint: [u8; 32],
    seal: Zeroizing<[u8; 32]>,
}

impl Request<'_> {
    /// Every part is preceded by its length, so that no two requests are written alike.
    fn digest(&self) -> [u8; 32] {
        let Self { method, route, path, query, body, status: _ } = *self;
        let mut digest = Sha256::new();
        for part in [method.as_bytes(), route.as_bytes(), path.as_bytes(), query.as_bytes(), body] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

impl Derived {
    /// By what name the answer to any request with this key is kept.
    pub fn name(pepper: &Pepper, key: &Key) -> [u8; 32] {
        let hkdf = Hkdf::<Sha256>::new(Some(pepper.as_slice()), key.as_bytes());
        let mut name = [0; 32];
        // It fails only for more than 255 hashes of output; this is one.
        let _ = hkdf.expand(NAME, &mut name);
        name
    }

    pub fn new(pepper: &Pepper, key: &Key, request: &Request<'_>) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(pepper.as_slice()), key.as_bytes());
        let expand = |label: &str, context: &[u8]| {
            let mut bytes = Zeroizing::new([0; 32]);
            // It fails only for more than 255 hashes of output; this is one.
            let _ = hkdf.expand_multi_info(&[label.as_bytes(), context], bytes.as_mut_slice());
            bytes
        };
        // Labels are never changed: that would lose what is kept.
        Self {
            name: Self::name(pepper, key),
            fingerprint: *expand("selvage/1/idempotency/fingerprint", &request.digest()),
            seal: expand("selvage/1/idempotency/seal", &[]),
        }
    }

    /// Encrypts an answer for the database, bound to the row that it will be in.
    pub fn seal(&self, body: &[u8], row: &str, entropy: &Entropy) -> Result<Vec<u8>, EntropyError> {
        let nonce: [u8; NONCE_BYTES] = entropy.bytes()?;
        let payload = Payload { msg: body, aad: row.as_bytes() };
        // It fails only for texts of 64 GiB and more.
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Derived::seal`] made with the same key for the same row.
    pub fn open(&self, sealed: &[u8], row: &str) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let payload = Payload { msg: sealed, aad: row.as_bytes() };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&(*self.seal).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::http::HeaderMap;

    use super::*;
    use crate::key::IDEMPOTENCY_KEY;

    const REQUEST: Request<'_> = Request {
        method: "POST",
        route: "/a/{id}",
        path: "/a/1",
        query: "",
        body: b"{}",
        status: 201,
    };

    fn key(text: &str) -> Key {
        let headers = [(IDEMPOTENCY_KEY.parse().unwrap(), text.parse().unwrap())];
        Key::find(&HeaderMap::from_iter(headers)).unwrap().unwrap()
    }

    fn derived(pepper: u8, text: &str, request: &Request<'_>) -> Derived {
        Derived::new(&Zeroizing::new([pepper; 32]), &key(text), request)
    }

    #[test]
    fn every_part_of_a_request_counts_and_none_can_pass_into_the_next() {
        let variants = [
            REQUEST,
            Request { method: "PUT", ..REQUEST },
            Request { route: "/b/{id}", ..REQUEST },
            Request { path: "/a/2", ..REQUEST },
            Request { query: "a", ..REQUEST },
            Request { path: "/a/1a", query: "", ..REQUEST },
            Request { body: b"", ..REQUEST },
            Request { query: "{}", body: b"", ..REQUEST },
        ];
        let prints: BTreeSet<_> =
            variants.iter().map(|request| derived(0, "k", request).fingerprint).collect();
        assert_eq!(prints.len(), variants.len());
        let names: BTreeSet<_> =
            variants.iter().map(|request| derived(0, "k", request).name).collect();
        assert_eq!(names.len(), 1, "a key is found whatever it is used for");
    }

    #[test]
    fn keys_and_peppers_have_nothing_in_common() {
        let all = [derived(0, "k", &REQUEST), derived(0, "l", &REQUEST), derived(1, "k", &REQUEST)];
        let parts: BTreeSet<_> =
            all.iter().flat_map(|one| [one.name, one.fingerprint, *one.seal]).collect();
        assert_eq!(parts.len(), 9);
    }

    #[test]
    fn a_sealed_answer_opens_with_its_key_in_its_row_alone() {
        let entropy = Entropy::sequence(1);
        let one = derived(1, "k", &REQUEST);
        let sealed = one.seal(b"answer", "row", &entropy).unwrap();
        assert_ne!(sealed, one.seal(b"answer", "row", &entropy).unwrap());
        assert_eq!(one.open(&sealed, "row").unwrap(), b"answer");
        assert_eq!(one.open(&sealed, "another"), Err(SealError));
        for other in [derived(1, "l", &REQUEST), derived(2, "k", &REQUEST)] {
            assert_eq!(other.open(&sealed, "row"), Err(SealError));
        }
        for length in 0..sealed.len() {
            assert_eq!(one.open(&sealed[..length], "row"), Err(SealError), "{length}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(one.open(&flipped, "row"), Err(SealError), "{bit}");
        }
    }
}
