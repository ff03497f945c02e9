use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::UnixMillis;
use credentials::AccessToken;
use lru::LruCache;
use sha2::{Digest, Sha256};

/// How long a verified token is remembered.
const REMEMBERED: Duration = Duration::from_mins(1);

/// How many tokens an instance remembers: the most recently used ones, about half a megabyte.
const TOKENS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// Tokens whose signature this instance has verified, by their SHA-256.
///
/// Only what cannot change is remembered. Whether the token still counts is asked of the database each time.
#[derive(Debug, Clone)]
pub(crate) struct Remembered(Arc<Mutex<Tokens>>);

/// Each token with the time at which it was verified.
type Tokens = LruCache<[u8; 32], (AccessToken, UnixMillis)>;

impl Remembered {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(TOKENS_MAX))))
    }

    pub(crate) fn get(&self, compact: &str, now: UnixMillis) -> Option<AccessToken> {
        // A panic while the lock was held cannot leave the map half-changed, and there is no other use for the poison.
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, since) = tokens.get(&key(compact))?;
        let is_fresh = *since <= now && now < since.plus(REMEMBERED);
        is_fresh.then(|| token.clone())
    }

    pub(crate) fn put(&self, compact: &str, token: AccessToken, now: UnixMillis) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.put(key(compact), (token, now));
    }
}

fn key(compact: &str) -> [u8; 32] {
    Sha256::digest(compact.as_bytes()).into()
}
