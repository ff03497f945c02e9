//! Outbound `wasi:http`: what a guest may reach, and how its requests get there.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::app::App;
use crate::connector::{CONNECT_TIMEOUT, CONNECT_WITHIN, ConnectError, Connector, Network};
use crate::error::HostError;
use crate::grants::Grants;
use crate::metrics::ComponentMetrics;
use crate::origin::Origin;

/// How long a response, or the next part of it, may take when the guest does not say. As in Spin.
const READ_TIMEOUT: Duration = Duration::from_mins(10);

/// How long a connection is kept for the next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Bytes of a response's header fields.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

type HttpResult<T> = Result<T, Error>;
type Completion = Box<dyn Future<Output = HttpResult<()>> + Send>;

/// The host by which a component names the application that it belongs to, as in Spin.
const SELF_HOST: &str = "self.alt";

/// The pooled client of the whole application.
#[derive(Clone)]
pub struct OutboundClient {
    verified: HttpClient,
    /// For the origins that the operator trusts without proof.
    unverified: HttpClient,
    unverified_origins: Arc<[Origin]>,
}

type HttpClient = Client<HttpsConnector<Connector>, WasiBody>;

impl OutboundClient {
    /// A client that connects through `network`, and takes any certificate from hosts of `unverified_origins`. Without `pooling` each request
    /// gets a connection of its own.
    pub fn new(
        network: Network,
        unverified_origins: &[Origin],
        pooling: bool,
    ) -> Result<Self, HostError> {
        let failed = |error| HostError::Engine { reason: format!("TLS is not available: {error}") };
        let connector = Connector::new(network);
        let verified = tls::verified(connector.clone()).map_err(failed)?;
        let unverified = tls::unverified(connector).map_err(failed)?;
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(if pooling { 32 } else { 0 })
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_adaptive_window(true);
        Ok(Self {
            verified: builder.build(verified),
            unverified: builder.build(unverified),
            unverified_origins: unverified_origins.into(),
        })
    }

    /// The client for a URI. A connection that was made unverified is never used for another origin: the two have pools of their own.
    fn client(&self, uri: &Uri) -> &HttpClient {
        let is_unverified = self.unverified_origins.iter().any(|origin| origin.contains(uri));
        if is_unverified { &self.unverified } else { &self.verified }
    }

    async fn send(
        &self,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> HttpResult<Response<WasiBody>> {
        // The client writes the host header itself from the URI; HTTP/2 has none.
        request.headers_mut().remove(header::HOST);
        *request.version_mut() = Version::HTTP_11;
        let connect = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        let first_byte = options.first_byte_timeout.unwrap_or(READ_TIMEOUT);
        let between_bytes = options.between_bytes_timeout.unwrap_or(READ_TIMEOUT);
        let response = CONNECT_WITHIN.scope(connect, self.client(request.uri()).request(request));
        let response = tokio::time::timeout(first_byte.saturating_add(connect), response)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| request_error(&error))?;
        Ok(response.map(|body| ReplyBody::new(body, between_bytes).boxed_unsync()))
    }
}

/// The outbound side of one component, as its instances see it.
pub struct OutboundHooks {
    pub grants: Arc<Grants>,
    pub client: OutboundClient,
    pub app: Weak<App>,
    pub metrics: Arc<ComponentMetrics>,
}

impl WasiHttpHooks for OutboundHooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        // What the guest makes of the response's body is of no use to us: if it stops reading, the body is dropped.
        _consumed: Completion,
    ) -> Box<dyn Future<Output = HttpResult<(Response<WasiBody>, Completion)>> + Send> {
        let outbound = Outbound {
            grants: self.grants.clone(),
            client: self.client.clone(),
            app: self.app.clone(),
        };
        let metrics = self.metrics.clone();
        metrics.outbound_sent.add(1);
        Box::new(async move {
            let result = outbound.send(request, options.unwrap_or_default()).await;
            match &result {
                Ok(_) => {}
                Err(Error::HttpRequestDenied | Error::DestinationIpProhibited) => {
                    metrics.outbound_denied.add(1);
                }
                Err(_) => metrics.outbound_failed.add(1),
            }
            let response = result?;
            Ok((response, Box::new(std::future::ready(Ok(()))) as Completion))
        })
    }
}

struct Outbound {
    grants: Arc<Grants>,
    client: OutboundClient,
    app: Weak<App>,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// This application, through its routes.
    Own,
    /// A component of this application, by its id.
    Component(String),
    Network,
}

