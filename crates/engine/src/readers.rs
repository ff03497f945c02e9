//! The threads that run read-only statements, each with its own connection.
//!
//! There are `Options::readers` of them that run. One that waits for the consumer of a stream does not count as running: another
//! takes its place, up to `Options::readers_max` threads, so that a consumer that stalls cannot hold up the others.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use rusqlite::types::Value;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::error::EngineError;
use crate::inline::Inline;
use crate::learned::Learned;
use crate::metrics::Counters;
use crate::options::Options;
use crate::run::{self, QueryResult};
use crate::stream::{CHUNK_BYTES, CHUNK_ROWS, Chunk, Pipe};

type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What a reader can do.
pub enum Job {
    Learn {
        sql: String,
        reply: Reply<Learned>,
    },
    Collect {
        sql: String,
        parameters: Vec<Value>,
        cancelled: Arc<AtomicBool>,
        reply: Reply<QueryResult>,
    },
    Stream {
        sql: String,
        parameters: Vec<Value>,
        pipe: Arc<Pipe>,
        reply: Reply<Arc<[String]>>,
    },
}

impl Job {
    fn fail(self, error: EngineError) {
        match self {
            Self::Learn { reply, .. } => drop(reply.send(Err(error))),
            Self::Collect { reply, .. } => drop(reply.send(Err(error))),
            Self::Stream { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// The pool of readers.
pub struct Readers {
    /// For what is short enough to run where it is asked for.
    pub inline: Inline,
    path: PathBuf,
    options: Options,
    counters: Arc<Counters>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
    stalled: usize,
    closed: bool,
    pipes: Vec<Weak<Pipe>>,
}

impl Readers {
    pub fn new(path: PathBuf, options: Options, counters: Arc<Counters>) -> Arc<Self> {
        let inline = Inline::new(path.clone(), options.clone(), Arc::clone(&counters));
        let state = Mutex::default();
        Arc::new(Self { inline, path, options, counters, state, changed: Condvar::new() })
    }

    /// Hands a job to the next free reader.
    pub fn push(self: &Arc<Self>, job: Job) -> Result<(), EngineError> {
        let mut state = self.state();
        if state.closed {
            return Err(EngineError::Closed);
        }
        if self.options.queue_max <= state.queue.len() {
            return Err(EngineError::Overloaded);
        }
        if let Job::Stream { pipe, .. } = &job {
            state.pipes.retain(|pipe| 0 < pipe.strong_count());
            state.pipes.push(Arc::downgrade(pipe));
        }
        state.queue.push_back(job);
        self.changed.notify_one();
        self.spawn_if_needed(&mut state)
    }

    /// Ends all reading and waits until the connections are closed.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for job in state.queue.drain(..) {
            job.fail(EngineError::Closed);
        }
        for pipe in state.pipes.drain(..).filter_map(|pipe| pipe.upgrade()) {
            pipe.finish(Err(EngineError::Closed));
            pipe.abandon();
        }
        self.changed.notify_all();
        while 0 < state.threads {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.inline.close();
    }

    fn spawn_if_needed(self: &Arc<Self>, state: &mut State) -> Result<(), EngineError> {
        let running = state.threads - state.stalled;
        let is_full =
            self.options.readers.max(1) <= running || self.options.readers_max <= state.threads;
        if state.queue.len() <= state.idle || is_full {
            return Ok(());
        }
        let readers = Arc::clone(self);
        let spawned =
            thread::Builder::new().name("engine-reader".to_owned()).spawn(move || readers.run());
        match spawned {
            Ok(_) => {
                state.threads += 1;
                self.counters.readers.store(state.threads as u64, Ordering::Relaxed);
                Ok(())
            }
            // Without any thread the job would wait for ever.
            Err(error) if state.threads == 0 => {
                state.queue.clear();
                Err(EngineError::Io { message: format!("no thread can be started: {error}") })
            }
            Err(_) => Ok(()),
        }
    }

    fn run(self: Arc<Self>) {
        let connection = Connection::open_reader(&self.path, &self.options);
        while let Some(job) = self.next_job() {
            match &connection {
                Ok(connection) => {
                    // A defect in the binding must cost one statement, not the thread and what waits for it.
                    let work = AssertUnwindSafe(|| self.work(connection, job));
                    if catch_unwind(work).is_err() {
                        tracing::error!("a reader of the database panicked");
                    }
                }
                Err(error) => {
                    job.fail(error.clone());
                    for job in self.state().queue.drain(..) {
                        job.fail(error.clone());
                    }
                    break;
                }
            }
        }
        drop(connection);
        let mut state = self.state();
        state.threads -= 1;
        self.counters.readers.store(state.threads as u64, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// Waits for the next job; `None` when this thread is to end.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            let surplus = self.options.readers.max(1) < state.threads - state.stalled;
            if state.closed || surplus {
                return None;
            }
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn work(self: &Arc<Self>, connection: &Connection, job: Job) {
        let deadline = Some(Instant::now() + self.options.statement_time_max);
        match job {
            Job::Learn { sql, reply } => {
                connection.set_brake(deadline, None);
                drop(reply.send(connection.learn(&sql)));
            }
            Job::Collect { sql, parameters, cancelled, reply } => {
                connection.set_brake(deadline, Some(cancelled));
                let bytes_max = self.options.result_bytes_max;
                let result = run::collect(connection, &self.counters, &sql, &parameters, bytes_max);
                drop(reply.send(result.map(|(result, _)| result)));
            }
            Job::Stream { sql, parameters, pipe, reply } => {
                connection.set_brake(deadline, Some(Arc::clone(&pipe.abandoned)));
                let _end_in_any_case = EndOnDrop(&pipe);
                let mut delivery = Delivery { pipe: &pipe, reply: Some(reply), columns: None };
                let end = self.stream(connection, &sql, &parameters, &mut delivery);
                delivery.end(end);
            }
        }
    }

    fn stream(
        self: &Arc<Self>,
        connection: &Connection,
        sql: &str,
        parameters: &[Value],
        delivery: &mut Delivery<'_>,
    ) -> Result<(), EngineError> {
        let mut statement = run::prepare(connection, &self.counters, sql, parameters)?;
        let mut rows = statement.raw_query();
        let mut chunk = Chunk::new();
        let mut bytes = 0;
        while let Some(row) = rows.next().map_err(|error| connection.failure(error))? {
            let (values, size) = run::read_row(row)?;
            if self.options.result_bytes_max < size {
                return Err(EngineError::TooLarge);
            }
            delivery.columns.get_or_insert_with(|| run::column_names(row.as_ref()));
            chunk.push(values);
            bytes += size;
            if CHUNK_ROWS <= chunk.len() || CHUNK_BYTES <= bytes {
                self.wait_for_room(delivery.pipe)?;
                delivery.put(std::mem::take(&mut chunk));
                connection.set_deadline(Instant::now() + self.options.statement_time_max);
                bytes = 0;
            }
        }
        drop(rows);
        delivery.columns.get_or_insert_with(|| run::column_names(&statement));
        if !chunk.is_empty() {
            self.wait_for_room(delivery.pipe)?;
            delivery.pipe.put(chunk);
        }
        Ok(())
    }

    /// While this thread waits for its consumer, another one takes its place.
    fn wait_for_room(self: &Arc<Self>, pipe: &Pipe) -> Result<(), EngineError> {
        if pipe.has_room() {
            return Ok(());
        }
        let mut state = self.state();
        state.stalled += 1;
        // If no thread can be started now, what is queued waits a little longer.
        drop(self.spawn_if_needed(&mut state));
        drop(state);
        let room = pipe.wait_for_room(self.options.stall_time_max);
        self.state().stalled -= 1;
        room
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The consumer's side of a stream. It is told of the columns once the first chunk, or all of a small result, is there to be
/// taken, so that a small result costs one wake-up.
struct Delivery<'pipe> {
    pipe: &'pipe Pipe,
    reply: Option<Reply<Arc<[String]>>>,
    columns: Option<Arc<[String]>>,
}

impl Delivery<'_> {
    fn put(&mut self, chunk: Chunk) {
        self.pipe.put(chunk);
        self.tell_columns();
    }

    fn end(mut self, end: Result<(), EngineError>) {
        match (self.reply.take(), end) {
            (Some(reply), Err(error)) => drop(reply.send(Err(error))),
            (reply, end) => {
                self.reply = reply;
                self.pipe.finish(end);
                self.tell_columns();
            }
        }
    }

    fn tell_columns(&mut self) {
        if let (Some(reply), Some(columns)) = (self.reply.take(), self.columns.take()) {
            drop(reply.send(Ok(columns)));
        }
    }
}

/// Keeps a consumer from waiting for a reader that panicked.
struct EndOnDrop<'pipe>(&'pipe Pipe);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.finish(Err(EngineError::Closed));
    }
}
