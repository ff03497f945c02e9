#![doc = include_str!("../README.md")]

#[cfg(target_family = "wasm")]
mod component;
mod error;
mod key;
#[cfg(not(target_family = "wasm"))]
mod native;

use sha2::{Digest as _, Sha256};

#[cfg(target_family = "wasm")]
pub use component::ChunkStore;
pub use error::ChunkError;
pub use key::Prefix;
#[cfg(not(target_family = "wasm"))]
pub use native::ChunkStore;

/// How long a chunk may be: it fits every key-value store that Spin knows. Sizes of files are counted in it by the schema too.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;

/// The SHA-256 of a chunk.
pub type ChunkDigest = [u8; 32];

/// How many chunks so many bytes make.
pub fn count(bytes: u64) -> u64 {
    bytes.div_ceil(CHUNK_BYTES_MAX as u64)
}

impl ChunkStore {
    /// Keeps a chunk and tells its digest. What was there before is gone.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`].
    pub async fn put(
        &self,
        prefix: &Prefix,
        number: u64,
        bytes: Vec<u8>,
    ) -> Result<ChunkDigest, ChunkError> {
        let digest = Sha256::digest(&bytes).into();
        self.set(&prefix.key(number), bytes).await?;
        Ok(digest)
    }

    /// The chunk that has this digest.
    ///
    /// # Errors
    /// [`ChunkError::Damaged`] when it is missing or another, [`ChunkError::Unavailable`].
    pub async fn get(
        &self,
        prefix: &Prefix,
        number: u64,
        digest: &ChunkDigest,
    ) -> Result<Vec<u8>, ChunkError> {
        let key = prefix.key(number);
        match self.read(&key).await? {
            Some(bytes) if Sha256::digest(&bytes).as_slice() == digest => Ok(bytes),
            found => Err(ChunkError::Damaged { key, is_missing: found.is_none() }),
        }
    }

    /// Forgets the first `count` chunks; that some are not there is no error.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`]; some are gone, and it can be done again.
    pub async fn remove(&self, prefix: &Prefix, count: u64) -> Result<(), ChunkError> {
        for number in 0..count {
            self.delete(&prefix.key(number)).await?;
        }
        Ok(())
    }
}
