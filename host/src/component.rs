//! A component that is ready to be called.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{
    ExpirationError, InstantiationError, ProxyHandler, TrapOrPanicError,
};

use crate::answer::{Refusal, full};
use crate::instance::Template;
use crate::metrics::ComponentMetrics;
use crate::options::Limits;
use crate::settings::Settings;
use crate::vacancies::Vacancies;
use crate::worker::{Claim, Lease};

/// How long to wait before asking again for an instance when there is no room for one.
const ROOM_PAUSE: Duration = Duration::from_millis(20);

/// What Wasmtime says when a guest of WASI 0.2 gives no response, also where it trapped.
const NO_RESPONSE: &str = "guest never invoked `response-outparam::set` method";

/// A component with its instances.
pub struct Component {
    pub id: Arc<str>,
    pub settings: Arc<Settings>,
    pub metrics: Arc<ComponentMetrics>,
    shared: ProxyHandler<Template>,
    /// Instances that see a single request, for those that were hit by another's trap.
    single: ProxyHandler<Template>,
    vacancies: Arc<Vacancies>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    queue_timeout: Duration,
}

impl Component {
    /// A component whose instances are made from `template`.
    pub fn new(template: Template, limits: &Limits) -> Self {
        let single = Arc::new(template.settings.as_ref().clone().for_single_use());
        Self {
            id: template.grants.component.clone(),
            settings: template.settings.clone(),
            metrics: template.metrics.clone(),
            slots: Arc::new(Semaphore::new(
                template.settings.concurrent_requests_max.min(Semaphore::MAX_PERMITS),
            )),
            vacancies: template.vacancies.clone(),
            single: ProxyHandler::new(template.with_settings(single)),
            shared: ProxyHandler::new(template),
            waiting: AtomicUsize::new(0),
            waiting_max: limits.queued_requests_max,
            queue_timeout: limits.queue_timeout,
        }
    }

    /// A place among the requests that the component handles at the same time.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] when too many wait already, or when none gets free in time.
    pub async fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        if let Ok(permit) = self.slots.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let refuse = || {
            self.metrics.rejected.add(1);
            Refusal::Overloaded
        };
        let waiting = Waiting::enter(&self.waiting);
        if waiting.count > self.waiting_max {
            return Err(refuse());
        }
        let _queued = self.metrics.queued.hold();
        match tokio::time::timeout(self.queue_timeout, self.slots.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(refuse()),
        }
    }

    /// Lets an instance answer the request. The lease must live as long as somebody reads the response.
    ///
    /// A trap ends the whole instance and with it all requests that are in it. Those of them that can be repeated without
    /// harm, and may not have caused the trap, are repeated once in an instance of their own.
    ///
    /// # Errors
    /// What to tell the client. The reason is logged under `request_id`.
    pub async fn call(
        &self,
        request: Request<WasiBody>,
        request_id: &str,
    ) -> Result<(Response<WasiBody>, Lease), Refusal> {
        let copy = repeatable(&request);
        let (lease, claim) = Lease::new(Some(self.vacancies.enter().await));
        let error = match self.enter(&self.shared, request, claim).await {
            Ok(response) => return Ok((response, lease)),
            Err(error) => error,
        };
        wait_for_end(&error, &lease).await;
        let (error, lease) = match copy {
            Some(copy) if error.is::<TrapOrPanicError>() && lease.may_be_repeated() => {
                tracing::debug!(component = %self.id, request_id, "repeating a request that another one's trap ended");
                let (lease, claim) = Lease::new(None);
                match self.enter(&self.single, copy, claim).await {
                    Ok(response) => return Ok((response, lease)),
                    Err(error) => {
                        wait_for_end(&error, &lease).await;
                        (error, lease)
                    }
                }
            }
            _ => (error, lease),
        };
        Err(self.refusal(&error, &lease, request_id))
    }

    /// Waits for room when there is none for another instance.
    async fn enter(
        &self,
        handler: &ProxyHandler<Template>,
        mut request: Request<WasiBody>,
        mut claim: Arc<Claim>,
    ) -> wasmtime::Result<Response<WasiBody>> {
        let deadline = Instant::now() + self.queue_timeout;
        loop {
            let error = match handler.handle(claim, request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if Instant::now() >= deadline || !is_exhaustion(&error) {
                return Err(error);
            }
            let failed = error.downcast::<InstantiationError<Arc<Claim>>>()?;
            let Ok(returned) = failed.request.into_inner() else {
                return Err(wasmtime::format_err!("{}", failed.error));
            };
            (claim, request) = (failed.request_data, returned);
            tokio::time::sleep(ROOM_PAUSE).await;
        }
    }

    fn refusal(&self, error: &wasmtime::Error, lease: &Lease, request_id: &str) -> Refusal {
        let component = &self.id;
        if lease.timed_out() || error.is::<ExpirationError>() {
            tracing::warn!(%component, request_id, "{component} did not answer in time");
            return Refusal::Timeout;
        }
        if is_exhaustion(error) {
            tracing::warn!(%component, request_id, "there is no room for another instance of {component}: {error:#}");
            self.metrics.rejected.add(1);
            return Refusal::Overloaded;
        }
        if lease.instance_failed() {
            // The end of the instance is logged once, for all requests that were in it.
            tracing::debug!(%component, request_id, "{component} failed: {error:#}");
        } else {
            tracing::error!(%component, request_id, "{component} failed: {error:#}");
        }
        Refusal::Failed
    }
}

/// Waits until it is known how the instance ended, if the error is one that a trap leaves behind.
async fn wait_for_end(error: &wasmtime::Error, lease: &Lease) {
    if error.is::<TrapOrPanicError>() || error.to_string() == NO_RESPONSE {
        lease.instance_ended().await;
    }
}

/// Whether the allocator has no place for another instance at the moment.
fn is_exhaustion(error: &wasmtime::Error) -> bool {
    error
        .downcast_ref::<InstantiationError<Arc<Claim>>>()
        .is_some_and(|failed| failed.error.is::<wasmtime::PoolConcurrencyLimitError>())
}

/// A copy of a request that has no body and asks for no change (RFC 9110, section 9.2.1).
fn repeatable(request: &Request<WasiBody>) -> Option<Request<WasiBody>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !safe || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(full(""));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// One of those who wait for a place.
struct Waiting<'a> {
    waiting: &'a AtomicUsize,
    /// How many wait, this one included.
    count: usize,
}

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Self {
        Self { waiting, count: waiting.fetch_add(1, SeqCst) + 1 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, SeqCst);
    }
}
