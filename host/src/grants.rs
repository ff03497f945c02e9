//! What one component may touch.

use std::collections::BTreeMap;
use std::sync::Arc;

use manifest::{AllowedHosts, Resolved};

use crate::files::Mount;
use crate::stdio::LogFiles;
use crate::{key_value, sqlite};

/// The capabilities of one component, resolved from the manifest once at start and shared by all its instances.
///
/// Everything that is not in here is denied. Host functions reach it as `state.grants`.
pub struct Grants {
    /// The component's id in the manifest.
    pub component: Arc<str>,
    /// The values that `spin:variables` gives, templates already rendered.
    pub variables: BTreeMap<String, Resolved>,
    /// The environment of the guest; nothing of the host's own environment.
    pub environment: Vec<(String, String)>,
    /// Where its output is kept beside the log, if anywhere.
    pub logs: Option<Arc<LogFiles>>,
    /// Read-only directories.
    pub files: Vec<Mount>,
    /// Where outbound requests may go.
    pub allowed_hosts: AllowedHosts,
    /// The databases that `spin:sqlite` opens.
    pub databases: sqlite::Grant,
    /// The stores that `spin:key-value` opens.
    pub stores: key_value::Grant,
}
