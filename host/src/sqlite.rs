//! `spin:sqlite@3.1.0` for guests: databases by name, each a local file or a remote libSQL.

use std::collections::BTreeSet;

use manifest::RuntimeConfig;
use wasmtime::component::Linker;

use crate::error::HostError;
use crate::state::State;

/// The databases of the application, opened once before the first request.
pub struct Databases {}

impl Databases {
    /// Opens every database in `names` (the union over all components) as the runtime configuration says.
    pub fn open(_config: &RuntimeConfig, _names: &BTreeSet<String>) -> Result<Self, HostError> {
        Ok(Self {})
    }

    /// The view of a component whose manifest lists `names` under `sqlite_databases`.
    pub fn grant(&self, _names: &[String]) -> Grant {
        Grant {}
    }

    /// Writes what is pending and closes every database; called once after the last request.
    pub async fn close(self) {}
}

/// The databases that one component may open. Reached in a host function as `state.grants.databases`.
pub struct Grant {}

/// Makes the interface available to guests.
pub fn add_to_linker(_linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Ok(())
}
