//! The transport of native programs: pooled HTTP/1.1 and HTTP/2 over rustls.

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    Limits, Response, ResponseBody, Secret, StreamingResponse, StreamingTransport, Transport,
    TransportError,
};

/// Bounds that belong to connections rather than to requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HyperOptions {
    /// Longest time for name resolution and the TCP handshake.
    pub connect_max: Duration,
    /// Longest time from the start of the call to the head of the response.
    pub first_byte_max: Duration,
    /// How long an unused connection stays open. It should be shorter than the server's own limit.
    pub idle_max: Duration,
    /// How many unused connections stay open for each server.
    pub idle_connections_max: usize,
}

impl Default for HyperOptions {
    fn default() -> Self {
        Self {
            connect_max: Duration::from_secs(3),
            first_byte_max: Duration::from_secs(15),
            idle_max: Duration::from_secs(30),
            idle_connections_max: 64,
        }
    }
}

type Connector = HttpsConnector<HttpConnector>;

/// A pool of connections. Cheap to clone; clones share the pool. Its calls must run inside a tokio runtime.
#[derive(Clone, Debug)]
pub struct HyperTransport {
    client: hyper_util::client::legacy::Client<Connector, Full<Bytes>>,
    options: HyperOptions,
}

impl HyperTransport {
    /// A pool that trusts the certificate authorities of Mozilla's list.
    ///
    /// Fails only when the cryptography that is compiled in has no cipher suite for TLS.
    pub fn new(options: HyperOptions) -> Result<Self, TransportError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(options.connect_max));
        // Named here, because rustls panics when it has to guess between two that other crates enabled.
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(|error| TransportError::Denied { message: error.to_string() })?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_max)
            .pool_max_idle_per_host(options.idle_connections_max)
            .build(connector);
        Ok(Self { client, options })
    }

    /// Sends the request and waits for the head of the response.
    async fn head(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<http::Response<Incoming>, TransportError> {
        let denied = |message: &str| TransportError::Denied { message: message.to_owned() };
        let mut request = Request::post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| denied(&error.to_string()))?;
        if let Some(token) = token {
            let value = token.bearer().ok_or_else(|| denied("the token is no header value"))?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let waited = limits.time_max.min(self.options.first_byte_max);
        match timeout(waited, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(classify(&error)),
            Err(_) => Err(TransportError::Timeout { waited }),
        }
    }
}

impl Transport for HyperTransport {
    async fn post(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Response, TransportError> {
        let deadline = Instant::now() + limits.time_max;
        let response = self.head(url, token, body, limits).await?;
        let status = response.status().as_u16();
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        loop {
            let Ok(chunk) = timeout_at(deadline, data(&mut incoming)).await else {
                return Err(TransportError::Timeout { waited: limits.time_max });
            };
            let Some(chunk) = chunk? else { return Ok(Response { status, body }) };
            if limits.response_bytes_max < body.len() + chunk.len() {
                return Err(TransportError::TooLarge { bytes_max: limits.response_bytes_max });
            }
            body.extend_from_slice(&chunk);
        }
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Dropped outside of a runtime, as in a static's destructor, there is nothing to run it on.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

impl StreamingTransport for HyperTransport {
    type Body = HyperBody;

    async fn post_streaming(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<StreamingResponse<HyperBody>, TransportError> {
        let response = self.head(url, token, body, limits).await?;
        let status = response.status().as_u16();
        let body = HyperBody { incoming: response.into_body(), chunk_max: limits.time_max };
        Ok(StreamingResponse { status, body })
    }
}

/// A response body that is read as it arrives.
#[derive(Debug)]
pub struct HyperBody {
    incoming: Incoming,
    chunk_max: Duration,
}

impl ResponseBody for HyperBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        match timeout(self.chunk_max, data(&mut self.incoming)).await {
            Ok(chunk) => chunk,
            Err(_) => Err(TransportError::Timeout { waited: self.chunk_max }),
        }
    }
}

/// The next piece of a body, passing over trailers.
async fn data(incoming: &mut Incoming) -> Result<Option<Bytes>, TransportError> {
    while let Some(frame) = incoming.frame().await {
        let frame =
            frame.map_err(|error| TransportError::Interrupted { message: error.to_string() })?;
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

fn classify(error: &hyper_util::client::legacy::Error) -> TransportError {
    // The outer error says only that something failed; the innermost says what, as in "connection refused".
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = cause.to_string();
        source = cause.source();
    }
    if error.is_connect() {
        TransportError::Unreachable { message }
    } else {
        TransportError::Interrupted { message }
    }
}
