//! Short reads, on the thread that asks for them.
//!
//! A page of messages takes less time than it takes to wake a reader's thread and to be woken by it. Whoever asks is one of the few threads on which
//! everything else runs as well, so a statement has to be done within [`TIME_MAX`] there. One that is not is interrupted, runs on a reader's
//! thread instead, and is not tried here again soon.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;

use crate::connection::Connection;
use crate::error::EngineError;
use crate::metrics::Counters;
use crate::options::Options;
use crate::run::{self, QueryResult};

/// How long a statement may run here: what is short takes a tenth of it, unless its thread has to let others run meanwhile.
const TIME_MAX: Duration = Duration::from_millis(2);

/// The largest result that is collected here. Copying a larger one takes its time as well.
const BYTES_MAX: usize = 1 << 20;

/// How often a text that was too slow runs elsewhere before it is tried again: at first, and at most.
const SKIPS_MIN: u32 = 16;
const SKIPS_MAX: u32 = 4096;

/// Whether a text is worth trying. Texts of which nothing is known are.
#[derive(Debug, Default)]
pub struct Pace {
    /// Runs elsewhere until the next attempt.
    skips: AtomicU32,
    /// How many there were before the last attempt that was too slow.
    penalty: AtomicU32,
}

impl Clone for Pace {
    fn clone(&self) -> Self {
        let copy = |number: &AtomicU32| AtomicU32::new(number.load(Relaxed));
        Self { skips: copy(&self.skips), penalty: copy(&self.penalty) }
    }
}

impl Pace {
    fn allows(&self) -> bool {
        self.skips.fetch_update(Relaxed, Relaxed, |skips| skips.checked_sub(1)).is_err()
    }

    fn was(&self, good: bool) {
        let penalty = self.penalty.load(Relaxed);
        if good {
            self.penalty.store(penalty / 2, Relaxed);
        } else {
            let penalty = penalty.saturating_mul(2).clamp(SKIPS_MIN, SKIPS_MAX);
            self.penalty.store(penalty, Relaxed);
            self.skips.store(penalty, Relaxed);
        }
    }
}

/// Connections for short reads. There are as many as there are readers.
pub struct Inline {
    path: PathBuf,
    options: Options,
    counters: Arc<Counters>,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    open: usize,
    closed: bool,
}

