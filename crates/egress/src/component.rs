//! The body inside a component: the host's outbound HTTP, to the hosts that the manifest allows.

use std::pin::pin;

use futures::future::{Either, select};
use http_body_util::Full;
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::message::{check_head, read};
use crate::{EgressError, Limits, Request, Response};

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
        let exchange = pin!(exchange(request, limits.body_bytes_max));
        let late = pin!(spin_sdk::time::sleep(limits.total));
        match select(exchange, late).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => Err(EgressError::Timeout),
        }
    }
}

async fn exchange(request: Request, body_bytes_max: usize) -> Result<Response, EgressError> {
    let mut outgoing = http::Request::new(Full::new(request.body));
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = request.target.uri()?;
    *outgoing.headers_mut() = request.headers;
    let response = spin_sdk::http::send(outgoing).await.map_err(|code| classify(&code))?;
    let (head, body) = response.into_parts();
    check_head(head.status, &head.headers)?;
    let body = read(body, body_bytes_max).await?;
    Ok(Response { status: head.status, headers: head.headers, body })
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
