//! A libSQL server for tests: Hrana 2 and 3 over HTTP, in JSON, on loopback.
//!
//! It behaves as sqld 0.24 does where a client can tell: batons that serve once, streams that expire after ten
//! seconds, statements that are refused, the wording and codes of errors, caps on responses and on concurrent
//! requests, tokens that may only read. Each stream is a connection of its own, so clients are isolated by SQLite
//! itself. Protobuf is not offered: `/v3-protobuf` answers 404, as a server before Hrana 3 does, and clients fall back
//! to JSON. Namespaces, replication and the admin API do not exist.
//!
//! It runs on the same SQLite as the engine, in the process of the test, and stops when it is dropped.

mod access;
mod analysis;
mod connection;
mod cursor;
mod failure;
mod http;
mod pipeline;
mod streams;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use access::Access;
use connection::Connection;
use streams::Streams;

/// How a [`HranaServer`] is set up. The default is an empty database, open to everyone.
#[derive(Clone, Debug)]
pub struct HranaOptions {
    /// The database file. `None` makes a private temporary one, deleted with the server: SQLite's shared in-memory
    /// databases lock whole tables and would not isolate clients as a file does.
    pub database: Option<PathBuf>,
    /// Whether requests need a JWT, signed by the server's own Ed25519 key.
    pub tokens: bool,
    /// How long a stream lives without a request.
    pub stream_idle_max: Duration,
    /// Largest result of one request, in bytes of JSON.
    pub response_bytes_max: usize,
    /// How many requests are served at once; one more gets 429.
    pub requests_max: usize,
}

impl Default for HranaOptions {
    fn default() -> Self {
        Self {
            database: None,
            tokens: false,
            stream_idle_max: Duration::from_secs(10),
            response_bytes_max: 10_000_000,
            requests_max: 128,
        }
    }
}

/// Something that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request waits before it is executed.
    Delay(Duration),
    /// The connection closes without an answer, and nothing is executed.
    DropBefore,
    /// The connection closes without an answer after everything is executed and committed.
    DropAfter,
    /// Nothing is executed, and the answer has this status.
    Status(u16),
}

/// A running server. Dropping it closes its connections and deletes a temporary database.
#[derive(Debug)]
pub struct HranaServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
    expiring: JoinHandle<()>,
    /// While one connection is open, closing another does not checkpoint and delete the write-ahead log.
    _keeper: Mutex<Connection>,
    _temporary: Option<TempDir>,
}

/// What the requests of a server share.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// Whether the database outlives the process, so that commits must reach the disk.
    durable: bool,
    options: HranaOptions,
    access: Access,
    streams: Streams,
    permits: Semaphore,
    faults: Mutex<VecDeque<Fault>>,
    requests: AtomicUsize,
}

impl HranaServer {
    /// Starts a server on a free port of 127.0.0.1. Must be called inside a tokio runtime.
    pub async fn start(options: HranaOptions) -> anyhow::Result<Self> {
        let (path, temporary) = if let Some(path) = &options.database {
            (path.clone(), None)
        } else {
            let directory = tempfile::tempdir().context("no temporary directory")?;
            (directory.path().join("hrana.db"), Some(directory))
        };
        let shared = Arc::new(Shared {
            path,
            durable: temporary.is_none(),
            access: Access::new(options.tokens),
            streams: Streams::default(),
            permits: Semaphore::new(options.requests_max),
            faults: Mutex::default(),
            requests: AtomicUsize::new(0),
            options,
        });
        // A file that is no database fails here and not in the first request.
        let keeper = Connection::open(&shared.path, shared.durable)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
        let address = listener.local_addr()?;
        let accepting = Some(tokio::spawn(http::accept(Arc::clone(&shared), listener)));
        let expiring = tokio::spawn(streams::expire(Arc::clone(&shared)));
        let keeper = Mutex::new(keeper);
        Ok(Self { shared, address, accepting, expiring, _keeper: keeper, _temporary: temporary })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token that may read and write; empty when the server wants none.
    pub fn token(&self) -> anyhow::Result<String> {
        self.shared.access.token("rw")
    }

    /// A token that may only read; empty when the server wants none.
    pub fn read_only_token(&self) -> anyhow::Result<String> {
        self.shared.access.token("ro")
    }

    /// Lets `fault` happen to the next pipeline or cursor request. Several happen to one request each, in order.
    pub fn inject(&self, fault: Fault) {
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner).push_back(fault);
    }

    /// How many pipeline and cursor requests have arrived.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// How many streams are open, between requests or in one.
    pub fn open_streams(&self) -> usize {
        self.shared.streams.open()
    }

    /// Closes the port and all connections. The database and the streams stay for [`HranaServer::come_back`].
    pub async fn go_away(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // The port is closed once the task has ended.
            let _ = accepting.await;
        }
    }

    /// Serves again at the same address.
    pub async fn come_back(&mut self) -> anyhow::Result<()> {
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await.context("the port is taken")?;
            self.accepting = Some(tokio::spawn(http::accept(Arc::clone(&self.shared), listener)));
        }
        Ok(())
    }

    /// Stops the server and waits until its port is closed.
    pub async fn stop(mut self) {
        self.go_away().await;
    }
}

impl Drop for HranaServer {
    fn drop(&mut self) {
        self.expiring.abort();
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

impl Shared {
    fn next_fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