impl Inline {
    pub fn new(path: PathBuf, options: Options, counters: Arc<Counters>) -> Self {
        Self { path, options, counters, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs a statement that reads; `None` when a reader's thread should do it.
    pub fn collect(
        &self,
        pace: &Pace,
        sql: &str,
        parameters: &[Value],
    ) -> Option<Result<QueryResult, EngineError>> {
        if !pace.allows() {
            return None;
        }
        let mut place = self.place()?;
        let connection = place.connection()?;
        connection.set_brake(Some(Instant::now() + TIME_MAX), None);
        let bytes_max = self.options.result_bytes_max.min(BYTES_MAX);
        let work = || run::collect(connection, &self.counters, sql, parameters, bytes_max);
        // A defect in the binding is met again, and reported, where it costs only a thread that reads.
        let result = catch_unwind(AssertUnwindSafe(work)).ok()?;
        pace.was(!matches!(result, Err(EngineError::TimeLimit | EngineError::TooLarge)));
        match result {
            Err(EngineError::TimeLimit | EngineError::TooLarge | EngineError::Busy) => None,
            result => Some(result.map(|(result, _)| result)),
        }
    }

    /// Closes the connections, of which those in use come back within [`TIME_MAX`].
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.open -= state.idle.len();
        state.idle.clear();
        while 0 < state.open {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn place(&self) -> Option<Place<'_>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let connection = state.idle.pop();
        if connection.is_none() {
            if self.options.readers.max(1) <= state.open {
                return None;
            }
            state.open += 1;
        }
        drop(state);
        Some(Place { inline: self, connection })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use, or the right to open one.
struct Place<'inline> {
    inline: &'inline Inline,
    connection: Option<Connection>,
}

impl Place<'_> {
    /// `None` when it cannot be opened: whoever reads elsewhere meets the same and says why.
    fn connection(&mut self) -> Option<&Connection> {
        if self.connection.is_none() {
            let connection =
                Connection::open_reader(&self.inline.path, &self.inline.options).ok()?;
            // Nothing is waited for here.
            connection.set_busy_time(Duration::ZERO).ok()?;
            self.connection = Some(connection);
        }
        self.connection.as_ref()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.inline.state();
        match self.connection.take() {
            Some(connection) if !state.closed => state.idle.push(connection),
            connection => {
                state.open -= 1;
                drop(connection);
                self.inline.returned.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    /// Counts to `number`, a row each.
    const COUNT: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT i FROM n";
    const SUM: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT sum(i) FROM n";

    #[test]
    fn a_text_that_was_slow_is_left_alone_for_longer_each_time() {
        let pace = Pace::default();
        let mut skipped = Vec::new();
        for _ in 0..10 {
            assert!(pace.allows());
            pace.was(false);
            let mut skips = 0;
            while !pace.allows() {
                skips += 1;
            }
            // That look was an attempt too.
            pace.was(true);
            pace.was(false);
            skipped.push(skips);
            while !pace.allows() {}
            pace.was(false);
            pace.skips.store(0, Relaxed);
        }
        assert_eq!(skipped.first(), Some(&SKIPS_MIN));
        assert_eq!(skipped.last(), Some(&SKIPS_MAX));
        assert!(skipped.is_sorted());
    }

    #[tokio::test]
    async fn what_is_short_needs_no_thread_and_what_is_long_has_one() {
        let engine = Engine::in_memory(Options::default()).unwrap();
        for number in 0..50 {
            let result = engine.execute(SUM, vec![Value::Integer(10)]).await.unwrap();
            assert_eq!(result.rows, [[Value::Integer(55)]], "{number}");
        }
        // A text of its own, of which nothing is known yet.
        let sum = format!("{SUM} WHERE 0 < i");
        let before = engine.metrics();
        let result = engine.execute(&sum, vec![Value::Integer(3_000_000)]).await.unwrap();
        assert_eq!(result.rows, [[Value::Integer(4_500_001_500_000)]]);
        // It was begun here and done there.
        assert_eq!(engine.metrics().statements - before.statements, 2);
        let before = engine.metrics();
        engine.execute(&sum, vec![Value::Integer(3_000_000)]).await.unwrap();
        assert_eq!(engine.metrics().statements - before.statements, 1);
    }

    #[tokio::test]
    async fn results_of_any_size_are_whole() {
        let engine = Engine::in_memory(Options::default()).unwrap();
        let sql = "SELECT zeroblob(?1)";
        for size in [0, BYTES_MAX - 1000, BYTES_MAX, 4 * BYTES_MAX] {
            let parameters = vec![Value::Integer(i64::try_from(size).unwrap())];
            let result = engine.execute(sql, parameters).await.unwrap();
            assert_eq!(result.rows, [[Value::Blob(vec![0; size])]]);
        }
        for rows in [0, 1, 255, 256, 257, 20_000] {
            let mut stream =
                engine.session().stream(COUNT, vec![Value::Integer(rows)]).await.unwrap();
            let mut seen = 0;
            while let Some(chunk) = stream.next().await.unwrap() {
                seen += chunk.len();
            }
            assert_eq!(seen, usize::try_from(rows.max(1)).unwrap());
        }
    }

    #[tokio::test]
    async fn an_error_is_told_as_elsewhere() {
        let engine = Engine::in_memory(Options::default()).unwrap();
        let error = engine.execute("SELECT json_extract(?1, '$')", vec!["{".to_owned().into()]);
        assert!(matches!(error.await, Err(EngineError::Sqlite { .. })));
        let error = engine.execute("SELECT ?1", vec![]).await;
        assert!(matches!(error, Err(EngineError::Sqlite { code: 25, .. })), "{error:?}");
    }

    #[tokio::test]
    async fn after_closing_nothing_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = Engine::open(&path, Options::default()).unwrap();
        engine.execute("SELECT 1", vec![]).await.unwrap();
        engine.close().await.unwrap();
        assert_eq!(engine.execute("SELECT 1", vec![]).await, Err(EngineError::Closed));
        // The last connection that closes removes the log.
        assert!(!folder.path().join("a.db-wal").exists());
    }
}
