use std::fmt;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures::future::{Either, select};

use crate::EgressError;
use crate::platform::sleep;

/// A limit on the time of things that come one after the other, as the pieces of a stream do.
///
/// Where [`crate::within`] sets a timer for each and takes it back, this keeps one, and looks when that rings how long there really is to wait: a
/// timer is two calls of the host's, which is much of what passing on a small piece costs.
#[derive(Default)]
pub struct Patience(Option<Timer>);

struct Timer {
    /// `None` for a time that no clock can show.
    rings_at: Option<Instant>,
    ring: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Patience {
    /// Gives up on something after a while.
    ///
    /// # Errors
    /// [`EgressError::Timeout`].
    pub async fn within<F: Future>(
        &mut self,
        longest: Duration,
        work: F,
    ) -> Result<F::Output, EgressError> {
        let begun = Instant::now();
        // One that is set for a later time would ring too late for this.
        self.0.take_if(|timer| {
            timer.rings_at.is_none_or(|at| longest < at.saturating_duration_since(begun))
        });
        let mut work = pin!(work);
        loop {
            let left = longest.saturating_sub(begun.elapsed());
            let timer = self.0.get_or_insert_with(|| Timer::new(left));
            match select(work.as_mut(), &mut timer.ring).await {
                Either::Left((outcome, _)) => return Ok(outcome),
                Either::Right(((), _)) => self.0 = None,
            }
            if longest <= begun.elapsed() {
                return Err(EgressError::Timeout);
            }
        }
    }
}

impl Timer {
    fn new(time: Duration) -> Self {
        let rings_at = Instant::now().checked_add(time);
        Self { rings_at, ring: Box::pin(sleep(time)) }
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").finish_non_exhaustive()
    }
}
