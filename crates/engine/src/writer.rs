//! The thread that writes.
//!
//! It takes what waits in its queue, runs it inside one transaction, each [`Unit`] under a savepoint of its own, commits, and
//! answers only then. While one group waits for the disk the next one gathers in the queue; a lone writer never waits for others.
//!
//! A unit may end the transaction of all: `INSERT OR ROLLBACK`, a full disk, an interrupted statement, a deferred foreign key that
//! only COMMIT checks. The units around it have not been answered, so they simply run again, each in a transaction of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use crate::connection::Connection;
use crate::error::EngineError;
use crate::group::{Group, Member, Outcome, Reply, Unit};
use crate::learned::{Control, Learned, Texts};
use crate::lease::Lease;
use crate::metrics::Counters;
use crate::options::Options;
use crate::queue::Depth;
use crate::readers::Readers;
use crate::run;

/// How long a group that follows a larger one waits for the writers that have just been answered.
const GATHER_TIME_MAX: Duration = Duration::from_micros(250);
/// A group takes what is waiting for this many times as long as a commit takes, so that at least three quarters of the time are work.
const COMMIT_TIMES: u32 = 3;
/// The longest that a group takes what is waiting, however slow the disk is.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);
/// After this long without work the write-ahead log is copied back into the file.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// What the writer can do.
pub enum Job {
    Unit(Unit),
    Lease(Lease),
    Close(Reply<()>),
}

/// The writer's thread.
pub struct Writer {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    pub(crate) counters: Arc<Counters>,
    pub(crate) texts: Arc<Texts>,
    pub(crate) hazards: Hazards,
    /// A moving average of how long sessions keep the writer.
    pub(crate) lease_time: Duration,
    /// A moving average of how long a COMMIT takes, which is mostly waiting for the disk.
    pub(crate) commit_time: Duration,
    queue: Receiver<Job>,
    depth: Arc<Depth>,
    readers: Arc<Readers>,
    last_group: usize,
}

/// Whether the schema holds something that reaches beyond a savepoint: deferred constraints, which only the real COMMIT
/// checks, and ROLLBACK in a trigger or as a conflict clause, which ends the whole transaction.
#[derive(Default)]
pub struct Hazards {
    schema_version: Option<i64>,
    pub present: bool,
}

impl Writer {
    pub fn new(
        connection: Connection,
        options: Options,
        counters: Arc<Counters>,
        texts: Arc<Texts>,
        queue: (Receiver<Job>, Arc<Depth>),
        readers: Arc<Readers>,
    ) -> Self {
        let (queue, depth) = queue;
        Self {
            connection,
            options,
            counters,
            texts,
            hazards: Hazards::default(),
            lease_time: Duration::ZERO,
            commit_time: Duration::ZERO,
            queue,
            depth,
            readers,
            last_group: 1,
        }
    }

    /// Works until the engine is closed or its last handle is dropped.
    pub fn run(mut self) {
        let mut is_dirty = false;
        let closing = loop {
            let job = if is_dirty {
                match self.queue.recv_timeout(IDLE_TIME) {
                    Err(RecvTimeoutError::Timeout) => {
                        // Only a saving of time for later: a failure shows at the next commit.
                        drop(self.connection.run_own("PRAGMA wal_checkpoint(PASSIVE)", &[]));
                        is_dirty = false;
                        continue;
                    }
                    other => other.ok(),
                }
            } else {
                self.queue.recv().ok()
            };
            let Some(job) = job else { break None };
            is_dirty = true;
            // A defect in the binding must cost one group, not all writing for ever.
            match catch_unwind(AssertUnwindSafe(|| self.turn(job))) {
                Ok(None) => {}
                Ok(Some(closing)) => break Some(closing),
                Err(_) => self.recover(),
            }
        };
        let result = self.shut_down();
        if let Some(closing) = closing {
            drop(closing.send(result));
        }
    }

    /// Runs one group, beginning with `job`. Gives the reply to send after closing when the group met the order to close.
    fn turn(&mut self, job: Job) -> Option<Reply<()>> {
        let mut group = Group::new();
        let mut closing = None;
        let mut next = Some(job);
        while let Some(job) = next.take() {
            self.depth.leave();
            match job {
                Job::Unit(unit) => self.take_unit(&mut group, unit),
                Job::Lease(lease) => self.take_lease(&mut group, lease),
                Job::Close(reply) => {
                    closing = Some(reply);
                    break;
                }
            }
            if !self.is_complete(&group) {
                next = self.next_job(&group);
            }
        }
        self.last_group = group.members.len();
        self.commit(&mut group);
        closing
    }

