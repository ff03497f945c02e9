//! What keeps one guest from taking memory or processor time from the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Engine, ResourceLimiter, UpdateDeadline, format_err};

/// The period of the engine's epoch: how long a guest computes before it yields to others on its thread.
pub const TICK: Duration = Duration::from_millis(5);

/// The longest time between two ticks that is taken for the guest's own.
const SLICE_MAX: Duration = Duration::from_millis(20);

/// Elements that all tables of an instance may hold together.
const TABLE_ELEMENTS_MAX: usize = 200_000;

/// Bounds the linear memory of one instance, all its memories together.
pub struct MemoryLimit {
    bytes_max: usize,
    bytes: Arc<AtomicUsize>,
    peak: Arc<AtomicUsize>,
    table_elements: usize,
}

impl MemoryLimit {
    /// A limit of `bytes_max`; `bytes` is kept at what the instance has, and `peak` at the most that any did that shares it.
    pub fn new(bytes_max: usize, bytes: Arc<AtomicUsize>, peak: Arc<AtomicUsize>) -> Self {
        Self { bytes_max, bytes, peak, table_elements: 0 }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.bytes.load(Relaxed).saturating_add(desired.saturating_sub(current));
        let allowed = total <= self.bytes_max;
        if allowed {
            self.bytes.store(total, Relaxed);
            self.peak.fetch_max(total, Relaxed);
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        let allowed = total <= TABLE_ELEMENTS_MAX;
        if allowed {
            self.table_elements = total;
        }
        Ok(allowed)
    }
}

/// Processor time that a guest may use after it has answered everything. While it computes, it cannot take a request that is
/// meant for it, so this is less than what a request may cost.
const BACKGROUND_TIME: Duration = Duration::from_secs(1);

/// What is known from outside of a store about the guest that runs in it.
pub struct Pace {
    /// The guest has been interrupted by a tick and waits for its turn.
    interrupted: AtomicBool,
    /// The guest has waited for something since the last tick.
    paused: AtomicBool,
    /// Processor time of the thread when the guest was last given control, in nanoseconds.
    resumed_at: AtomicU64,
}

impl Default for Pace {
    /// A guest that has not run yet.
    fn default() -> Self {
        Self {
            interrupted: AtomicBool::new(false),
            paused: AtomicBool::new(true),
            resumed_at: AtomicU64::new(0),
        }
    }
}

impl Pace {
    /// To be called whenever the store's event loop has nothing to do at the moment.
    pub fn pending(&self) {
        if !self.interrupted.load(SeqCst) {
            self.paused.store(true, SeqCst);
        }
    }
}

/// Bounds how much processor time a guest uses without giving control back.
///
/// Each tick of the epoch makes the guest yield, so that it never holds its thread for long, and adds what it has used since
/// the tick before. Once the guest waits for anything, it begins anew.
pub struct CpuBudget {
    limit: Duration,
    used: Duration,
    pace: Arc<Pace>,
    /// Microseconds of all instances of the component, for the metrics.
    total: Arc<AtomicU64>,
}

impl CpuBudget {
    /// A budget of `limit`; what is used is added to `total`.
    pub fn new(limit: Duration, pace: Arc<Pace>, total: Arc<AtomicU64>) -> Self {
        Self { limit, used: Duration::ZERO, pace, total }
    }

    /// Notes that the guest was given something new to do.
    pub fn renew(&mut self) {
        self.used = Duration::ZERO;
    }

    /// Called at each tick in which the guest computes; `background` says that nobody waits for it.
    pub fn tick(&mut self, background: bool) -> wasmtime::Result<UpdateDeadline> {
        let now = thread_time();
        if self.pace.paused.swap(false, SeqCst) {
            // A guest that waited meets the passed deadline as soon as it runs again; that is no sign of a long computation.
            self.used = Duration::ZERO;
            self.pace.resumed_at.store(now, SeqCst);
            return Ok(UpdateDeadline::Continue(1));
        }
        let since = Duration::from_nanos(now.saturating_sub(self.pace.resumed_at.load(SeqCst)));
        // A pause can go unnoticed; then others have used the thread since, or it is another one.
        self.spend(since.min(SLICE_MAX), background)?;
        Ok(UpdateDeadline::YieldCustom(1, self.yield_to_others()))
    }

