//! The key-value body outside a component: the file of the embedded host.

use std::path::Path;

use engine::{EngineError, KeyValue};

use crate::ChunkError;

/// The name of the store within its file, as `spin.toml` grants it.
const LABEL: &str = "default";

/// A file of chunks, or chunks in memory.
#[derive(Debug, Clone)]
pub struct KeyValueChunks {
    stores: KeyValue,
}

impl KeyValueChunks {
    /// Opens the host's file at `path`, creating it when it does not exist.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`] when the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, ChunkError> {
        let stores = KeyValue::open(path, KeyValue::options()).map_err(failure)?;
        Ok(Self { stores })
    }

    /// A new, empty store that lives as long as this value and its clones.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`] when no thread can be started for it.
    pub fn in_memory() -> Result<Self, ChunkError> {
        let stores = KeyValue::in_memory(KeyValue::options()).map_err(failure)?;
        Ok(Self { stores })
    }

    /// Every key, in order.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`].
    pub async fn keys(&self) -> Result<Vec<String>, ChunkError> {
        let mut stream = self.stores.keys(LABEL).await.map_err(failure)?;
        let mut keys = Vec::new();
        while let Some(more) = stream.next().await.map_err(failure)? {
            keys.extend(more);
        }
        Ok(keys)
    }

    /// What is kept under a key, whatever it is.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`].
    pub async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, ChunkError> {
        self.stores.get(LABEL, key).await.map_err(failure)
    }

    /// Keeps anything under a key.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`].
    pub async fn set(&self, key: &str, bytes: Vec<u8>) -> Result<(), ChunkError> {
        self.stores.set(LABEL, key, bytes).await.map_err(failure)
    }

    /// Closes the file after everything in it is on disk; afterwards the store is unavailable.
    ///
    /// # Errors
    /// [`ChunkError::Unavailable`].
    pub async fn close(&self) -> Result<(), ChunkError> {
        self.stores.close().await.map_err(failure)
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), ChunkError> {
        self.stores.delete(LABEL, key).await.map_err(failure)
    }
}

fn failure(error: EngineError) -> ChunkError {
    ChunkError::Unavailable(Box::new(error))
}
