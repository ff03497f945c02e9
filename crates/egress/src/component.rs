//! The body inside a component: the host's outbound HTTP, to the hosts that the manifest allows.

use std::future::poll_fn;
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
    let late = pin!(sleep(longest));
    match select(pin!(work), late).await {
        Either::Left((outcome, _)) => Ok(outcome),
        Either::Right(((), _)) => Err(EgressError::Timeout),
    }
}

pub(crate) async fn sleep(time: Duration) {
    spin_sdk::time::sleep(time).await;
}

async fn exchange(request: Request) -> Result<http::Response<Incoming>, EgressError> {
    let mut outgoing = http::Request::new(Full::new(request.body));
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = request.target.uri()?;
    *outgoing.headers_mut() = request.headers;
    let outcome = looked_at_twice(spin_sdk::http::send(outgoing)).await;
    outcome.map_err(|code| classify(&code))
}

/// Lets the tasks run that something begins when it is first polled: the SDK writes the body of a request in one of its own. The executor
/// (wit-bindgen 0.57) looks at new tasks only when it polls next, which in a request with several tasks is whenever any of them is woken, so that a body
/// would wait for somebody's timer.
async fn looked_at_twice<F: Future>(work: F) -> F::Output {
    let (mut work, mut is_new) = (pin!(work), true);
    poll_fn(|context| {
        let outcome = work.as_mut().poll(context);
        if std::mem::take(&mut is_new) {
            context.waker().wake_by_ref();
        }
        outcome
    })
    .await
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
