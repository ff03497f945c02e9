use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use rusqlite::types::Value;
use tokio::sync::{Mutex, MutexGuard, oneshot};

use crate::engine::{Engine, wait};
use crate::error::EngineError;
use crate::group::Outcome;
use crate::learned::Control;
use crate::lease::{Command, End, Ending, Lease};
use crate::run::QueryResult;
use crate::stream::RowStream;
use crate::writer::Job;

/// One client's view of a database: what a connection is to SQLite's own users.
///
/// Statements outside a transaction run on whatever connection is free. `BEGIN` or `SAVEPOINT` gives the session the writer
/// for itself until `COMMIT` or `ROLLBACK`, for `Options::transaction_time_max` at most. Dropping the session rolls an open
/// transaction back. A session's statements run one after the other.
pub struct Session {
    engine: Engine,
    transaction: Mutex<Transaction>,
    last_insert_rowid: AtomicI64,
    changes: AtomicU64,
}

enum Transaction {
    None,
    Open {
        commands: Sender<Command>,
        ending: Arc<Ending>,
    },
    /// It ended without the client's doing; the client has not said COMMIT or ROLLBACK yet.
    Broken(EngineError),
}

impl Session {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            transaction: Mutex::new(Transaction::None),
            last_insert_rowid: AtomicI64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// Runs one statement and collects its rows.
    ///
    /// # Errors
    /// See [`EngineError`]. [`EngineError::TransactionTimeout`] comes back for every statement until COMMIT or ROLLBACK, which
    /// tells it once more and makes the session usable again.
    pub async fn execute(
        &self,
        sql: impl Into<String>,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, EngineError> {
        let sql = sql.into();
        let mut transaction = self.transaction().await;
        if !matches!(*transaction, Transaction::None) {
            return self.in_transaction(&mut transaction, sql, parameters).await;
        }
        let learned = self.engine.learned(&sql).await?;
        match &learned.control {
            Control::Begin | Control::Savepoint(_) => {
                return self.begin(&mut transaction, sql).await;
            }
            Control::None => drop(transaction),
            control => return Err(without_transaction(control)),
        }
        if learned.suits_any_connection() {
            let mut result = self.engine.read(&learned, sql, parameters).await?;
            result.last_insert_rowid = self.last_insert_rowid();
            return Ok(result);
        }
        let rowid = Some(self.last_insert_rowid());
        let outcome = self.engine.write(vec![(sql, parameters)], rowid).await?.pop();
        Ok(self.note(outcome.ok_or(EngineError::Closed)?))
    }

    /// Runs one statement and gives its rows in chunks as they are computed, however many there are.
    ///
    /// Statements that write, and all statements of a transaction, are collected first, up to `Options::result_bytes_max`.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and those that [`RowStream::next`] gives.
    pub async fn stream(
        &self,
        sql: impl Into<String>,
        parameters: Vec<Value>,
    ) -> Result<RowStream, EngineError> {
        let sql = sql.into();
        if matches!(*self.transaction().await, Transaction::None) {
            let learned = self.engine.learned(&sql).await?;
            if learned.control == Control::None && learned.suits_any_connection() {
                return self.engine.stream(&learned, sql, parameters).await;
            }
        }
        Ok(RowStream::collected(self.execute(sql, parameters).await?))
    }

    /// The rowid that this session inserted last, 0 before the first.
    pub fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid.load(Ordering::Relaxed)
    }

    /// Rows that this session's last INSERT, UPDATE or DELETE changed directly, 0 before the first.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// The state of the transaction, after a look at whether it still lasts.
    async fn transaction(&self) -> MutexGuard<'_, Transaction> {
        let mut transaction = self.transaction.lock().await;
        if let Transaction::Open { ending, .. } = &*transaction {
            match ending.get() {
                None => {}
                Some(End::TimedOut) => {
                    *transaction = Transaction::Broken(EngineError::TransactionTimeout);
                }
                // SQLite tells of a rollback in the answer to the statement that caused it, and forgets it then.
                Some(End::Finished | End::RolledBack) => *transaction = Transaction::None,
            }
        }
        transaction
    }

    async fn begin(
        &self,
        transaction: &mut Transaction,
        sql: String,
    ) -> Result<QueryResult, EngineError> {
        let (reply, answer) = oneshot::channel();
        let (commands, receiver) = channel();
        let ending = Arc::new(Ending::default());
        let lease = Lease {
            opening: Command { sql, parameters: Vec::new(), reply },
            commands: receiver,
            ending: Arc::clone(&ending),
            rowid: self.last_insert_rowid(),
            queued: Instant::now(),
        };
        self.engine.push_write(Job::Lease(lease))?;
        // If this future is dropped here, so is `commands`: the writer takes the transaction back as soon as it is its turn.
        wait(answer).await?;
        *transaction = Transaction::Open { commands, ending };
        Ok(self.note(Outcome { result: QueryResult::empty(), changed_rows: false }))
    }

    async fn in_transaction(
        &self,
        transaction: &mut Transaction,
        sql: String,
        parameters: Vec<Value>,
    ) -> Result<QueryResult, EngineError> {
        let (commands, ending) = match transaction {
            Transaction::Open { commands, ending } => (commands, ending),
            Transaction::Broken(error) => {
                let error = error.clone();
                if matches!(
                    self.engine.learned(&sql).await?.control,
                    Control::Commit | Control::Rollback
                ) {
                    *transaction = Transaction::None;
                }
                return Err(error);
            }
            Transaction::None => return Err(EngineError::Closed),
        };
        let (reply, answer) = oneshot::channel();
        let sent = commands.send(Command { sql, parameters, reply });
        let answer = match sent {
            Ok(()) => answer.await.ok(),
            Err(_) => None,
        };
        if let Some(result) = answer {
            return Ok(self.note(result?));
        }
        // The writer let go while this statement was on its way.
        let error = match ending.get() {
            Some(End::TimedOut) => EngineError::TransactionTimeout,
            _ => EngineError::Closed,
        };
        *transaction = Transaction::Broken(error.clone());
        Err(error)
    }

    /// Remembers what SQLite remembers per connection.
    fn note(&self, outcome: Outcome) -> QueryResult {
        let mut result = outcome.result;
        if outcome.changed_rows {
            self.changes.store(result.changes, Ordering::Relaxed);
            self.last_insert_rowid.store(result.last_insert_rowid, Ordering::Relaxed);
        } else {
            result.last_insert_rowid = self.last_insert_rowid();
        }
        result
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// SQLite's words for the end of something that has not begun.
fn without_transaction(control: &Control) -> EngineError {
    let message = match control {
        Control::Rollback => "cannot rollback - no transaction is active".to_owned(),
        Control::Release(name) | Control::RollbackTo(name) => format!("no such savepoint: {name}"),
        _ => "cannot commit - no transaction is active".to_owned(),
    };
    EngineError::Sqlite { code: 1, message }
}
