//! What can keep an application from starting or serving.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A reason why the host does not start, or stopped serving.
///
/// `Display` is one sentence for the person who started the host: what is wrong and what to do about it. It holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The manifest or the runtime configuration is malformed, or asks for something that the host does not implement.
    #[error(transparent)]
    Manifest(#[from] manifest::ManifestError),
    /// Required variables have no value, or a template refers to an unknown variable.
    #[error(transparent)]
    Variables(#[from] manifest::VariablesError),
    /// The hosts that a component may reach are malformed once its variables are filled in.
    #[error("allowed_outbound_hosts of component {component}: {source}")]
    Hosts { component: String, source: manifest::AllowedHostsError },
    /// A component's file cannot be read.
    #[error("cannot read {path} of component {component} ({source}): build the components first")]
    Source { component: String, path: PathBuf, source: io::Error },
    /// A component's file is not a WebAssembly component, or uses proposals that the host does not enable.
    #[error("component {component} does not compile: {reason}")]
    Compile { component: String, reason: String },
    /// Dependencies or middleware cannot be wired together.
    #[error("component {component} cannot be composed: {reason}")]
    Compose { component: String, reason: String },
    /// A component needs an interface that the host does not provide.
    #[error(
        "component {component} imports {import}, which this host does not provide: remove the use of it or build against an interface listed in the host's documentation"
    )]
    UnknownImport { component: String, import: String },
    /// A component is the target of a route but does not handle HTTP.
    #[error(
        "component {component} exports neither wasi:http/handler@0.3 nor wasi:http/incoming-handler@0.2, so it cannot serve its route"
    )]
    NoHandler { component: String },
    /// A manifest names a database or store that the runtime configuration does not define, or it cannot be opened.
    #[error("{kind} {name:?} cannot be used: {reason}")]
    Storage { kind: &'static str, name: String, reason: String },
    /// A `files` entry of a component cannot be mounted.
    #[error("files of component {component} cannot be mounted: {reason}")]
    Files { component: String, reason: String },
    /// A directory of the host does not exist, cannot be written, or is open to other users.
    #[error("the directory {path} cannot be used: {reason}")]
    Directory { path: PathBuf, reason: String },
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({source}): stop what uses it or choose another address")]
    Listen { address: SocketAddr, source: io::Error },
    /// An origin to open in the network block is malformed.
    #[error(
        "{origin:?} is not an origin: write scheme://host:port, for example http://127.0.0.1:11434, with * for any port"
    )]
    Origin { origin: String },
    /// A setting for one component is outside of what the host can give.
    #[error("component {component} asks for {setting} = {value}, but at most {max} is possible")]
    Setting { component: String, setting: &'static str, value: u64, max: u64 },
    /// The WebAssembly engine cannot be set up on this machine.
    #[error("the WebAssembly engine cannot start: {reason}")]
    Engine { reason: String },
}
