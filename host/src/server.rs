//! Accepting connections, and letting go of them.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::body::interrupted;
use crate::connection;
use crate::options::Limits;

/// How long to wait when the system has no more sockets or memory to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` until `shutdown` resolves, then waits for requests in flight, but not longer than the limits say.
///
/// Returns whether all requests came to their end.
pub async fn serve(
    app: &Arc<App>,
    listener: TcpListener,
    limits: &Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
    let builder = connection::builder(limits);
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, client) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    accept_failed(&error).await;
                    continue;
                }
            }
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            let connection = Connection { app: app.clone(), client, place };
            connection.spawn(stream, &builder, limits, &graceful);
        } else {
            app.metrics.connections_refused.add(1);
            tokio::spawn(connection::refuse(stream));
        }
    }
    drop(listener);
    tracing::info!("stopping: {} connections are open", graceful.count());
    // Idle connections close at once; the others are told not to send more (HTTP/2: GOAWAY).
    tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_ok()
}

/// A client that left before it was accepted is its own affair; without descriptors, there is nothing to do but wait.
async fn accept_failed(error: &io::Error) {
    let client_left = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    );
    if !client_left {
        tracing::error!("a connection cannot be accepted: {error}");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

struct Connection {
    app: Arc<App>,
    client: SocketAddr,
    place: OwnedSemaphorePermit,
}

impl Connection {
    fn spawn(
        self,
        stream: TcpStream,
        builder: &auto::Builder<TokioExecutor>,
        limits: &Limits,
        graceful: &GracefulShutdown,
    ) {
        let Self { app, client, place } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%client, "a connection ended at once: {error}");
            return;
        }
        let stream = connection::stream(stream, limits);
        let open = app.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.serve(request, client, interrupted).await) }
        });
        let served = builder.serve_connection(stream, service).into_owned();
        let served = graceful.watch(served);
        tokio::spawn(async move {
            // Both are held until the connection has ended.
            let (_place, _open) = (place, open.metrics.connections.hold());
            if let Err(error) = served.await {
                // Clients go away all the time.
                tracing::debug!(%client, "a connection ended early: {error}");
            }
        });
    }
}
