//! What keeps one guest from taking memory or processor time from the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use wasmtime::{Engine, ResourceLimiter, UpdateDeadline, format_err};

/// The period of the engine's epoch: how long a guest computes before it yields to others on its thread.
pub const TICK: Duration = Duration::from_millis(5);

/// Elements that all tables of an instance may hold together.
const TABLE_ELEMENTS_MAX: usize = 200_000;

/// Bounds the linear memory of one instance, all its memories together.
pub struct MemoryLimit {
    bytes_max: usize,
    bytes: Arc<AtomicUsize>,
    table_elements: usize,
}

impl MemoryLimit {
    /// A limit of `bytes_max`; `bytes` is kept at what the instance has.
    pub fn new(bytes_max: usize, bytes: Arc<AtomicUsize>) -> Self {
        Self { bytes_max, bytes, table_elements: 0 }
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

/// Bounds how long a guest computes without giving control back.
///
/// Each tick of the epoch makes the guest yield, so that it never holds its thread for long. Ticks that follow each other
/// without a pause mean that the guest neither waits for anything nor ends; after `ticks_max` of them it traps.
pub struct CpuBudget {
    ticks_max: u64,
    ticks: u64,
    clock: Arc<AtomicU64>,
    /// The time of the last tick, or of the guest's return from the yield after it.
    last: Arc<AtomicU64>,
    /// Ticks of all instances of the component, for the metrics.
    used: Arc<AtomicU64>,
}

impl CpuBudget {
    /// A budget of `time`, measured with the clock of `ticker`; `used` is incremented at each tick.
    pub fn new(time: Duration, ticker: &Ticker, used: Arc<AtomicU64>) -> Self {
        let ticks_max = u64::try_from(time.as_millis() / TICK.as_millis()).unwrap_or(u64::MAX);
        Self {
            ticks_max: ticks_max.max(1),
            ticks: 0,
            clock: ticker.clock.clone(),
            last: Arc::default(),
            used,
        }
    }

    /// Notes that the guest did something useful: it accepted a request or called out.
    pub fn renew(&mut self) {
        self.ticks = 0;
    }

    /// Called at each tick in which the guest computes.
    pub fn tick(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let now = self.clock.load(Relaxed);
        // A guest that waited meets the passed deadline as soon as it runs again; that is no sign of a long computation.
        let continued = now.saturating_sub(self.last.load(Relaxed)) <= 2;
        self.last.store(now, Relaxed);
        if !continued {
            self.ticks = 0;
            return Ok(UpdateDeadline::Continue(1));
        }
        self.ticks += 1;
        self.used.fetch_add(1, Relaxed);
        if self.ticks > self.ticks_max {
            let limit = TICK.saturating_mul(u32::try_from(self.ticks_max).unwrap_or(u32::MAX));
            return Err(format_err!("the guest computed for more than {limit:?} without a pause"));
        }
        Ok(UpdateDeadline::YieldCustom(1, self.yield_to_others()))
    }

    /// Waiting for a turn must not count as a pause of the guest's own, so the clock is read again afterwards.
    fn yield_to_others(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (clock, last) = (self.clock.clone(), self.last.clone());
        Box::pin(async move {
            tokio::task::yield_now().await;
            last.store(clock.load(Relaxed), Relaxed);
        })
    }
}

/// The thread that advances an engine's epoch every [`TICK`]; it ends when this is dropped.
pub struct Ticker {
    clock: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Ticker {
    /// Starts the thread.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let ticker = Self { clock: Arc::default(), stop: Arc::default() };
        let (clock, stop, engine) = (ticker.clock.clone(), ticker.stop.clone(), engine.clone());
        thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while !stop.load(Relaxed) {
                thread::sleep(TICK);
                clock.fetch_add(1, Relaxed);
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

    fn budget(ticks: u32) -> (CpuBudget, Arc<AtomicU64>) {
        let ticker = Ticker { clock: Arc::default(), stop: Arc::default() };
        let clock = ticker.clock.clone();
        (CpuBudget::new(TICK * ticks, &ticker, Arc::default()), clock)
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let bytes = Arc::new(AtomicUsize::new(0));
        let mut limit = MemoryLimit::new(100, bytes.clone());
        assert!(limit.memory_growing(0, 60, None).unwrap());
        assert!(!limit.memory_growing(0, 60, None).unwrap());
        assert!(limit.memory_growing(60, 100, None).unwrap());
        assert_eq!(bytes.load(Relaxed), 100);
    }

    #[test]
    fn a_guest_that_never_pauses_traps_after_its_ticks() {
        let (mut budget, clock) = budget(3);
        for _ in 0..3 {
            clock.fetch_add(1, Relaxed);
            assert!(budget.tick().is_ok());
        }
        clock.fetch_add(1, Relaxed);
        assert!(budget.tick().is_err());
    }

    #[test]
    fn a_pause_or_a_new_request_renews_the_budget() {
        let (mut budget, clock) = budget(2);
        for round in 0..20_u64 {
            clock.fetch_add(if round % 2 == 0 { 50 } else { 1 }, Relaxed);
            assert!(budget.tick().is_ok(), "round {round}");
        }
        for _ in 0..20 {
            clock.fetch_add(1, Relaxed);
            budget.renew();
            assert!(budget.tick().is_ok());
        }
    }
}
