//! The life of one instance: how many requests it takes, and when it is thrown away.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus};

use crate::limits::Pace;
use crate::metrics::ComponentMetrics;
use crate::settings::Settings;
use crate::state::State;

/// How much later than the request's own timer an instance is thrown away that does not even let this timer run.
const TIMER_SLACK: Duration = Duration::from_millis(500);

/// What a worker says that is dropped before its end: in a panic, or because the process stops and nobody waits for idle instances.
const DROPPED: &str = "worker panicked";

/// What the host knows of an instance from outside of its store.
#[derive(Default)]
pub struct Vitals {
    /// Whether the guest computes or waits.
    pub pace: Arc<Pace>,
    /// Bytes of linear memory.
    pub memory_bytes: Arc<AtomicUsize>,
    /// Requests whose client still waits for the end of the response.
    live: AtomicUsize,
    /// Requests accepted so far.
    accepted: AtomicUsize,
    /// When the last client was done, if none is left.
    released: Mutex<Option<Instant>>,
    /// Whether the instance trapped or had to be stopped.
    failed: AtomicBool,
    /// Whether it had to be stopped because a request took too long.
    timed_out: AtomicBool,
    /// Whether it was stopped after its clients had left.
    left_alone: AtomicBool,
    /// Whether a client left before its response was complete.
    abandoned: AtomicBool,
    waker: AtomicWaker,
}

/// A request from the client's side. Dropping it says that the client is done, with a complete response or without.
pub struct Lease(Arc<Claim>);

/// A request from the instance's side.
pub struct Claim {
    vitals: Mutex<Option<(Arc<Vitals>, usize)>>,
    /// Whether others were in the instance when this request came.
    joined: AtomicBool,
    complete: AtomicBool,
    gone: AtomicBool,
    left: Notify,
}

impl Lease {
    /// A new request, as seen by the client and by the instance.
    pub fn new() -> (Self, Arc<Claim>) {
        let claim = Arc::new(Claim {
            vitals: Mutex::new(None),
            joined: AtomicBool::new(false),
            complete: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            left: Notify::new(),
        });
        (Self(claim.clone()), claim)
    }

    /// Notes that the client has everything.
    pub fn complete(&self) {
        self.0.complete.store(true, Relaxed);
    }

    /// Whether the failure of the instance may have been the doing of another request, and not for lack of time.
    pub fn may_be_repeated(&self) -> bool {
        let vitals = self.0.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        vitals.as_ref().is_some_and(|(vitals, number)| {
            let alone = !self.0.joined.load(Relaxed) && vitals.accepted.load(SeqCst) == *number;
            !alone && !vitals.timed_out.load(SeqCst)
        })
    }

    /// Whether the instance that was to answer the request had to be stopped, because the request took too long.
    pub fn timed_out(&self) -> bool {
        let vitals = self.0.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        vitals.as_ref().is_some_and(|(vitals, _)| vitals.timed_out.load(SeqCst))
    }

    /// Whether the instance has failed that was to answer the request.
    pub fn instance_failed(&self) -> bool {
        let vitals = self.0.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        vitals.as_ref().is_some_and(|(vitals, _)| vitals.failed.load(SeqCst))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.gone.store(true, SeqCst);
        self.0.left.notify_one();
        let vitals = self.0.vitals.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((vitals, _)) = vitals {
            vitals.release(self.0.complete.load(Relaxed));
        }
    }
}

impl Claim {
    /// Binds the request to the instance that accepted it.
    fn attach(&self, vitals: &Arc<Vitals>) {
        let mut slot = self.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        let number = vitals.accepted.fetch_add(1, SeqCst) + 1;
        // Under the lock, so that a client that leaves meanwhile is either seen here or releases the instance itself.
        if self.gone.load(SeqCst) {
            vitals.abandoned.store(true, Relaxed);
            return;
        }
        let others = vitals.live.fetch_add(1, SeqCst);
        self.joined.store(others > 0, Relaxed);
        *slot = Some((vitals.clone(), number));
    }

    /// Resolves once the client has left.
    async fn left(&self) {
        while !self.gone.load(SeqCst) {
            self.left.notified().await;
        }
    }
}

impl Vitals {
    /// Whether anybody waits for a response, or for the rest of one.
    pub fn has_clients(&self) -> bool {
        self.live.load(SeqCst) > 0
    }

    fn release(&self, complete: bool) {
        if !complete {
            self.abandoned.store(true, Relaxed);
        }
        *self.released.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.live.fetch_sub(1, SeqCst);
        self.waker.wake();
    }

    /// When an instance may be thrown away that still works although it has answered everything, or `None` while a client
    /// still reads from it.
    fn post_return_deadline(
        &self,
        since: Instant,
        grace: Duration,
        abandoned_grace: Duration,
    ) -> Option<Instant> {
        if self.has_clients() {
            return None;
        }
        let released = *self.released.lock().unwrap_or_else(PoisonError::into_inner);
        let start = released.map_or(since, |released| released.max(since));
        let grace = if self.abandoned.load(Relaxed) { abandoned_grace } else { grace };
        Some(start + grace)
    }
}

