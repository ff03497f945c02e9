//! What the host's conformance tests stand on: applications made of the guests, a bare connection, an upstream.

pub mod application;
pub mod upstream;
pub mod wire;

pub use application::{Application, Running};
pub use upstream::Upstream;
pub use wire::Connection;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::workspace;

/// Longer than anything that works takes on a busy machine: what is not done by then hangs.
pub const HANG: Duration = Duration::from_mins(2);

/// Builds the guests, once per test program, and gives the directory of their components.
pub fn guests() -> &'static Path {
    static GUESTS: OnceLock<PathBuf> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let manifest = manifest();
        workspace::build_components(&manifest);
        workspace::root().join("target/wasm32-wasip2/release")
    })
}

/// The manifest that wires all guests together.
pub fn manifest() -> PathBuf {
    workspace::root().join("tests/guests/spin.toml")
}

/// Waits until `holds` says yes.
///
/// # Panics
/// When it has not after [`HANG`], with `what` was waited for.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + HANG;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came about that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Awaits `future`, but not for ever.
///
/// # Panics
/// When it is not done after [`HANG`], with `what` was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(HANG, future).await;
    done.unwrap_or_else(|_| panic!("{what} hangs"))
}
