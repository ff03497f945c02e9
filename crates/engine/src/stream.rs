//! Rows on their way from a reader's thread to a consumer, a bounded number of chunks at a time.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rusqlite::types::Value;

use crate::error::EngineError;
use crate::run::QueryResult;

/// Chunks that may wait for the consumer.
const CHUNKS_MAX: usize = 4;
/// Rows and bytes after which a chunk is handed over.
pub const CHUNK_ROWS: usize = 256;
pub const CHUNK_BYTES: usize = 256 << 10;

/// Rows in the order in which the database gave them.
pub type Chunk = Vec<Vec<Value>>;

/// The rows of a query, in chunks. Dropping it ends the query.
pub struct RowStream {
    columns: Arc<[String]>,
    source: Source,
}

enum Source {
    Collected(Chunk),
    Piped(Arc<Pipe>),
}

impl RowStream {
    /// The names of the columns.
    pub fn columns(&self) -> &Arc<[String]> {
        &self.columns
    }

    /// The next rows, at least one; `None` after the last.
    ///
    /// # Errors
    /// Why the query could not be finished. There are no rows after an error.
    pub async fn next(&mut self) -> Result<Option<Chunk>, EngineError> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`next`](Self::next), for consumers that are polled themselves.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, EngineError>> {
        match &mut self.source {
            Source::Collected(rows) => {
                let rest = rows.split_off(rows.len().min(CHUNK_ROWS));
                let chunk = mem::replace(rows, rest);
                Poll::Ready(Ok((!chunk.is_empty()).then_some(chunk)))
            }
            Source::Piped(pipe) => pipe.poll_take(context),
        }
    }

    /// The stream of a result that is there already.
    pub(crate) fn collected(result: QueryResult) -> Self {
        Self { columns: result.columns, source: Source::Collected(result.rows) }
    }

    pub(crate) fn set_columns(&mut self, columns: Arc<[String]>) {
        self.columns = columns;
    }

    pub(crate) fn piped(columns: Arc<[String]>, pipe: Arc<Pipe>) -> Self {
        Self { columns, source: Source::Piped(pipe) }
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        if let Source::Piped(pipe) = &self.source {
            pipe.abandon();
        }
    }
}

impl fmt::Debug for RowStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RowStream").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// A bounded channel between a thread that may block and a consumer that must not.
#[derive(Default)]
pub struct Pipe {
    state: Mutex<PipeState>,
    room: Condvar,
    /// Set once nobody takes any more; also stops a statement that computes.
    pub abandoned: Arc<AtomicBool>,
}

#[derive(Default)]
struct PipeState {
    chunks: VecDeque<Chunk>,
    end: Option<Result<(), EngineError>>,
    waker: Option<Waker>,
}

impl Pipe {
    /// Whether a chunk can be put without waiting.
    pub fn has_room(&self) -> bool {
        self.state().chunks.len() < CHUNKS_MAX
    }

    /// Waits for room, but for `time_max` at most.
    pub fn wait_for_room(&self, time_max: Duration) -> Result<(), EngineError> {
        let until = Instant::now() + time_max;
        let mut state = self.state();
        while CHUNKS_MAX <= state.chunks.len() {
            let left = until.saturating_duration_since(Instant::now());
            if self.abandoned.load(Ordering::Relaxed) || left.is_zero() {
                return Err(EngineError::TimeLimit);
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    pub fn put(&self, chunk: Chunk) {
        let mut state = self.state();
        state.chunks.push_back(chunk);
        wake(state);
    }

    /// Ends the stream, after the chunks that still wait.
    pub fn finish(&self, end: Result<(), EngineError>) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(end);
        }
        wake(state);
    }

    /// Nobody takes any more, or nobody shall.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        // Under the lock, so that a thread about to wait cannot miss it.
        let state = self.state();
        self.room.notify_all();
        drop(state);
    }

    fn poll_take(&self, context: &Context<'_>) -> Poll<Result<Option<Chunk>, EngineError>> {
        let mut state = self.state();
        if let Some(chunk) = state.chunks.pop_front() {
            self.room.notify_all();
            return Poll::Ready(Ok(Some(chunk)));
        }
        if let Some(end) = &mut state.end {
            return Poll::Ready(mem::replace(end, Ok(())).map(|()| None));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, PipeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the consumer after the lock is released.
fn wake(mut state: MutexGuard<'_, PipeState>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