    fn spend(&mut self, time: Duration, background: bool) -> wasmtime::Result<()> {
        self.used += time;
        self.total.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
        let limit = if background { self.limit.min(BACKGROUND_TIME) } else { self.limit };
        if self.used > limit {
            return Err(format_err!("the guest computed for more than {limit:?} without a pause"));
        }
        Ok(())
    }

    /// Waiting for a turn is neither a pause of the guest's own nor time that it uses. The future ends on the thread on which
    /// the guest goes on.
    fn yield_to_others(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let pace = self.pace.clone();
        Box::pin(async move {
            pace.interrupted.store(true, SeqCst);
            tokio::task::yield_now().await;
            pace.interrupted.store(false, SeqCst);
            pace.resumed_at.store(thread_time(), SeqCst);
        })
    }
}

/// Processor time that the current thread has used, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

/// The thread that advances an engine's epoch every [`TICK`]; it ends when this is dropped.
pub struct Ticker {
    stop: Arc<AtomicBool>,
}

impl Ticker {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let ticker = Self { stop: Arc::default() };
        let (stop, engine) = (ticker.stop.clone(), engine.clone());
        thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while !stop.load(Relaxed) {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        })?;
        Ok(ticker)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_memories() {
        let bytes = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(70));
        let mut limit = MemoryLimit::new(100, bytes.clone(), peak.clone());
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert_eq!(peak.load(Relaxed), 70, "another instance had more");
        assert!(limit.memory_growing(60, 100, None).unwrap());
        assert_eq!((bytes.load(Relaxed), peak.load(Relaxed)), (100, 100));
    }

    fn budget() -> CpuBudget {
        CpuBudget::new(Duration::from_millis(2_500), Arc::default(), Arc::default())
    }

    #[test]
    fn a_guest_that_never_pauses_traps_when_its_time_is_used_up() {
        let mut budget = budget();
        assert!(budget.spend(Duration::from_millis(1_500), false).is_ok());
        assert!(budget.spend(Duration::from_millis(1_500), false).is_err());
        assert_eq!(budget.total.load(Relaxed), 3_000_000);
    }

    #[test]
    fn less_time_is_left_when_nobody_waits() {
        assert!(budget().spend(Duration::from_millis(1_500), true).is_err());
    }

    #[test]
    fn the_time_of_others_is_not_taken_for_the_guests() {
        let mut budget = budget();
        assert!(matches!(budget.tick(false), Ok(UpdateDeadline::Continue(1))));
        budget.pace.resumed_at.store(0, SeqCst);
        assert!(budget.tick(false).is_ok());
        assert!(budget.used <= SLICE_MAX);
    }

    #[test]
    fn a_pause_or_something_new_to_do_renews_the_budget() {
        let mut budget = budget();
        for _ in 0..3 {
            assert!(budget.spend(Duration::from_millis(1_500), false).is_ok());
            budget.pace.pending();
            assert!(matches!(budget.tick(false), Ok(UpdateDeadline::Continue(1))));
        }
        for _ in 0..3 {
            assert!(budget.spend(Duration::from_millis(1_500), false).is_ok());
            budget.renew();
        }
    }

    #[tokio::test]
    async fn waiting_for_a_turn_is_no_pause() {
        let mut budget = budget();
        assert!(matches!(budget.tick(false), Ok(UpdateDeadline::Continue(1))));
        let Ok(UpdateDeadline::YieldCustom(1, turn)) = budget.tick(false) else {
            panic!("no yield")
        };
        let pace = budget.pace.clone();
        let ((), ()) = tokio::join!(turn, async { pace.pending() });
        assert!(matches!(budget.tick(false), Ok(UpdateDeadline::YieldCustom(..))));
    }
}
