//! The bound of the writer's queue.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many jobs wait.
///
/// The queue itself is unbounded, because a thread of the async runtime must not wait for room; this count bounds it.
#[derive(Debug, Default)]
pub struct Depth(AtomicUsize);

impl Depth {
    /// Counts one more job unless `max` wait already.
    pub fn enter(&self, max: usize) -> bool {
        let counted = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |depth| {
            (depth < max).then_some(depth + 1)
        });
        counted.is_ok()
    }

    /// Counts one job less.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
