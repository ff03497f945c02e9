//! When an instance is thrown away.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime_wasi_http::handler::{WorkerExpiration, WorkerStatus};

use super::{TIMER_SLACK, Vitals};
use crate::metrics::ComponentMetrics;
use crate::settings::Settings;

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
        // Whoever is told of it comes after this poll, at the end of which the instance takes requests.
        self.vitals.say_whether_it_waits(true);
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
        self.vitals.expired.store(true, SeqCst);
        self.vitals.timed_out.store(status == WorkerStatus::Requests, SeqCst);
        let abandoned = self.vitals.abandoned.load(Relaxed);
        self.vitals.left_alone.store(status == WorkerStatus::PostReturn && abandoned, SeqCst);
        Poll::Ready(())
    }
}
