//! A connection whose every byte and whose end the test decides itself.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::within;

/// What a test sends.
pub type Body = BoxBody<Bytes, std::convert::Infallible>;

/// One connection for one request after the other. Dropping it closes the socket, whatever is under way.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    driver: JoinHandle<()>,
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

impl Connection {
    /// HTTP/1.1.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1 needs no handshake");
        // How the connection ends is seen by whoever waits for an answer on it.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Self { sender: Sender::One(sender), driver }
    }

    /// HTTP/2 without TLS and without an upgrade (RFC 9113, section 3.3).
    pub async fn open_h2(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP/2");
        let driver = tokio::spawn(async move { drop(connection.await) });
        Self { sender: Sender::Two(sender), driver }
    }

    /// Sends a request and gives the response as soon as its head is there.
    ///
    /// # Errors
    /// Those of hyper, when no head came back.
    pub async fn send(&mut self, mut request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        let answer = async {
            match &mut self.sender {
                Sender::One(sender) => {
                    // HTTP/1.1 names the authority in `Host` alone (RFC 9112, section 3.2.1).
                    let target = request.uri().path_and_query().cloned();
                    *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
                    sender.send_request(request).await
                }
                Sender::Two(sender) => sender.send_request(request).await,
            }
        };
        within("a response", answer).await
    }

    /// Sends a request that must be answered.
    ///
    /// # Panics
    /// When it is not.
    pub async fn answer(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.send(request).await.expect("the server answers")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A request to `target` at `address`, without a body.
pub fn get(address: SocketAddr, target: &str) -> Request<Body> {
    Request::builder()
        .uri(format!("http://{address}{target}"))
        .header("host", address.to_string())
        .body(empty())
        .expect("the request is well-formed")
}

/// A request to `target` at `address` with a body.
pub fn post(address: SocketAddr, target: &str, body: Body) -> Request<Body> {
    let mut request = get(address, target);
    *request.method_mut() = http::Method::POST;
    *request.body_mut() = body;
    request
}

/// No body.
pub fn empty() -> Body {
    Empty::new().boxed()
}

/// A body of known length.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// A body of unknown length that the test writes bit by bit, and its writing end.
pub fn channel() -> (mpsc::Sender<Bytes>, Body) {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    let frames = futures::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    });
    (sender, StreamBody::new(frames).boxed())
}

/// An answer that has been read to its end.
#[derive(Debug)]
pub struct Whole {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub trailers: Option<HeaderMap>,
    pub bytes: Bytes,
}

impl Whole {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("this is not JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reads a response to its end.
///
/// # Errors
/// Those of hyper, when the body breaks off.
pub async fn read(response: Response<Incoming>) -> hyper::Result<Whole> {
    let (head, body) = response.into_parts();
    let collected = within("a response body", body.collect()).await?;
    let trailers = collected.trailers().cloned();
    let bytes = collected.to_bytes();
    Ok(Whole { status: head.status, headers: head.headers, trailers, bytes })
}

/// Sends one request on a connection of its own and reads the answer.
///
/// # Panics
/// When there is none.
pub async fn ask(address: SocketAddr, request: Request<Body>) -> Whole {
    let mut connection = Connection::open(address).await;
    let response = connection.answer(request).await;
    read(response).await.expect("the response is complete")
}

/// Waits for the next piece of a response's body; `None` at its end.
///
/// # Errors
/// Those of hyper, when the body breaks off.
pub async fn next(body: &mut Incoming) -> Option<hyper::Result<Bytes>> {
    loop {
        let frame = within("the next part of a response", body.frame()).await?;
        match frame.map(Frame::into_data) {
            Ok(Ok(bytes)) if bytes.is_empty() => {}
            Ok(Ok(bytes)) => return Some(Ok(bytes)),
            Ok(Err(_trailers)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// Writes these bytes to a connection of their own and reads what comes back until the server closes it.
///
/// # Panics
/// When the server does not accept the connection.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    // A server that has heard enough may close before everything is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = within("the end of a connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
