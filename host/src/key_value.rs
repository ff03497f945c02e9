//! `spin:key-value@3.0.0` for guests: stores by label, kept in local files.

use std::collections::BTreeSet;

use manifest::RuntimeConfig;
use wasmtime::component::Linker;

use crate::error::HostError;
use crate::state::State;

/// The stores of the application, opened once before the first request.
pub struct Stores {}

impl Stores {
    /// Opens every store in `names` (the union over all components) as the runtime configuration says.
    pub fn open(_config: &RuntimeConfig, _names: &BTreeSet<String>) -> Result<Self, HostError> {
        Ok(Self {})
    }

    /// The view of a component whose manifest lists `names` under `key_value_stores`.
    pub fn grant(&self, _names: &[String]) -> Grant {
        Grant {}
    }

    /// Writes what is pending and closes every store; called once after the last request.
    pub async fn close(self) {}
}

/// The stores that one component may open. Reached in a host function as `state.grants.stores`.
pub struct Grant {}

/// Makes the interface available to guests.
pub fn add_to_linker(_linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Ok(())
}