impl Outbound {
    async fn send(
        self,
        mut request: Request<WasiBody>,
        options: RequestOptions,
    ) -> HttpResult<Response<WasiBody>> {
        let destination = destination(request.uri());
        if !self.allows(&destination, request.uri()) {
            let component = &self.grants.component;
            let host = request.uri().host().unwrap_or("self");
            tracing::warn!(%component, host, "{component} may not send a request to {host}: it is not in its allowed_outbound_hosts");
            return Err(Error::HttpRequestDenied);
        }
        match destination {
            Destination::Network => self.client.send(request, options).await,
            Destination::Own => {
                let app = self.app.upgrade().ok_or(Error::DestinationUnavailable)?;
                *request.uri_mut() = at_authority(request.uri(), &app.local_authority())?;
                // It would name the host that only stands for the application.
                request.headers_mut().remove(header::HOST);
                let first_byte = options.first_byte_timeout.unwrap_or(READ_TIMEOUT);
                within(first_byte, app.serve_own(request)).await
            }
            Destination::Component(id) => {
                let app = self.app.upgrade().ok_or(Error::DestinationUnavailable)?;
                let first_byte = options.first_byte_timeout.unwrap_or(READ_TIMEOUT);
                within(first_byte, app.serve_chained(&id, request)).await?
            }
        }
    }

    fn allows(&self, destination: &Destination, uri: &Uri) -> bool {
        let allowed = &self.grants.allowed_hosts;
        match destination {
            Destination::Own => {
                allowed.allows_own_address("http") || allowed.allows_own_address("https")
            }
            _ => url::Url::parse(&uri.to_string()).is_ok_and(|url| allowed.allows(&url)),
        }
    }
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> HttpResult<T> {
    tokio::time::timeout(limit, future).await.map_err(|_| Error::ConnectionReadTimeout)
}

/// A URI without a host is relative. `wasmtime-wasi-http` makes `https://:443/path` of it.
fn destination(uri: &Uri) -> Destination {
    match uri.host() {
        None | Some("" | SELF_HOST) => Destination::Own,
        Some(host) => manifest::service_chaining_target(host)
            .map_or(Destination::Network, |id| Destination::Component(id.to_owned())),
    }
}

fn at_authority(uri: &Uri, authority: &str) -> HttpResult<Uri> {
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| Error::HttpRequestUriInvalid)
}

/// What a failed request is in the words of `wasi:http`.
fn request_error(error: &hyper_util::client::legacy::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<ConnectError>() {
            return connect_error(error);
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return tls_error(error);
        }
        // The error of the request's own body, which the guest wrote, comes back to the guest as it is.
        if let Some(error) = error.downcast_ref::<Error>() {
            return body_error(error);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && let Some(error) = transport_error(error)
        {
            return error;
        }
        // An `io::Error` that wraps another error is transparent to `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = inner.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    if error.is_connect() { Error::ConnectionRefused } else { Error::HttpProtocolError }
}

fn connect_error(error: &ConnectError) -> Error {
    match error {
        ConnectError::Uri => Error::HttpRequestUriInvalid,
        ConnectError::Name(_) => {
            Error::DnsError { rcode: Some("address not available".to_owned()), info_code: None }
        }
        ConnectError::Blocked => Error::DestinationIpProhibited,
        ConnectError::Limit => Error::ConnectionLimitReached,
        ConnectError::Timeout => Error::ConnectionTimeout,
        ConnectError::Refused(error) => match error.kind() {
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                Error::DestinationIpUnroutable
            }
            _ => Error::ConnectionRefused,
        },
    }
}

fn tls_error(error: &rustls::Error) -> Error {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(_) | Tls::NoCertificatesPresented => Error::TlsCertificateError,
        Tls::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}

fn body_error(error: &Error) -> Error {
    match error {
        Error::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        Error::ConnectionReadTimeout => Error::ConnectionReadTimeout,
        _ => Error::ConnectionTerminated,
    }
}

fn transport_error(error: &hyper::Error) -> Option<Error> {
    if error.is_timeout() {
        Some(Error::ConnectionReadTimeout)
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        Some(Error::ConnectionTerminated)
    } else if error.is_parse_too_large() {
        Some(Error::HttpResponseHeaderSectionSize(None))
    } else if error.is_parse() {
        Some(Error::HttpProtocolError)
    } else {
        None
    }
}

/// A response body that fails when the server pauses for too long. The connection is given up with it.
struct ReplyBody {
    inner: Option<Incoming>,
    pause_max: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl ReplyBody {
    fn new(inner: Incoming, pause_max: Duration) -> Self {
        Self { inner: Some(inner), pause_max, pause: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<HttpResult<Frame<Bytes>>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            this.pause = None;
            return Poll::Ready(frame.map(|frame| {
                frame.map_err(|error| {
                    transport_error(&error).unwrap_or(Error::HttpResponseIncomplete)
                })
            }));
        }
        let pause_max = this.pause_max;
        let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause_max)));
        ready!(pause.as_mut().poll(cx));
        this.inner = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_in_the_process_by_their_host() {
        let destination = |uri: &str| destination(&uri.parse().unwrap());
        assert_eq!(destination("/a"), Destination::Own);
        assert_eq!(destination("http://self.alt/a"), Destination::Own);
        assert_eq!(
            destination("http://auth.spin.internal/a"),
            Destination::Component("auth".into())
        );
        assert_eq!(destination("https://example.com/"), Destination::Network);
        assert_eq!(destination("https://auth.spin.internal.example.com/"), Destination::Network);
    }
}
