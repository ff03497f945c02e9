//! The life of one instance: how many requests it takes, and when it is thrown away.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::task::AtomicWaker;
use tokio::sync::{Notify, watch};
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::handler::{ShouldAccept, WorkerState};

use crate::limits::Pace;
use crate::metrics::ComponentMetrics;
use crate::settings::Settings;
use crate::state::State;
use crate::stdio::PanicOutput;
use crate::vacancies::{Entry, Room, Vacancies};

mod expiration;

pub use expiration::Expiration;

/// How much later than the request's own timer an instance is thrown away that does not even let this timer run.
const TIMER_SLACK: Duration = Duration::from_millis(500);

/// How long a request waits at most until the end of its instance has been noted.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// What a worker says that is dropped before its end: in a panic, or because the process stops and nobody waits for idle instances.
const DROPPED: &str = "worker panicked";

/// What the host knows of an instance from outside of its store.
pub struct Vitals {
    settings: Arc<Settings>,
    vacancies: Arc<Vacancies>,
    /// Its name among the vacancies.
    id: u64,
    /// Whether it would take another request at this moment, if it has a place.
    waits: AtomicBool,
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
    /// Whether it had to be stopped, for whatever reason.
    expired: AtomicBool,
    /// Whether it had to be stopped because a request took too long.
    timed_out: AtomicBool,
    /// Whether it was stopped after its clients had left.
    left_alone: AtomicBool,
    /// Whether a client left before its response was complete.
    abandoned: AtomicBool,
    /// Whether it has ended, and how is known here.
    ended: watch::Sender<bool>,
    waker: AtomicWaker,
}

/// A request from the client's side. Dropping it says that the client is done, with a complete response or without.
pub struct Lease(Arc<Claim>);

/// A request from the instance's side.
pub struct Claim {
    vitals: Mutex<Option<(Arc<Vitals>, usize)>>,
    /// Held until the request is in an instance.
    entry: Mutex<Option<Entry>>,
    /// Whether others were in the instance when this request came.
    joined: AtomicBool,
    complete: AtomicBool,
    gone: AtomicBool,
    left: Notify,
}

impl Lease {
    /// A new request, as seen by the client and by the instance.
    pub fn new(entry: Option<Entry>) -> (Self, Arc<Claim>) {
        let claim = Arc::new(Claim {
            vitals: Mutex::new(None),
            entry: Mutex::new(entry),
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

    /// Waits until the end of the instance has been noted, in which the request counts as long as this lease exists.
    ///
    /// The instance lets go of its requests a moment before. It is waited for only so long as that can take.
    pub async fn instance_ended(&self) {
        let mut ended = {
            let vitals = self.0.vitals.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((vitals, _)) = vitals.as_ref() else { return };
            vitals.ended.subscribe()
        };
        _ = tokio::time::timeout(END_TIMEOUT, ended.wait_for(|ended| *ended)).await;
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
        let entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Under the lock, so that a client that leaves meanwhile is either seen here or releases the instance itself.
        if self.gone.load(SeqCst) {
            vitals.abandoned.store(true, Relaxed);
        } else {
            let others = vitals.live.fetch_add(1, SeqCst);
            self.joined.store(others > 0, Relaxed);
            *slot = Some((vitals.clone(), number));
        }
        vitals.say_whether_it_waits(false);
        drop(entry);
    }

    /// Resolves once the client has left.
    async fn left(&self) {
        while !self.gone.load(SeqCst) {
            self.left.notified().await;
        }
    }
}

impl Vitals {
    /// An instance in which nothing has happened yet.
    pub fn new(settings: Arc<Settings>, vacancies: Arc<Vacancies>) -> Self {
        let id = vacancies.add();
        Self {
            settings,
            vacancies,
            id,
            waits: AtomicBool::new(false),
            pace: Arc::default(),
            memory_bytes: Arc::default(),
            live: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            released: Mutex::new(None),
            failed: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            timed_out: AtomicBool::new(false),
            left_alone: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Whether it has taken as many requests as it may, or as much memory.
    fn is_worn(&self, accepted: usize) -> bool {
        self.settings.reuse_count <= accepted
            || self.settings.recycle_memory_bytes < self.memory_bytes.load(Relaxed)
    }

    fn room(&self) -> Room {
        let accepted = self.accepted.load(SeqCst);
        let places = self.settings.reuse_concurrency.saturating_sub(self.live.load(SeqCst));
        let left = self.settings.reuse_count.saturating_sub(accepted);
        let free = if self.is_worn(accepted) { 0 } else { places.min(left) };
        Room { free, waits: self.waits.load(SeqCst) }
    }

    fn say_whether_it_waits(&self, waits: bool) {
        self.waits.store(waits, SeqCst);
        self.vacancies.update(self.id, || self.room());
    }

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
        self.vacancies.update(self.id, || self.room());
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

impl Drop for Vitals {
    /// An instance that could not be made has no worker that would say so.
    fn drop(&mut self) {
        self.vacancies.remove(self.id);
    }
}

/// Decides which requests an instance takes.
pub struct Worker {
    pub settings: Arc<Settings>,
    pub vitals: Arc<Vitals>,
    pub metrics: Arc<ComponentMetrics>,
    pub component: Arc<str>,
    pub panic: Arc<PanicOutput>,
}

impl Worker {
    /// Counts and logs how the instance failed: one line, however many requests were in it.
    fn log_failure(&self, error: &wasmtime::Error) {
        let (component, vitals) = (&self.component, &self.vitals);
        let reason = error.root_cause();
        if vitals.left_alone.load(SeqCst) {
            tracing::debug!(%component, "an instance was stopped whose clients had left");
            return;
        }
        let is_dropped = error.to_string() == DROPPED;
        if is_dropped && !std::thread::panicking() {
            tracing::debug!(%component, "an instance ended with the process");
            return;
        }
        self.metrics.instances_failed.add(1);
        let detail = format!("{error:#}");
        if is_dropped || vitals.expired.load(SeqCst) {
            tracing::error!(%component, error = ?detail, "an instance of {component} failed: {reason}");
            return;
        }
        self.metrics.instance_traps.add(1);
        let requests = vitals.live.load(SeqCst);
        let message = self.panic.take().unwrap_or_else(|| reason.to_string());
        tracing::error!(%component, requests, error = ?detail, "an instance of {component} trapped with {requests} requests in it: {message}");
    }
}

impl WorkerState for Worker {
    type StoreData = State;
    type RequestData = Arc<Claim>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        // A response that is still being streamed is no longer counted by the caller, but it is work of this instance.
        let live = if self.settings.counts_streams { self.vitals.live.load(SeqCst) } else { 0 };
        let concurrent = concurrent.max(live);
        if self.vitals.is_worn(total) {
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
        // An instance that takes a request has survived what it printed.
        self.panic.release();
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
        self.vitals.vacancies.remove(self.vitals.id);
        if let Err(error) = result {
            // Before the store goes, with which the bodies end that its guest was writing.
            self.vitals.failed.store(true, SeqCst);
            self.log_failure(&error);
        }
        self.vitals.ended.send_replace(true);
        drop(store);
    }
}

#[cfg(test)]
mod tests;
