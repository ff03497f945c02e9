//! A compiled application, and serving it.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;

use crate::app::App;
use crate::error::HostError;
use crate::key_value::Stores;
use crate::options::Limits;
use crate::sqlite::Databases;
use crate::{admin, server};

/// How often the end of the guests' work is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// An application that is ready to serve.
pub struct Ready {
    pub(crate) app: Arc<App>,
    pub(crate) databases: Databases,
    pub(crate) stores: Stores,
    pub(crate) listener: TcpListener,
    pub(crate) admin_listener: Option<TcpListener>,
    pub(crate) limits: Limits,
    pub(crate) local: SocketAddr,
}

impl Ready {
    /// Where the application listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where metrics and health are served, if anywhere.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `shutdown` resolves; then takes no more connections, lets requests in flight end (for at most
    /// [`Limits::drain_timeout`]), closes the databases and returns.
    ///
    /// # Errors
    /// [`HostError::Listen`] when the sockets cannot be used with this runtime.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), HostError> {
        let ready = Arc::new(AtomicBool::new(true));
        let admin = match self.admin_listener {
            Some(listener) => {
                let listener = listening(listener, self.local)?;
                Some(tokio::spawn(admin::serve(listener, self.app.clone(), ready.clone())))
            }
            None => None,
        };
        let listener = listening(self.listener, self.local)?;
        let stopping = async {
            shutdown.await;
            ready.store(false, SeqCst);
        };
        let started = Instant::now();
        let drained = server::serve(&self.app, listener, &self.limits, stopping).await;
        tracing::debug!(seconds = started.elapsed().as_secs(), "the listener is closed");
        if !drained {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        wait_for_instances(&self.app, &self.limits).await;
        if let Some(admin) = admin {
            admin.abort();
        }
        self.databases.close().await;
        self.stores.close().await;
        Ok(())
    }
}

/// Guests may work on after their last response.
async fn wait_for_instances(app: &App, limits: &Limits) {
    let deadline = Instant::now() + limits.drain_timeout.min(Duration::from_secs(5));
    let busy = || {
        let mut components = app.metrics.components.values();
        components.any(|own| own.instances_live.get() > own.instances_idle.get())
    };
    while busy() && Instant::now() < deadline {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn listening(
    listener: TcpListener,
    address: SocketAddr,
) -> Result<tokio::net::TcpListener, HostError> {
    tokio::net::TcpListener::from_std(listener)
        .map_err(|source| HostError::Listen { address, source })
}
