use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets of [`Metrics::group_sizes`]; the last bucket is open.
pub const GROUP_SIZE_BOUNDS: [u64; 6] = [1, 2, 4, 16, 64, 128];

/// Counters of one engine since it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Statements that ran, successful or not.
    pub statements: u64,
    /// Statements that found themselves prepared.
    pub statements_cached: u64,
    /// Commits.
    pub groups: u64,
    /// Statements, batches and transactions that these commits made durable.
    pub grouped: u64,
    /// How many groups had up to [`GROUP_SIZE_BOUNDS`] members; one bucket more for larger ones.
    pub group_sizes: [u64; 7],
    /// Time spent in COMMIT, which is mostly waiting for the disk.
    pub commit_time: Duration,
    /// Transactions that sessions opened.
    pub transactions: u64,
    /// Transactions that were open for too long.
    pub transactions_timed_out: u64,
    /// Groups whose members had to be run again one by one, because one of them ended the transaction of all.
    pub replays: u64,
    /// Threads for reading, now.
    pub readers: u64,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub struct Counters {
    pub statements: AtomicU64,
    pub statements_cached: AtomicU64,
    pub transactions: AtomicU64,
    pub transactions_timed_out: AtomicU64,
    pub replays: AtomicU64,
    pub readers: AtomicU64,
    groups: AtomicU64,
    grouped: AtomicU64,
    group_sizes: [AtomicU64; 7],
    commit_nanoseconds: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn committed(&self, size: usize, took: Duration) {
        let size = size as u64;
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.grouped.fetch_add(size, Ordering::Relaxed);
        let bucket = GROUP_SIZE_BOUNDS.iter().take_while(|bound| **bound < size).count();
        if let Some(bucket) = self.group_sizes.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub fn snapshot(&self) -> Metrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Metrics {
            statements: read(&self.statements),
            statements_cached: read(&self.statements_cached),
            groups: read(&self.groups),
            grouped: read(&self.grouped),
            group_sizes: self.group_sizes.each_ref().map(read),
            commit_time: Duration::from_nanos(read(&self.commit_nanoseconds)),
            transactions: read(&self.transactions),
            transactions_timed_out: read(&self.transactions_timed_out),
            replays: read(&self.replays),
            readers: read(&self.readers),
        }
    }
}
