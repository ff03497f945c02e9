//! The key-value body inside a component: `spin:key-value`.

use spin_sdk::key_value::{Error, Store};

use crate::ChunkError;

/// A key-value store that the manifest grants to this component.
#[derive(Debug, Clone)]
pub struct KeyValueChunks {
    label: &'static str,
}

impl KeyValueChunks {
    /// The store with this label in `key_value_stores`. Nothing is opened before the first chunk.
    pub fn named(label: &'static str) -> Self {
        Self { label }
    }

    pub(crate) async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ChunkError> {
        self.open().await?.get(key).await.map_err(failure)
    }

    pub(crate) async fn set(&self, key: &str, bytes: Vec<u8>) -> Result<(), ChunkError> {
        self.open().await?.set(key, bytes).await.map_err(failure)
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), ChunkError> {
        self.open().await?.delete(key).await.map_err(failure)
    }

    async fn open(&self) -> Result<Store, ChunkError> {
        Store::open(self.label).await.map_err(failure)
    }
}

fn failure(error: Error) -> ChunkError {
    ChunkError::Unavailable(Box::new(error))
}
