//! One request and its response, from the first byte to the last: what is held, counted and logged for them.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::app::declared_length;
use crate::body::Ending;
use crate::component::Component;
use crate::metrics::{Held, RouteMetrics};
use crate::worker::Lease;

/// How long a response of the host itself may take to be read.
const OWN_RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);

/// Logged in place of a status when there was nobody left to send one to; the number is that of other servers.
const CLIENT_GONE: u16 = 499;

/// A request in progress. Dropping it gives back its place in the component.
pub struct Exchange {
    request_id: String,
    method: Method,
    path: String,
    started: Instant,
    access_log: bool,
    status: u16,
    route: Option<Arc<RouteMetrics>>,
    component: Option<Arc<Component>>,
    lease: Option<Lease>,
    place: Option<(OwnedSemaphorePermit, Held)>,
    ended: bool,
}

impl Exchange {
    pub fn new<B>(
        request: &Request<B>,
        request_id: String,
        started: Instant,
        access_log: bool,
    ) -> Self {
        Self {
            request_id,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            started,
            access_log,
            status: 0,
            route: None,
            component: None,
            lease: None,
            place: None,
            ended: false,
        }
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The request matched a route.
    pub fn routed(&mut self, metrics: Arc<RouteMetrics>) {
        self.route = Some(metrics);
    }

    /// The request is one for this component.
    pub fn entered(&mut self, component: &Arc<Component>) {
        self.component = Some(component.clone());
    }

    /// The component takes the request.
    pub fn admitted(&mut self, permit: OwnedSemaphorePermit) {
        self.place = self.component.as_ref().map(|component| {
            let in_flight = component.metrics.in_flight.hold();
            (permit, in_flight)
        });
    }

    /// The component has begun to answer.
    pub fn answered(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// The head of the response is about to be sent.
    pub fn head(&mut self, status: StatusCode) {
        self.status = status.as_u16();
        if let Some(route) = &self.route {
            route.answered(status);
            route.first_byte.observe(self.started.elapsed());
        }
    }

    /// When the response must be complete.
    pub fn deadline(&self) -> Instant {
        let timeout = match (&self.lease, &self.component) {
            (Some(_), Some(component)) => component.settings.response_timeout,
            _ => OWN_RESPONSE_TIMEOUT,
        };
        self.started + timeout
    }

    /// How many bytes will be read from the response's body, where that is known.
    pub fn expected_bytes<B>(&self, response: &Response<B>) -> Option<u64> {
        let empty = self.method == Method::HEAD
            || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if empty { Some(0) } else { declared_length(response.headers()) }
    }
}

impl Ending for Exchange {
    fn ended(&mut self, bytes: u64, complete: bool) {
        self.ended = true;
        let elapsed = self.started.elapsed();
        if let Some(lease) = &self.lease
            && complete
        {
            lease.complete();
        }
        if let Some(route) = &self.route {
            route.total.observe(elapsed);
        }
        if self.access_log {
            // Neither query nor headers: both carry secrets.
            tracing::info!(
                target: "access",
                method = %self.method,
                path = %self.path,
                status = self.status,
                component = self.component.as_ref().map_or("-", |component| component.id.as_ref()),
                microseconds = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
                bytes,
                complete,
                request_id = %self.request_id,
            );
        }
        self.lease = None;
        self.place = None;
    }

    fn is_broken(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::instance_failed)
    }
}

impl Drop for Exchange {
    /// A client that leaves before the head of the response takes the whole exchange with it.
    fn drop(&mut self) {
        if !self.ended {
            self.status = CLIENT_GONE;
            self.ended(0, false);
        }
    }
}
