use std::sync::Arc;

use ambient::Clock;
use egress::Egress;
#[cfg(target_family = "wasm")]
use egress::EgressError;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::s3::S3;
use crate::{ChunkError, KeyValueChunks, Prefix, S3Bucket};

/// How many chunks are removed at the same time.
const REMOVALS_AT_ONCE: usize = 8;

/// The BLAKE3 of a chunk. What SHA-256 costs without the processor's instructions for it, as in a component, would be most of a download.
pub type ChunkDigest = [u8; 32];

/// Where chunks are kept: in a key-value store or in a bucket of S3.
#[derive(Debug, Clone)]
pub struct ChunkStore(Body);

#[derive(Debug, Clone)]
enum Body {
    KeyValue(KeyValueChunks),
    S3(Arc<S3>),
}

impl From<KeyValueChunks> for ChunkStore {
    fn from(chunks: KeyValueChunks) -> Self {
        Self(Body::KeyValue(chunks))
    }
}

impl ChunkStore {
    /// In this bucket. Nothing is sent before the first chunk.
    pub fn s3(bucket: S3Bucket, egress: Egress, clock: Clock) -> Self {
        Self(Body::S3(Arc::new(S3::new(bucket, egress, clock))))
    }

    /// Where the operator has said: in this bucket, or else in the key-value store `default` that the manifest grants. Nothing is opened before the first
    /// chunk.
    ///
    /// # Errors
    /// [`EgressError`] when no requests can be sent.
    #[cfg(target_family = "wasm")]
    pub fn configured(bucket: Option<&S3Bucket>, clock: Clock) -> Result<Self, EgressError> {
        match bucket {
            Some(bucket) => Ok(Self::s3(bucket.clone(), Egress::new()?, clock)),
            None => Ok(KeyValueChunks::named("default").into()),
        }
    }

    /// In memory, for as long as this value and its clones live.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`] when no thread can be started for it.
    #[cfg(not(target_family = "wasm"))]
    pub fn in_memory() -> Result<Self, ChunkError> {
        KeyValueChunks::in_memory().map(Self::from)
    }

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
        let digest = *blake3::hash(&bytes).as_bytes();
        let key = prefix.key(number);
        match &self.0 {
            Body::KeyValue(chunks) => chunks.set(&key, bytes).await?,
            Body::S3(s3) => s3.set(&key, bytes).await?,
        }
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
        let found = match &self.0 {
            Body::KeyValue(chunks) => chunks.read(&key).await?,
            Body::S3(s3) => s3.read(&key).await?,
        };
        match found {
            Some(bytes) if blake3::hash(&bytes).as_bytes() == digest => Ok(bytes),
            found => Err(ChunkError::Damaged { key, is_missing: found.is_none() }),
        }
    }

    /// Forgets the first `count` chunks; that some are not there is no error.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`]; some are gone, and it can be done again.
    pub async fn remove(&self, prefix: &Prefix, count: u64) -> Result<(), ChunkError> {
        let removals = stream::iter(0..count).map(|number| self.delete(prefix.key(number)));
        removals.buffer_unordered(REMOVALS_AT_ONCE).try_collect().await
    }

    async fn delete(&self, key: String) -> Result<(), ChunkError> {
        match &self.0 {
            Body::KeyValue(chunks) => chunks.delete(&key).await,
            Body::S3(s3) => s3.delete(&key).await,
        }
    }
}
