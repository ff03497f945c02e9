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
    rings_at: Instant,
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
        self.0.take_if(|timer| longest < timer.rings_at.saturating_duration_since(begun));
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
        let now = Instant::now();
        // A time that no clock can show does not come.
        let rings_at = now.checked_add(time).unwrap_or(now);
        Self { rings_at, ring: Box::pin(sleep(time)) }
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn each_thing_has_its_own_time() {
        let mut patience = Patience::default();
        for _ in 0..3 {
            assert_eq!(patience.within(LONG, ready(7)).await, Ok(7));
            assert_eq!(patience.within(SHORT, pending::<()>()).await, Err(EgressError::Timeout));
        }
        assert_eq!(patience.within(SHORT, ready(7)).await, Ok(7));
        assert_eq!(patience.within(Duration::MAX, ready(7)).await, Ok(7));
        assert_eq!(
            patience.within(Duration::ZERO, pending::<()>()).await,
            Err(EgressError::Timeout)
        );
    }

    #[tokio::test]
    async fn what_takes_its_time_again_and_again_is_waited_for() {
        let mut patience = Patience::default();
        for _ in 0..10 {
            // Together they take longer than one may.
            let work = sleep(SHORT);
            assert_eq!(patience.within(SHORT * 8, work).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn an_older_timer_ends_nothing_early() {
        let mut patience = Patience::default();
        assert_eq!(patience.within(SHORT, ready(7)).await, Ok(7));
        assert_eq!(patience.within(LONG, sleep(SHORT * 3)).await, Ok(()));
    }
}
