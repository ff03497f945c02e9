use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A real HTTP server on loopback that answers with a function. Dropping it closes its connections.
#[derive(Debug)]
pub struct HttpServer {
    port: u16,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Listens on a free port. `None` as an answer drops the connection.
    pub async fn start<F>(answer: F) -> Self
    where
        F: Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(accept(listener, Arc::new(answer)));
        Self { port, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped, as the test asked")]
struct Dropped;

async fn accept(listener: TcpListener, answer: Arc<Answer>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let answer = Arc::clone(&answer);
        connections.spawn(async move {
            let service = service_fn(|request| respond(Arc::clone(&answer), request));
            let builder = auto::Builder::new(TokioExecutor::new());
            // A client that breaks the connection is its own business.
            let _ = builder.serve_connection(TokioIo::new(socket), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    answer: Arc<Answer>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let response = answer(&Request::from_parts(head, body)).ok_or(Dropped)?;
    Ok(response.map(Full::new))
}
