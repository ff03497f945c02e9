//! What the client asks of HTTP.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::Secret;

/// Bounds on one request, which the transport keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest response body that is accepted, in bytes, and largest single row of a cursor.
    pub response_bytes_max: usize,
    /// Longest time from the start of the call to the last byte of the response.
    ///
    /// For a streamed response it bounds the wait for the head and for each chunk instead.
    pub time_max: Duration,
}

impl Default for Limits {
    /// 16 MiB (a server caps its responses at 10 MB) and 30 seconds.
    fn default() -> Self {
        Self { response_bytes_max: 16 * 1024 * 1024, time_max: Duration::from_secs(30) }
    }
}

/// An HTTP response, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

/// An HTTP response whose body is still coming.
#[derive(Debug)]
pub struct StreamingResponse<B> {
    pub status: u16,
    pub body: B,
}

/// Why a request got no response.
///
/// The variants differ in what they say about the server: only after [`Unreachable`](Self::Unreachable) and
/// [`Denied`](Self::Denied) is it certain that it has executed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made, so nothing was sent.
    #[error("could not connect: {message}")]
    Unreachable { message: String },
    /// The request must not or cannot be sent: the host forbids it, or it is malformed.
    #[error("the request was not sent: {message}")]
    Denied { message: String },
    /// The connection broke after the request, or a part of it, may have been sent.
    #[error("the connection broke: {message}")]
    Interrupted { message: String },
    /// No complete response came in time; the request may have been sent.
    #[error("no response within {} ms", waited.as_millis())]
    Timeout { waited: Duration },
    /// The response is larger than [`Limits::response_bytes_max`].
    #[error("the response is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
}

/// Sends one HTTP request.
///
/// An implementation must
/// - send `body` by POST with `content-type: application/json`, and with [`Secret::bearer`] as
///   `authorization` when there is a token,
/// - keep the [`Limits`], and stop reading as soon as a response exceeds them,
/// - never follow a redirect, because it would carry the token to a host that nobody chose,
/// - never send a request again once a part of it may have reached the server.
pub trait Transport: Send + Sync + 'static {
    fn post(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        limits: Limits,
    ) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// Waits before another attempt. A transport without a clock returns at once.
    fn pause(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        let _ = duration;
        std::future::ready(())
    }

    /// Lets `work` run on without anyone waiting for it, as [`Drop`] needs to close a stream.
    ///
    /// A transport that has nothing to run it on drops it; the server then expires the stream by itself.
    fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(work);
    }
}

/// A transport that can also hand out a response in pieces, as [`Client::cursor`](crate::Client::cursor) needs.
pub trait StreamingTransport: Transport {
    type Body: ResponseBody;

    /// Like [`Transport::post`], but returns when the head of the response is there.
    fn post_streaming(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        limits: Limits,
    ) -> impl Future<Output = Result<StreamingResponse<Self::Body>, TransportError>> + Send;
}

/// The rest of a [`StreamingResponse`].
pub trait ResponseBody: Send {
    /// The next piece, or `None` after the last. Dropping the body ends the response.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, TransportError>> + Send;
}
