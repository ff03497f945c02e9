//! `spin:key-value@3.0.0` for guests: stores by label, kept in local files.

mod guest;
mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::{EngineError, KeyValue};
use manifest::{KeyValueStore, RuntimeConfig};

pub use self::guest::add_to_linker;
use crate::error::HostError;
use crate::sqlite::create_folder;

/// The stores of the application, opened once before the first request.
pub struct Stores {
    by_label: BTreeMap<String, Store>,
}

/// One store: a label within a file.
#[derive(Clone)]
struct Store {
    file: KeyValue,
    label: String,
}

impl Stores {
    /// Opens every store in `names` (the union over all components) as the runtime configuration says.
    ///
    /// # Errors
    /// [`HostError::Storage`] naming the store that cannot be opened.
    pub fn open(config: &RuntimeConfig, names: &BTreeSet<String>) -> Result<Self, HostError> {
        let mut files: BTreeMap<PathBuf, KeyValue> = BTreeMap::new();
        let mut by_label = BTreeMap::new();
        for label in names {
            let failure = |reason: String| HostError::Storage {
                kind: "key-value store",
                name: label.clone(),
                reason,
            };
            let file = match config.key_value_stores.get(label) {
                None => {
                    return Err(failure("the runtime configuration does not define it".to_owned()));
                }
                Some(KeyValueStore::File { path: None }) => {
                    let stores = KeyValue::in_memory(KeyValue::options());
                    stores.map_err(|error| failure(error.to_string()))?
                }
                Some(KeyValueStore::File { path: Some(path) }) => {
                    let file = match files.get(path) {
                        Some(file) => file.clone(),
                        None => open_file(path).map_err(|error| failure(error.to_string()))?,
                    };
                    files.insert(path.clone(), file.clone());
                    file
                }
            };
            by_label.insert(label.clone(), Store { file, label: label.clone() });
        }
        Ok(Self { by_label })
    }

    /// The view of a component whose manifest lists `names` under `key_value_stores`.
    pub fn grant(&self, names: &[String]) -> Grant {
        let stores = names.iter().map(|label| (label.clone(), self.by_label.get(label).cloned()));
        Grant { stores: stores.collect() }
    }

    /// Writes what is pending and closes every store; called once after the last request.
    pub async fn close(self) {
        for (label, store) in self.by_label {
            if let Err(error) = store.file.close().await {
                tracing::warn!(store = label, %error, "the store was not closed in order; nothing is lost");
            }
        }
    }
}

/// The stores that one component may open. Reached in a host function as `state.grants.stores`.
pub struct Grant {
    stores: BTreeMap<String, Option<Store>>,
}

/// Why a component cannot open a store.
enum Refusal {
    /// Its manifest does not list the label, whether such a store exists or not.
    AccessDenied,
    /// The label is granted, but nothing defines it.
    NoSuchStore,
}

impl Grant {
    fn open(&self, label: &str) -> Result<Store, Refusal> {
        match self.stores.get(label) {
            None => Err(Refusal::AccessDenied),
            Some(None) => Err(Refusal::NoSuchStore),
            Some(Some(store)) => Ok(store.clone()),
        }
    }
}

fn open_file(path: &Path) -> Result<KeyValue, EngineError> {
    create_folder(path).map_err(|error| EngineError::Open {
        path: path.to_owned(),
        reason: format!("its folder cannot be made: {error}"),
    })?;
    KeyValue::open(path, KeyValue::options())
}
