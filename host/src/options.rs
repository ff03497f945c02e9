//! What the embedding program decides: where things lie, where to listen, and the limits.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::origin::Origin;

/// Everything that [`crate::Host::prepare`] needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Spin manifest (`spin.toml`); paths in it are relative to its directory.
    pub manifest: PathBuf,
    /// A Spin runtime-config file; without it databases and stores lie in `state_dir`.
    pub runtime_config: Option<PathBuf>,
    /// Where data lies; created with mode 0700 when missing.
    pub state_dir: PathBuf,
    /// Where compiled components lie; created with mode 0700 when missing. Nobody else may be able to write to it.
    pub cache_dir: PathBuf,
    /// Values for application variables; the providers of the runtime configuration and the environment come before them.
    pub variables: BTreeMap<String, String>,
    /// Private origins that outbound requests may reach although their network is blocked.
    pub allow_origins: Vec<Origin>,
    /// Origins whose certificates are not verified. It opens no network.
    pub unverified_origins: Vec<Origin>,
    /// Where the application listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where metrics and health are served, when at all.
    pub admin_listen: Option<SocketAddr>,
    /// Whether each request is logged at level `info`.
    pub access_log: bool,
    /// Bounds on what clients and guests may use.
    pub limits: Limits,
    /// Runs every component under the instance policy that Spin has by default, whatever `tool.selvage` says in the manifest: 128
    /// requests per instance, 16 at the same time, no timeouts. For tests of what a component must bear under Spin.
    pub spin_instance_policy: bool,
}

impl Options {
    /// Options for the manifest at `manifest`, with state in `state_dir`, listening on `listen`, and defaults for the rest.
    pub fn new(
        manifest: impl Into<PathBuf>,
        state_dir: impl Into<PathBuf>,
        listen: SocketAddr,
    ) -> Self {
        let state_dir = state_dir.into();
        Self {
            manifest: manifest.into(),
            runtime_config: None,
            cache_dir: state_dir.join("cache"),
            state_dir,
            variables: BTreeMap::new(),
            allow_origins: Vec::new(),
            unverified_origins: Vec::new(),
            listen,
            admin_listen: None,
            access_log: true,
            limits: Limits::default(),
            spin_instance_policy: false,
        }
    }
}

/// Bounds on what clients and guests may use. Some can be overridden for one component in the manifest
/// ([`manifest::Tool`]).
#[derive(Debug, Clone)]
pub struct Limits {
    /// Client connections open at the same time; more are answered with 503.
    pub connections_max: usize,
    /// Time in which a client must send the head of a request.
    pub header_read_timeout: Duration,
    /// Header fields in a request; more are answered with 431.
    pub headers_max: usize,
    /// Bytes of a request's head; more are answered with 431.
    pub header_bytes_max: usize,
    /// Bytes of a request's body; more are answered with 413. Overridable per component.
    pub request_body_bytes_max: u64,
    /// Requests that one component handles at the same time. Overridable per component.
    pub concurrent_requests_max: usize,
    /// Requests that may wait for a component that is at its limit; more are answered with 503.
    pub queued_requests_max: usize,
    /// How long a request may wait for its component before it is answered with 503.
    pub queue_timeout: Duration,
    /// Time in which a component must begin to answer. Overridable per component.
    pub request_timeout: Duration,
    /// Time in which a response must be complete, counted from the request. Overridable per component.
    pub response_timeout: Duration,
    /// How long a guest may go on after its client has left. Overridable per component.
    pub background_timeout: Duration,
    /// CPU time that a guest may use without giving control back to the host. Overridable per component.
    pub cpu_time: Duration,
    /// Bytes of linear memory per instance. Overridable per component up to [`Limits::POOLED_MEMORY_BYTES_MAX`].
    pub memory_bytes_max: u64,
    /// Requests after which an instance is replaced. Overridable per component.
    pub reuse_count: usize,
    /// Requests that one instance handles at the same time. Overridable per component.
    pub reuse_concurrency: usize,
    /// How long an instance is kept without work. Overridable per component.
    pub idle_instance_timeout: Duration,
    /// Bytes of linear memory above which an instance finishes its requests and is replaced.
    pub recycle_memory_bytes: u64,
    /// Outbound connections open at the same time, over all components.
    pub outbound_connections_max: usize,
    /// How long a shutdown waits for requests in flight.
    pub drain_timeout: Duration,
}

impl Limits {
    /// The memory that a pooled instance can have at most, in bytes: 1 GiB.
    pub const POOLED_MEMORY_BYTES_MAX: u64 = 1 << 30;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2_048,
            header_read_timeout: Duration::from_secs(15),
            headers_max: 100,
            header_bytes_max: 32 * 1024,
            request_body_bytes_max: 128 << 20,
            concurrent_requests_max: 1_024,
            queued_requests_max: 256,
            queue_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_mins(1),
            response_timeout: Duration::from_mins(10),
            background_timeout: Duration::from_secs(1),
            cpu_time: Duration::from_secs(5),
            memory_bytes_max: 256 << 20,
            reuse_count: 128,
            reuse_concurrency: 16,
            idle_instance_timeout: Duration::from_secs(1),
            recycle_memory_bytes: 96 << 20,
            outbound_connections_max: 512,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
