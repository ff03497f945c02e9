use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// How an engine keeps and limits a database. Every wait, queue and result has a bound.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that run read-only statements; by default one per core.
    pub readers: usize,
    /// Threads that may exist when readers wait for their consumers: each stream that nobody drains occupies one.
    pub readers_max: usize,
    /// Statements that share one commit at most.
    pub group_statements_max: usize,
    /// How long a group accepts further statements at least; where commits take long, it is a multiple of that. It never waits for a
    /// writer unless the group before had several.
    pub group_wait: Duration,
    /// Statements that may wait for the writer or for a reader, each; one more is refused with `Overloaded`.
    pub queue_max: usize,
    /// How long a session may keep a transaction open, counted from the moment it got the writer.
    pub transaction_time_max: Duration,
    /// How long one statement may run, and how long a query may compute between two deliveries of rows.
    pub statement_time_max: Duration,
    /// How long a stream's consumer may leave a chunk untouched before the stream is ended.
    pub stall_time_max: Duration,
    /// How long to wait for another process that is writing.
    pub busy_time_max: Duration,
    /// The largest result that is collected, and the largest single value, in bytes.
    pub result_bytes_max: usize,
    /// The largest size of the file in pages of 4 KiB; `None` is SQLite's own limit.
    pub pages_max: Option<u32>,
    /// Prepared statements that each connection keeps.
    pub statements_cached: usize,
    /// When a commit is durable.
    pub synchronous: Synchronous,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: thread::available_parallelism().map_or(2, NonZeroUsize::get),
            readers_max: 64,
            group_statements_max: 128,
            group_wait: Duration::from_millis(1),
            queue_max: 8192,
            transaction_time_max: Duration::from_secs(5),
            statement_time_max: Duration::from_secs(30),
            stall_time_max: Duration::from_secs(30),
            busy_time_max: Duration::from_secs(5),
            result_bytes_max: 128 << 20,
            pages_max: None,
            statements_cached: 256,
            synchronous: Synchronous::Full,
        }
    }
}

/// When a commit reaches the disk (<https://sqlite.org/pragma.html#pragma_synchronous>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Never: a power cut may damage the file. For databases that die with the process.
    Off,
    /// At checkpoints: a power cut may take the last commits, the file stays sound.
    Normal,
    /// Before every answer: what was answered survives a power cut.
    Full,
}

impl Synchronous {
    /// The number by which SQLite reports the level.
    pub(crate) fn level(self) -> i64 {
        match self {
            Self::Off => 0,
            Self::Normal => 1,
            Self::Full => 2,
        }
    }
}
