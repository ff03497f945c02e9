//! The application that is served: routes, components, and what happens to a request between them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use manifest::{RouteMatch, Router};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::answer::{Refusal, full};
use crate::body::{DownloadBody, Upload, UploadBody};
use crate::component::Component;
use crate::exchange::Exchange;
use crate::limits::Ticker;
use crate::metrics::{Metrics, RouteMetrics};
use crate::request::{REQUEST_ID, Routed, add_headers, request_id, set_authority, strip_headers};

/// The path under which Spin, too, answers that it is alive.
const HEALTH_PATH: &str = "/.well-known/spin/health";

/// What a component sees as client of a request that came from another component. As in Spin.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A body on its way to a client.
pub type AppBody = DownloadBody<Exchange>;

/// An application, ready to answer.
pub struct App {
    pub router: Router,
    /// In the order of the manifest's triggers.
    pub triggers: Vec<Trigger>,
    /// What service chaining reaches: components by id, without the middleware of any route.
    pub chained: BTreeMap<String, Arc<Component>>,
    pub metrics: Arc<Metrics>,
    pub headers_max: usize,
    pub access_log: bool,
    /// Where the application listens.
    pub local: SocketAddr,
    /// Interrupts guests as long as the application exists.
    pub _ticker: Ticker,
}

/// A trigger and what answers it.
pub struct Trigger {
    pub target: Target,
    pub metrics: Arc<RouteMetrics>,
}

/// What answers a trigger.
pub enum Target {
    Component(Arc<Component>),
    Static { status: StatusCode, headers: HeaderMap, body: Bytes },
}

impl App {
    /// Answers a client's request. `body_error` translates the errors of the request's body.
    pub async fn serve<B>(
        &self,
        request: Request<B>,
        client: SocketAddr,
        body_error: fn(B::Error) -> Error,
    ) -> Response<AppBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let started = Instant::now();
        let id = request_id(request.headers());
        let mut exchange = Exchange::new(&request, id.clone(), started, self.access_log);
        let result = self.dispatch(request, client, body_error, &mut exchange).await;
        let mut response = result.unwrap_or_else(|refusal| refusal.response(&id));
        if let Ok(id) = HeaderValue::try_from(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        exchange.head(response.status());
        let expected = exchange.expected_bytes(&response);
        let deadline = exchange.deadline();
        response.map(|body| DownloadBody::new(body, expected, deadline, exchange))
    }

    async fn dispatch<B>(
        &self,
        request: Request<B>,
        client: SocketAddr,
        body_error: fn(B::Error) -> Error,
        exchange: &mut Exchange,
    ) -> Result<Response<WasiBody>, Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (mut parts, body) = request.into_parts();
        if parts.method == Method::CONNECT {
            return Err(Refusal::MethodNotAllowed);
        }
        if parts.headers.len() > self.headers_max {
            return Err(Refusal::HeadersTooLarge);
        }
        set_authority(&mut parts)?;
        let path = parts.uri.path().to_owned();
        if path == HEALTH_PATH {
            return Ok(Response::new(full("OK")));
        }
        let Some(matched) = self.router.route(&path) else {
            self.metrics.unrouted.add(1);
            return Err(Refusal::NoRoute);
        };
        let trigger = self.triggers.get(matched.trigger).ok_or(Refusal::NoRoute)?;
        exchange.routed(trigger.metrics.clone());
        let component = match &trigger.target {
            Target::Component(component) => component,
            Target::Static { status, headers, body } => {
                let mut response = Response::new(full(body.clone()));
                *response.status_mut() = *status;
                *response.headers_mut() = headers.clone();
                return Ok(response);
            }
        };
        exchange.entered(component);
        let bytes_max = component.settings.request_body_bytes_max;
        if declared_length(&parts.headers).is_some_and(|length| length > bytes_max) {
            return Err(Refusal::BodyTooLarge);
        }
        exchange.admitted(component.admit().await?);
        strip_headers(&mut parts.headers);
        add_headers(&mut parts, &Routed::from(&matched), client, exchange.request_id());
        let upload = Arc::new(Upload::default());
        let body = UploadBody::new(body, body_error, bytes_max, upload.clone());
        let request = Request::from_parts(parts, body.boxed_unsync());
        let (response, lease) = tokio::select! {
            // A guest that fails because its body was cut off is not to blame, so this is looked at first.
            biased;
            refusal = upload.refused() => return Err(refusal),
            answer = component.call(request, exchange.request_id()) => {
                answer.map_err(|refusal| upload.refusal().unwrap_or(refusal))?
            }
        };
        exchange.answered(lease);
        Ok(response)
    }

    /// Answers a component that calls its own application, the way that any client is answered.
    pub async fn serve_own(&self, request: Request<WasiBody>) -> Response<WasiBody> {
        self.serve(request, self.local, std::convert::identity).await.map(BodyExt::boxed_unsync)
    }

    /// Lets the component `id` answer another component: without routes and without a way over the network.
    ///
    /// # Errors
    /// What the calling component learns.
    pub async fn serve_chained(
        &self,
        id: &str,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Error> {
        let component = self.chained.get(id).ok_or(Error::DestinationNotFound)?;
        let request_id = request_id(request.headers());
        let mut exchange =
            Exchange::new(&request, request_id.clone(), Instant::now(), self.access_log);
        exchange.entered(component);
        exchange.admitted(component.admit().await.map_err(|_| Error::ConnectionLimitReached)?);
        let (mut parts, body) = request.into_parts();
        strip_headers(&mut parts.headers);
        let routed = Routed::chained(parts.uri.path());
        add_headers(&mut parts, &routed, CHAINED_CLIENT, &request_id);
        let request = Request::from_parts(parts, body);
        let (response, lease) =
            component.call(request, &request_id).await.map_err(|refusal| match refusal {
                Refusal::Timeout => Error::ConnectionReadTimeout,
                Refusal::Overloaded => Error::ConnectionLimitReached,
                _ => Error::ConnectionTerminated,
            })?;
        exchange.answered(lease);
        exchange.head(response.status());
        let expected = exchange.expected_bytes(&response);
        let deadline = exchange.deadline();
        Ok(response
            .map(|body| DownloadBody::new(body, expected, deadline, exchange).boxed_unsync()))
    }

    /// The authority under which this machine reaches the application.
    pub fn local_authority(&self) -> String {
        let mut local = self.local;
        if local.ip().is_unspecified() {
            local.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        local.to_string()
    }
}

impl From<&RouteMatch<'_, '_>> for Routed {
    fn from(matched: &RouteMatch<'_, '_>) -> Self {
        let parameters = matched.parameters.iter();
        Self {
            matched_route: matched.matched_route.clone().into_owned(),
            raw_route: matched.raw_route.to_owned(),
            component_route: matched.component_route.to_owned(),
            path_info: matched.path_info.clone().into_owned(),
            parameters: parameters.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        }
    }
}

/// The length that a message says its body has. One that is no number is the HTTP parser's business.
pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
