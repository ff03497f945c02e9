//! A server on loopback for guests to call.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::wire::{Body, full};

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub bytes: usize,
}

/// Answers in the ways its paths name, and remembers what came in. Dropping it closes it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

impl Upstream {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When loopback does not work.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (connections, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<_>>::default());
        let (counter, record) = (Arc::clone(&connections), Arc::clone(&seen));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let record = Arc::clone(&record);
                let service = service_fn(move |request| answer(request, Arc::clone(&record)));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // A client that goes away in the middle is what some tests want.
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Self { address, connections, seen, accepting }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `127.0.0.1` and the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The requests so far.
    ///
    /// # Panics
    /// Never; the lock is held by nobody who panics.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with the lock").clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    record: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Body>, Infallible> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let seen =
        Seen { method: head.method, target: head.uri.to_string(), headers: head.headers, bytes: 0 };
    if path == "/echo" {
        record.lock().expect("nobody panics with the lock").push(seen);
        return Ok(Response::new(pass_on(body)));
    }
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
    }
    record.lock().expect("nobody panics with the lock").push(Seen { bytes, ..seen });
    Ok(match path.as_str() {
        "/redirect" => status(302, &[("location", "/target")], "elsewhere"),
        "/never" => std::future::pending().await,
        "/teapot" => status(418, &[("x-kind", "teapot")], "short and stout"),
        _ => status(200, &[("x-upstream", "here")], "from upstream"),
    })
}

fn status(code: u16, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(full(body.to_owned())).expect("the response is well-formed")
}

/// What comes in goes out again, one piece at a time.
fn pass_on(mut body: Incoming) -> Body {
    let (sender, passed) = super::wire::channel();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(bytes) = frame.into_data() else { continue };
            if sender.send(bytes).await.is_err() {
                return;
            }
        }
    });
    passed
}
