use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A certificate that only its own key has signed, for `self-signed.example`, and that key.
const CERTIFICATE: &[u8] = include_bytes!("../data/self_signed.crt.der");
const KEY: &[u8] = include_bytes!("../data/self_signed.key.der");

/// A real HTTP server on loopback that answers with a function. Dropping it closes its connections.
#[derive(Debug)]
pub struct HttpServer {
    scheme: &'static str,
    port: u16,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Listens on a free port. `None` as an answer drops the connection.
    pub async fn start<F>(answer: F) -> Self
    where
        F: Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync + 'static,
    {
        Self::listen("http", None, Arc::new(answer)).await
    }

    /// The same over TLS, with a certificate that nobody can verify.
    pub async fn start_self_signed<F>(answer: F) -> Self
    where
        F: Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync + 'static,
    {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(KEY));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::listen("https", Some(acceptor), Arc::new(answer)).await
    }

    async fn listen(
        scheme: &'static str,
        acceptor: Option<TlsAcceptor>,
        answer: Arc<Answer>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(accept(listener, acceptor, answer));
        Self { scheme, port, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
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

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, answer: Arc<Answer>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, answer) = (acceptor.clone(), Arc::clone(&answer));
        connections.spawn(async move {
            match acceptor {
                None => serve(socket, answer).await,
                // A client that does not take the certificate goes away.
                Some(acceptor) => {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        serve(socket, answer).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<S>(socket: S, answer: Arc<Answer>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(Arc::clone(&answer), request));
    let builder = auto::Builder::new(TokioExecutor::new());
    // A client that breaks the connection is its own business.
    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
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