/// Decides which requests an instance takes.
pub struct Worker {
    pub settings: Arc<Settings>,
    pub vitals: Arc<Vitals>,
    pub metrics: Arc<ComponentMetrics>,
    pub component: Arc<str>,
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Claim>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        let memory = self.vitals.memory_bytes.load(Relaxed);
        // A response that is still being streamed is no longer counted by the caller, but it is work of this instance.
        let concurrent = concurrent.max(self.vitals.live.load(SeqCst));
        if total >= self.settings.reuse_count || memory > self.settings.recycle_memory_bytes {
            ShouldAccept::Never
        } else if concurrent >= self.settings.reuse_concurrency {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, State>,
        claim: Arc<Claim>,
        _task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        store.data_mut().cpu.renew();
        claim.attach(&self.vitals);
        let timeout = self.settings.request_timeout;
        let background = self.settings.background_timeout;
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(timeout) => {}
                () = async {
                    claim.left().await;
                    tokio::time::sleep(background).await;
                } => {}
            }
        })
    }

    fn drop(&self, store: Store<State>, result: Result<(), wasmtime::Error>) {
        self.metrics.instances_live.sub(1);
        if let Err(error) = result {
            // Before the store goes, with which the bodies end that its guest was writing.
            self.vitals.failed.store(true, SeqCst);
            let (component, reason) = (&self.component, error.root_cause());
            if self.vitals.left_alone.load(SeqCst) {
                tracing::debug!(%component, "an instance was stopped whose clients had left");
            } else if error.to_string() == DROPPED && !std::thread::panicking() {
                tracing::debug!(%component, "an instance ended with the process");
            } else {
                self.metrics.instances_failed.add(1);
                let error = format!("{error:#}");
                tracing::error!(%component, ?error, "an instance of {component} failed: {reason}");
            }
        }
        drop(store);
    }
}

/// Decides when an instance is thrown away.
///
/// It is polled from outside of the store's event loop, so it works also against a guest that spins or blocks.
pub struct Expiration {
    settings: Arc<Settings>,
    vitals: Arc<Vitals>,
    metrics: Arc<ComponentMetrics>,
    idle: bool,
    sleep: Pin<Box<Sleep>>,
}

impl Expiration {
    pub fn new(
        settings: Arc<Settings>,
        vitals: Arc<Vitals>,
        metrics: Arc<ComponentMetrics>,
    ) -> Self {
        let sleep = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { settings, vitals, metrics, idle: false, sleep }
    }

    fn set_idle(&mut self, idle: bool) {
        if idle != self.idle {
            self.metrics.instances_idle.add(if idle { 1 } else { -1 });
            self.idle = idle;
        }
    }
}

impl Drop for Expiration {
    fn drop(&mut self) {
        self.set_idle(false);
    }
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        self.vitals.waker.register(cx.waker());
        self.vitals.pace.pending();
        self.set_idle(status == WorkerStatus::Idle);
        let timeout = self.settings.request_timeout;
        let deadline = match status {
            WorkerStatus::Idle => Some(start + self.settings.idle_instance_timeout),
            WorkerStatus::Requests => Some(start + timeout + TIMER_SLACK),
            WorkerStatus::PostReturn => {
                let background = self.settings.background_timeout;
                self.vitals.post_return_deadline(start, timeout, background)
            }
        };
        let Some(deadline) = deadline else { return Poll::Pending };
        if self.sleep.deadline() != deadline.into() {
            self.sleep.as_mut().reset(deadline.into());
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.vitals.timed_out.store(status == WorkerStatus::Requests, SeqCst);
        let abandoned = self.vitals.abandoned.load(Relaxed);
        self.vitals.left_alone.store(status == WorkerStatus::PostReturn && abandoned, SeqCst);
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_repeated_only_if_another_overlapped_it() {
        let vitals = Arc::new(Vitals::default());
        let (first, claim) = Lease::new();
        claim.attach(&vitals);
        assert!(!first.may_be_repeated());
        let (second, claim) = Lease::new();
        claim.attach(&vitals);
        assert!(first.may_be_repeated());
        assert!(second.may_be_repeated());
        drop((first, second));
        let (third, claim) = Lease::new();
        claim.attach(&vitals);
        assert!(!third.may_be_repeated());
    }

    #[test]
    fn an_instance_outlives_its_return_while_a_client_reads() {
        let vitals = Arc::new(Vitals::default());
        let (lease, claim) = Lease::new();
        claim.attach(&vitals);
        let start = Instant::now();
        let grace = Duration::from_mins(1);
        assert_eq!(vitals.post_return_deadline(start, grace, grace), None);
        lease.complete();
        drop(lease);
        assert!(
            vitals.post_return_deadline(start, grace, Duration::ZERO).unwrap() >= start + grace
        );
    }

    #[test]
    fn a_client_that_leaves_shortens_the_life_of_the_instance() {
        let vitals = Arc::new(Vitals::default());
        let (lease, claim) = Lease::new();
        claim.attach(&vitals);
        drop(lease);
        let (grace, abandoned) = (Duration::from_mins(1), Duration::from_secs(1));
        let deadline = vitals.post_return_deadline(Instant::now(), grace, abandoned);
        assert!(deadline.unwrap() <= Instant::now() + abandoned);
    }

    #[tokio::test]
    async fn a_client_that_left_before_its_turn_is_noticed() {
        let vitals = Arc::new(Vitals::default());
        let (lease, claim) = Lease::new();
        drop(lease);
        claim.attach(&vitals);
        claim.left().await;
        assert_eq!(vitals.live.load(SeqCst), 0);
        assert!(vitals.abandoned.load(Relaxed));
    }
}
