//! The body inside a component: the host's outbound HTTP, to the hosts that the manifest allows.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use http_body_util::Full;
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::message::{check_head, read};
use crate::{EgressError, Limits, Request, Response, StreamLimits, StreamedResponse};

pub(crate) use spin_sdk::wasip3::http_compat::IncomingResponseBody as Incoming;

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Egress(());

impl Egress {
    /// A sender. The host keeps the connections.
    ///
    /// # Errors
    /// None: the signature is that of the native body.
    pub fn new() -> Result<Self, EgressError> {
        Ok(Self(()))
    }

    /// Sends a request and reads the answer, whatever its status but for redirects.
    ///
    /// # Errors
    /// See [`EgressError`]. The other server may have acted on the request all the same.
    pub async fn send(&self, request: Request, limits: Limits) -> Result<Response, EgressError> {
        within(limits.total, async {
            let (head, body) = exchange(request).await?.into_parts();
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
        StreamedResponse::receive(exchange(request), limits).await
    }
}

/// Gives up on something after a while.
///
/// # Errors
/// [`EgressError::Timeout`].
pub async fn within<F: Future>(longest: Duration, work: F) -> Result<F::Output, EgressError> {
    let late = pin!(spin_sdk::time::sleep(longest));
    match select(pin!(work), late).await {
        Either::Left((outcome, _)) => Ok(outcome),
        Either::Right(((), _)) => Err(EgressError::Timeout),
    }
}

async fn exchange(request: Request) -> Result<http::Response<Incoming>, EgressError> {
    let mut outgoing = http::Request::new(Full::new(request.body));
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = request.target.uri()?;
    *outgoing.headers_mut() = request.headers;
    spin_sdk::http::send(outgoing).await.map_err(|code| classify(&code))
}

fn classify(code: &ErrorCode) -> EgressError {
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => EgressError::Timeout,
        ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::HttpRequestDenied => EgressError::Unreachable,
        _ => EgressError::Interrupted,
    }
}
