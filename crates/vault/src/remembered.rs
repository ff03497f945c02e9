use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::UnixMillis;
use lru::LruCache;
use sha2::{Digest as _, Sha256};

use crate::envelope::Key;

/// How long a key that a service has unwrapped is remembered: as long as values can be opened while the service is away.
const REMEMBERED: Duration = Duration::from_mins(5);

/// How many: the most recently used ones.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// Keys of values that a service has unwrapped, by the digest of what it was given and for which row. Without the row that they open they
/// are of no use, and that is read each time. They are erased when they are dropped.
#[derive(Debug, Clone)]
pub(crate) struct Remembered(Arc<Mutex<Keys>>);

/// Each key with the time at which it was unwrapped.
type Keys = LruCache<[u8; 32], (Key, UnixMillis)>;

impl Remembered {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(KEYS_MAX))))
    }

    pub fn get(&self, name: &[u8; 32], now: UnixMillis) -> Option<Key> {
        // A panic while the lock was held cannot leave the map half-changed, and there is no other use for the poison.
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, since) = keys.get(name)?;
        if *since <= now && now < since.plus(REMEMBERED) {
            return Some(key.clone());
        }
        keys.pop(name);
        None
    }

    pub fn put(&self, name: [u8; 32], key: Key, now: UnixMillis) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.put(name, (key, now));
    }
}

/// By what a wrapped key is remembered. `associated` begins with a length, so that the parts cannot run into each other.
pub(crate) fn name(associated: &[u8], wrapped_dek: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(associated).chain_update(wrapped_dek).finalize().into()
}
