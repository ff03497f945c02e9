use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use rusqlite::types::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::error::EngineError;
use crate::group::{Outcome, Reply, Unit};
use crate::learned::{Control, Learned, Texts};
use crate::metrics::{Counters, Metrics};
use crate::options::{Options, Synchronous};
use crate::queue::Depth;
use crate::readers::{self, Readers};
use crate::run::QueryResult;
use crate::session::Session;
use crate::stream::{Pipe, RowStream};
use crate::writer::{self, Writer};

/// An open database. Clones share it.
///
/// It closes when [`close`](Self::close) is called, or when the last clone and the last [`Session`] are dropped; then the
/// write-ahead log is copied into the file in the background.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    options: Options,
    texts: Arc<Texts>,
    counters: Arc<Counters>,
    readers: Arc<Readers>,
    writer: Sender<writer::Job>,
    depth: Arc<Depth>,
    closed: AtomicBool,
}

impl Engine {
    /// Opens the database file at `path`, creating it for its owner alone if it does not exist.
    ///
    /// # Errors
    /// [`EngineError::Open`] with the reason: a missing folder, no permission, a file of another kind, a damaged file, a file
    /// that another process holds for longer than `Options::busy_time_max`.
    pub fn open(path: &Path, options: Options) -> Result<Self, EngineError> {
        Self::start(path.to_owned(), options, None, "")
    }

    /// A new, empty database that nobody else can open and that goes away with the engine.
    ///
    /// It lives in a folder of its own among the system's temporary files, so that it behaves in every respect as a database
    /// file does, but nothing waits for the disk.
    ///
    /// # Errors
    /// [`EngineError::Open`] when the folder cannot be made.
    pub fn in_memory(options: Options) -> Result<Self, EngineError> {
        Self::in_memory_with(options, "")
    }

    pub(crate) fn in_memory_with(mut options: Options, setup: &str) -> Result<Self, EngineError> {
        let folder = tempfile::Builder::new().prefix("database-").tempdir().map_err(|error| {
            EngineError::Open { path: std::env::temp_dir(), reason: error.to_string() }
        })?;
        options.synchronous = Synchronous::Off;
        Self::start(folder.path().join("temporary.db"), options, Some(folder), setup)
    }