    fn is_complete(&self, group: &Group) -> bool {
        // Where the disk is slow, a group that closed early would spend most of its time waiting for it, and those who queue would wait longer.
        let time_max =
            self.options.group_wait.max(self.commit_time * COMMIT_TIMES).min(GROUP_TIME_MAX);
        self.options.group_statements_max <= group.statements || time_max <= group.started.elapsed()
    }

    fn next_job(&self, group: &Group) -> Option<Job> {
        match self.queue.try_recv() {
            Ok(job) => Some(job),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                // The writers of the last group are on their way back; a lone writer has nobody to wait for.
                let left = GATHER_TIME_MAX.saturating_sub(group.started.elapsed());
                if self.last_group <= group.members.len() || left.is_zero() {
                    return None;
                }
                self.queue.recv_timeout(left).ok()
            }
        }
    }

    fn take_unit(&mut self, group: &mut Group, unit: Unit) {
        let solo = match self.is_solo(&unit) {
            Ok(solo) => solo,
            Err(error) => return drop(unit.reply.send(Err(error))),
        };
        if solo {
            self.commit(group);
        }
        if let Err(error) = self.begin(group, unit.queued) {
            return drop(unit.reply.send(Err(error)));
        }
        group.statements += unit.statements.len();
        match self.run_unit(&unit) {
            Ok(outcomes) => group.members.push(Member::Unit { unit, outcomes }),
            Err(error) if self.connection.is_autocommit() => {
                self.replay(group);
                drop(unit.reply.send(Err(error)));
            }
            Err(error) => group.members.push(Member::Failed { unit, error }),
        }
        if solo {
            self.commit(group);
        }
    }

    /// Whether a unit must not share a transaction with others.
    ///
    /// A batch may use tables that it creates itself: what cannot be prepared yet is looked at when its turn comes.
    fn is_solo(&self, unit: &Unit) -> Result<bool, EngineError> {
        let is_batch = 1 < unit.statements.len();
        let mut solo = false;
        for (sql, _) in &unit.statements {
            match self.learned(sql) {
                Ok(learned) => {
                    if learned.control != Control::None {
                        let what =
                            "a batch is one transaction already, and steering one takes a session";
                        return Err(EngineError::Denied { what: what.to_owned() });
                    }
                    solo |= learned.solo;
                }
                Err(EngineError::Sqlite { .. }) if is_batch => solo = true,
                Err(error) => return Err(error),
            }
        }
        Ok(solo)
    }

    /// Opens the group's transaction if it is not open yet.
    pub(crate) fn begin(&mut self, group: &mut Group, queued: Instant) -> Result<(), EngineError> {
        if group.is_open {
            return Ok(());
        }
        // The wait for another process counts from when the job was queued, so that waits do not add up along the queue.
        let patience = self.options.busy_time_max.saturating_sub(queued.elapsed());
        self.connection.set_busy_time(patience)?;
        self.connection.run_own("BEGIN IMMEDIATE", &[])?;
        group.is_open = true;
        Ok(())
    }

    /// Runs a unit under its own savepoint: all of it, or none.
    pub(crate) fn run_unit(&self, unit: &Unit) -> Result<Vec<Outcome>, EngineError> {
        let deadline = Instant::now() + self.options.statement_time_max;
        self.connection.set_brake(Some(deadline), None);
        self.restore_rowid(unit.rowid)?;
        self.connection.run_own("SAVEPOINT \"selvage unit\"", &[])?;
        let mut bytes_left = self.options.result_bytes_max;
        let outcomes: Result<Vec<_>, _> = unit
            .statements
            .iter()
            .map(|(sql, parameters)| self.run_statement(sql, parameters, &mut bytes_left))
            .collect();
        self.connection.set_brake(None, None);
        let end = match &outcomes {
            Ok(_) => self.connection.run_own("RELEASE \"selvage unit\"", &[]),
            Err(_) if self.connection.is_autocommit() => Ok(()),
            Err(_) => self.undo("selvage unit"),
        };
        match (outcomes, end) {
            (Ok(outcomes), Ok(())) => Ok(outcomes),
            (Ok(_), Err(error)) => {
                // The savepoint cannot be closed: nothing of this transaction can be trusted.
                drop(self.connection.run_own("ROLLBACK", &[]));
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn run_statement(
        &self,
        sql: &str,
        parameters: &[rusqlite::types::Value],
        bytes_left: &mut usize,
    ) -> Result<Outcome, EngineError> {
        let learned = self.learned(sql)?;
        let (outcome, bytes) = self.run_learned(&learned, sql, parameters, *bytes_left)?;
        *bytes_left = bytes_left.saturating_sub(bytes);
        Ok(outcome)
    }

    /// Runs a statement inside the open transaction.
    pub(crate) fn run_learned(
        &self,
        learned: &Learned,
        sql: &str,
        parameters: &[rusqlite::types::Value],
        bytes_max: usize,
    ) -> Result<(Outcome, usize), EngineError> {
        if learned.sets_quota && self.options.pages_max.is_some() {
            let what = "the operator limits the size of this database".to_owned();
            return Err(EngineError::Denied { what });
        }
        let (mut result, bytes) =
            run::collect(&self.connection, &self.counters, sql, parameters, bytes_max)?;
        let changed_rows = learned.changes_rows && !learned.changes_schema && !learned.read_only;
        if changed_rows {
            result.changes = self.connection.changes();
        }
        result.last_insert_rowid = self.connection.last_insert_rowid();
        Ok((Outcome { result, changed_rows }, bytes))
    }

    pub(crate) fn learned(&self, sql: &str) -> Result<Arc<Learned>, EngineError> {
        if let Some(learned) = self.texts.get(sql) {
            return Ok(learned);
        }
        let learned = Arc::new(self.connection.learn(sql)?);
        self.texts.put(sql, &learned);
        Ok(learned)
    }

    /// Makes `last_insert_rowid()` tell a session its own value although all sessions share this connection.
    pub(crate) fn restore_rowid(&self, rowid: Option<i64>) -> Result<(), EngineError> {
        match rowid {
            Some(rowid) if rowid != self.connection.last_insert_rowid() => self.connection.run_own(
                "REPLACE INTO temp.engine_last_insert_rowid (rowid_value, one) VALUES (?1, 1)",
                &[&rowid],
            ),
            _ => Ok(()),
        }
    }

    /// Takes back what happened since a savepoint, and the savepoint itself.
    pub(crate) fn undo(&self, savepoint: &str) -> Result<(), EngineError> {
        self.connection.run_own(&format!("ROLLBACK TO \"{savepoint}\""), &[])?;
        self.connection.run_own(&format!("RELEASE \"{savepoint}\""), &[])
    }

    /// Looks at the schema again if it has changed.
    pub(crate) fn look_for_hazards(&mut self) -> Result<bool, EngineError> {
        let version = Some(self.connection.query_own("PRAGMA schema_version")?);
        if self.hazards.schema_version != version {
            self.hazards.present = 0
                < self.connection.query_own(
                    "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%DEFER%' OR sql LIKE '%ROLLBACK%'",
                )?;
            self.hazards.schema_version = version;
        }
        Ok(self.hazards.present)
    }

    /// After a panic: the group's members were dropped, and with them their replies.
    fn recover(&mut self) {
        tracing::error!("the writer of the database panicked; its open transaction is rolled back");
        if !self.connection.is_autocommit() {
            drop(self.connection.run_own("ROLLBACK", &[]));
        }
        self.hazards = Hazards::default();
    }

    fn shut_down(self) -> Result<(), EngineError> {
        self.readers.close();
        while let Ok(job) = self.queue.try_recv() {
            match job {
                Job::Unit(unit) => drop(unit.reply.send(Err(EngineError::Closed))),
                Job::Lease(lease) => lease.refuse(EngineError::Closed),
                Job::Close(reply) => drop(reply.send(Ok(()))),
            }
        }
        self.connection.set_busy_time(Duration::from_millis(100))?;
        self.connection.run_own("PRAGMA optimize", &[])?;
        self.connection.run_own("PRAGMA wal_checkpoint(TRUNCATE)", &[])
    }
}
