#![doc = include_str!("../README.md")]

mod bucket;
#[cfg(target_family = "wasm")]
mod component;
mod error;
mod key;
#[cfg(not(target_family = "wasm"))]
mod native;
mod s3;
mod store;

pub use bucket::{ParseBucketError, S3Bucket};
#[cfg(target_family = "wasm")]
pub use component::KeyValueChunks;
pub use error::ChunkError;
pub use key::Prefix;
#[cfg(not(target_family = "wasm"))]
pub use native::KeyValueChunks;
pub use store::{ChunkDigest, ChunkStore};

/// How long a chunk may be: it fits every key-value store that Spin knows. Sizes of files are counted in it by the schema too.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;

/// How many chunks so many bytes make.
pub fn count(bytes: u64) -> u64 {
    bytes.div_ceil(CHUNK_BYTES_MAX as u64)
}
