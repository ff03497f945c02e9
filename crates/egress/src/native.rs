//! The body outside a component: pooled HTTP/1.1 and HTTP/2 over rustls.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::message::{check_head, read};
use crate::policy::Certificates;
use crate::{EgressError, Limits, Request, Response, StreamLimits, StreamedResponse};

pub(crate) use hyper::body::Incoming;

/// The longest time for name resolution and the TCP handshake.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long an unused connection stays open.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Sends requests. Clones share their connections. Its calls must run inside a tokio runtime.
#[derive(Debug, Clone)]
pub struct Egress {
    verified: HttpClient,
    /// For targets that [`crate::UrlPolicy::check_unverified`] made, which the operator trusts without proof.
    unverified: HttpClient,
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

impl Egress {
    /// A sender that trusts the certificate authorities of Mozilla's list.
    ///
    /// # Errors
    /// [`EgressError::Unsendable`] when the cryptography that is compiled in has no cipher suite for TLS.
    pub fn new() -> Result<Self, EgressError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_MAX));
        let client = |connector| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_MAX)
                .build(connector)
        };
        let verified = tls::verified(http.clone()).map_err(|_| EgressError::Unsendable)?;
        let unverified = tls::unverified(http).map_err(|_| EgressError::Unsendable)?;
        Ok(Self { verified: client(verified), unverified: client(unverified) })
    }

    /// Sends a request and reads the answer, whatever its status but for redirects.
    ///
    /// # Errors
    /// See [`EgressError`]. The other server may have acted on the request all the same.
    pub async fn send(&self, request: Request, limits: Limits) -> Result<Response, EgressError> {
        within(limits.total, async {
            let (head, body) = self.exchange(request).await?.into_parts();
            check_head(head.status, &head.headers)?;
            let body = read(body, limits.body_bytes_max).await?;
            Ok(Response { status: head.status, headers: head.headers, body })
        })
        .await?
    }

    /// Sends a request and reads the head of the answer; the body is read as it comes.
    ///
    /// # Errors
    /// See [`EgressError`]. The other server may have acted on the request all the same.
    pub async fn stream(
        &self,
        request: Request,
        limits: StreamLimits,
    ) -> Result<StreamedResponse, EgressError> {
        StreamedResponse::receive(self.exchange(request), limits).await
    }

    async fn exchange(&self, request: Request) -> Result<http::Response<Incoming>, EgressError> {
        let client = match request.target.certificates() {
            Certificates::Verified => &self.verified,
            Certificates::Unverified => &self.unverified,
        };
        let mut outgoing = http::Request::new(Full::new(request.body));
        *outgoing.method_mut() = request.method;
        *outgoing.uri_mut() = request.target.uri()?;
        *outgoing.headers_mut() = request.headers;
        client.request(outgoing).await.map_err(|error| classify(&error))
    }
}

/// Gives up on something after a while.
///
/// # Errors
/// [`EgressError::Timeout`].
pub async fn within<F: Future>(longest: Duration, work: F) -> Result<F::Output, EgressError> {
    tokio::time::timeout(longest, work).await.map_err(|_| EgressError::Timeout)
}

pub(crate) async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

fn classify(error: &hyper_util::client::legacy::Error) -> EgressError {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if error.is_connect() {
        EgressError::Unreachable
    } else if cause.is_some_and(hyper::Error::is_parse_too_large) {
        EgressError::TooLarge
    } else {
        EgressError::Interrupted
    }
}