    /// Opens the file and runs `setup`, which may be empty, before anything else.
    pub(crate) fn start(
        path: PathBuf,
        options: Options,
        folder: Option<TempDir>,
        setup: &str,
    ) -> Result<Self, EngineError> {
        let connection = Connection::open_writer(&path, &options)?;
        if !setup.is_empty() {
            connection.run_own(setup, &[])?;
        }
        let texts = Arc::new(Texts::new());
        let counters = Arc::new(Counters::default());
        let depth = Arc::new(Depth::default());
        let readers = Readers::new(path.clone(), options.clone(), Arc::clone(&counters));
        let (sender, receiver) = channel();
        let writer = Writer::new(
            connection,
            options.clone(),
            Arc::clone(&counters),
            Arc::clone(&texts),
            (receiver, Arc::clone(&depth)),
            Arc::clone(&readers),
        );
        let work = move || {
            writer.run();
            drop(folder);
        };
        thread::Builder::new()
            .name("engine-writer".to_owned())
            .spawn(work)
            .map_err(|error| EngineError::Open { path: path.clone(), reason: error.to_string() })?;
        let closed = AtomicBool::new(false);
        let inner =
            Inner { path, options, texts, counters, readers, writer: sender, depth, closed };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs one statement. If it writes, the answer comes after its commit is durable.
    ///
    /// A write whose future is dropped still runs if it was queued, but never by half; a read is interrupted.
    ///
    /// # Errors
    /// See [`EngineError`]; the statement had no effect.
    pub async fn execute(
        &self,
        sql: impl Into<String>,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, EngineError> {
        let sql = sql.into();
        let learned = self.learned(&sql).await?;
        if learned.control != Control::None {
            let what = "a transaction takes a session, or a batch".to_owned();
            return Err(EngineError::Denied { what });
        }
        if learned.suits_any_connection() {
            return self.read(&learned, sql, parameters).await;
        }
        let outcome = self.write(vec![(sql, parameters)], None).await?.pop();
        outcome.map(|outcome| outcome.result).ok_or(EngineError::Closed)
    }

    /// Runs the statements in order in one transaction: all take effect, or none. They share a commit with other writers.
    ///
    /// # Errors
    /// That of the first statement that failed; nothing took effect.
    pub async fn batch(
        &self,
        statements: Vec<(String, Vec<Value>)>,
    ) -> Result<Vec<QueryResult>, EngineError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = self.write(statements, None).await?;
        Ok(outcomes.into_iter().map(|outcome| outcome.result).collect())
    }

    /// A client's view of the database with its own transactions. Costs next to nothing until it is used.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// What happened since the database was opened.
    pub fn metrics(&self) -> Metrics {
        self.inner.counters.snapshot()
    }

    /// Finishes what is queued, ends all reading, copies the write-ahead log into the file and closes it.
    ///
    /// All clones are closed from then on; closing again does nothing.
    ///
    /// # Errors
    /// When the log could not be copied. Nothing is lost then: it is read at the next opening.
    pub async fn close(&self) -> Result<(), EngineError> {
        if self.inner.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (reply, answer) = oneshot::channel();
        if self.inner.writer.send(writer::Job::Close(reply)).is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }

    /// What is known about a text; asks a reader to prepare it the first time.
    pub(crate) async fn learned(&self, sql: &str) -> Result<Arc<Learned>, EngineError> {
        if let Some(learned) = self.inner.texts.get(sql) {
            return Ok(learned);
        }
        let (reply, answer) = oneshot::channel();
        self.push_read(readers::Job::Learn { sql: sql.to_owned(), reply })?;
        let learned = Arc::new(answer.await.unwrap_or(Err(EngineError::Closed))?);
        self.inner.texts.put(sql, &learned);
        Ok(learned)
    }

    pub(crate) async fn read(
        &self,
        learned: &Learned,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, EngineError> {
        check_read(learned)?;
        if let Some(result) = self.read_here(learned, &sql, &parameters) {
            return result;
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancelled));
        let (reply, answer) = oneshot::channel();
        self.push_read(readers::Job::Collect { sql, parameters, cancelled, reply })?;
        answer.await.unwrap_or(Err(EngineError::Closed))
    }

    pub(crate) async fn stream(
        &self,
        learned: &Learned,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<RowStream, EngineError> {
        check_read(learned)?;
        // What fails is run again by a reader, so that the chunks ahead of the failure come first, however short a time they take.
        if let Some(Ok(result)) = self.read_here(learned, &sql, &parameters) {
            return Ok(RowStream::collected(result));
        }
        let pipe = Arc::new(Pipe::default());
        let (reply, answer) = oneshot::channel();
        // Made before the columns are known so that dropping this future ends the query.
        let mut stream = RowStream::piped(Arc::from([]), Arc::clone(&pipe));
        self.push_read(readers::Job::Stream { sql, parameters, pipe, reply })?;
        stream.set_columns(answer.await.unwrap_or(Err(EngineError::Closed))?);
        Ok(stream)
    }

    /// Runs a short statement on this thread; `None` when a reader is to run it.
    fn read_here(
        &self,
        learned: &Learned,
        sql: &str,
        parameters: &[Value],
    ) -> Option<Result<QueryResult, EngineError>> {
        if self.inner.closed.load(Ordering::Acquire) {
            return Some(Err(EngineError::Closed));
        }
        self.inner.readers.inline.collect(&learned.pace, sql, parameters)
    }

    /// Queues statements for the writer as one unit.
    pub(crate) async fn write(
        &self,
        statements: Vec<(String, Vec<Value>)>,
        rowid: Option<i64>,
    ) -> Result<Vec<Outcome>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.push_write(writer::Job::Unit(Unit {
            statements,
            rowid,
            queued: Instant::now(),
            reply,
        }))?;
        wait(answer).await
    }

    pub(crate) fn push_write(&self, job: writer::Job) -> Result<(), EngineError> {
        let inner = &*self.inner;
        if inner.closed.load(Ordering::Acquire) {
            return Err(EngineError::Closed);
        }
        if !inner.depth.enter(inner.options.queue_max) {
            return Err(EngineError::Overloaded);
        }
        inner.writer.send(job).map_err(|_| EngineError::Closed)
    }

    fn push_read(&self, job: readers::Job) -> Result<(), EngineError> {
        if self.inner.closed.load(Ordering::Acquire) {
            return Err(EngineError::Closed);
        }
        self.inner.readers.push(job)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

/// The answer of the writer; it drops the sender only when it ends.
pub(crate) async fn wait<T>(
    answer: oneshot::Receiver<Result<T, EngineError>>,
) -> Result<T, EngineError> {
    answer.await.unwrap_or(Err(EngineError::Closed))
}

fn check_read(learned: &Learned) -> Result<(), EngineError> {
    if learned.reads_changes {
        let what =
            "changes() and total_changes() outside a transaction, where connections are shared";
        return Err(EngineError::Denied { what: what.to_owned() });
    }
    Ok(())
}

/// Interrupts a read that nobody waits for any more.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const _: fn() = || {
    fn assert_send_sync<T: Send + Sync + 'static>() {}
    assert_send_sync::<Engine>();
    assert_send_sync::<Session>();
    assert_send_sync::<Reply<()>>();
};
