//! A session's transaction: the writer serves that session alone until it ends, but the commit is still the group's.
//!
//! BEGIN becomes a savepoint inside the open group, ROLLBACK goes back to it, COMMIT releases it, and both are answered after the group's
//! real COMMIT. So the transaction sees all that was committed before it and whatever its group did before it (if the group
//! fails, so does the transaction: nobody is told of anything that did not last), and nobody sees its changes before it commits,
//! because readers see only commits and the writer does nothing else meanwhile: transactions are serializable.
//!
//! Some things reach beyond a savepoint: deferred foreign keys are checked by a real COMMIT only, and ROLLBACK in a trigger ends
//! the transaction of all. Where the schema holds such things, or the session changed the schema or postponed its foreign keys,
//! COMMIT is the real one at once, with the savepoint still open, so that a refused COMMIT leaves the transaction open as
//! SQLite does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;

use crate::error::EngineError;
use crate::group::{Group, Member, Outcome, Reply};
use crate::learned::{Control, Learned};
use crate::metrics::Counters;
use crate::writer::Writer;

/// The savepoint that stands for the session's BEGIN. A session cannot name it: see [`is_reserved`].
const SAVEPOINT: &str = "selvage session";
/// Savepoints that a transaction may nest.
const SAVEPOINTS_MAX: usize = 128;
/// With sessions that keep the writer longer than this on average, a transaction does not join a group that waits to be answered.
const JOIN_TIME_MAX: Duration = Duration::from_millis(4);

/// One statement of a transaction.
pub struct Command {
    pub sql: String,
    pub parameters: Vec<Value>,
    pub reply: Reply<Outcome>,
}

/// How a lease ended, for the session that holds the other side.
#[derive(Default)]
pub struct Ending(AtomicU8);

/// The ways in which a lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By COMMIT or ROLLBACK, or it never began.
    Finished = 1,
    /// By the clock.
    TimedOut = 2,
    /// By SQLite, which rolled the whole transaction back.
    RolledBack = 3,
}

impl Ending {
    /// How the lease ended; `None` while it lasts.
    pub fn get(&self) -> Option<End> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            2 => Some(End::TimedOut),
            3 => Some(End::RolledBack),
            _ => Some(End::Finished),
        }
    }

    fn set(&self, end: End) {
        self.0.store(end as u8, Ordering::Release);
    }
}

/// A session that wants the writer for itself.
pub struct Lease {
    /// `BEGIN …` or `SAVEPOINT …`.
    pub opening: Command,
    pub commands: Receiver<Command>,
    pub ending: Arc<Ending>,
    pub rowid: i64,
    pub queued: Instant,
}

impl Lease {
    pub fn refuse(self, error: EngineError) {
        self.ending.set(End::Finished);
        drop(self.opening.reply.send(Err(error)));
    }
}

/// The state of a transaction while it is open.
struct Transaction {
    deadline: Instant,
    /// The session's own savepoints, outermost first.
    savepoints: Vec<String>,
    /// Begun by SAVEPOINT: releasing the outermost savepoint commits.
    by_savepoint: bool,
    /// COMMIT must be the real one.
    needs_real_commit: bool,
    defers: bool,
}

/// What follows a command.
enum Step {
    Continue(Result<Outcome, EngineError>),
    Commit,
    Rollback,
}

impl Writer {
    /// Serves a session until its transaction ends.
    pub(crate) fn take_lease(&mut self, group: &mut Group, lease: Lease) {
        let started = Instant::now();
        let joins = self.lease_time <= JOIN_TIME_MAX;
        if !joins {
            self.commit(group);
        }
        match self.open_lease(group, &lease) {
            Ok(transaction) => {
                Counters::add(&self.counters.transactions);
                drop(lease.opening.reply.send(Ok(Outcome::nothing())));
                let end = self.serve(group, transaction, &lease.commands, &lease.ending);
                lease.ending.set(end);
            }
            Err(error) => {
                if self.connection.is_autocommit() {
                    self.replay(group);
                }
                lease.refuse(error);
            }
        }
        self.connection.set_brake(None, None);
        self.lease_time = (self.lease_time * 7 + started.elapsed()) / 8;
    }

    fn open_lease(&mut self, group: &mut Group, lease: &Lease) -> Result<Transaction, EngineError> {
        let learned = self.learned(&lease.opening.sql)?;
        let name = match &learned.control {
            Control::Savepoint(name) => Some(name.clone()),
            _ => None,
        };
        if name.as_deref().is_some_and(is_reserved) {
            return Err(EngineError::Denied {
                what: "the name of this savepoint is reserved".to_owned(),
            });
        }
        self.begin(group, lease.queued)?;
        if self.look_for_hazards()? {
            self.commit(group);
            self.begin(group, lease.queued)?;
        }
        self.restore_rowid(Some(lease.rowid))?;
        self.connection.run_own(&format!("SAVEPOINT \"{SAVEPOINT}\""), &[])?;
        if name.is_some() {
            self.connection.run_own(&lease.opening.sql, &[])?;
        }
        Ok(Transaction {
            deadline: Instant::now() + self.options.transaction_time_max,
            by_savepoint: name.is_some(),
            savepoints: name.into_iter().collect(),
            needs_real_commit: self.hazards.present,
            defers: false,
        })
    }

    fn serve(
        &mut self,
        group: &mut Group,
        mut transaction: Transaction,
        commands: &Receiver<Command>,
        ending: &Ending,
    ) -> End {
        loop {
            let left = transaction.deadline.saturating_duration_since(Instant::now());
            let command = match commands.recv_timeout(left) {
                Ok(command) => command,
                Err(RecvTimeoutError::Disconnected) => {
                    return self.roll_back(group, &transaction, End::Finished);
                }
                Err(RecvTimeoutError::Timeout) => {
                    Counters::add(&self.counters.transactions_timed_out);
                    return self.roll_back(group, &transaction, End::TimedOut);
                }
            };
            match self.step(group, &mut transaction, &command) {
                Step::Continue(result) => {
                    if self.connection.is_autocommit() {
                        self.replay(group);
                        ending.set(End::RolledBack);
                        drop(command.reply.send(result));
                        return End::RolledBack;
                    }
                    drop(command.reply.send(result));
                }
                Step::Rollback => {
                    let end = self.roll_back(group, &transaction, End::Finished);
                    ending.set(end);
                    let member = Member::RolledBack { reply: command.reply };
                    if group.is_open {
                        group.members.push(member);
                    } else {
                        member.succeed();
                    }
                    return end;
                }
                Step::Commit => {
                    if let Some(end) =
                        self.end_by_commit(group, &transaction, command.reply, ending)
                    {
                        return end;
                    }
                }
            }
        }
    }

    fn step(
        &mut self,
        group: &mut Group,
        transaction: &mut Transaction,
        command: &Command,
    ) -> Step {
        let now = Instant::now();
        let deadline = transaction.deadline.min(now + self.options.statement_time_max);
        self.connection.set_brake(Some(deadline), None);
        let learned = match self.learned(&command.sql) {
            Ok(learned) => learned,
            Err(error) => return Step::Continue(Err(error)),
        };
        match &learned.control {
            Control::Commit => return Step::Commit,
            Control::Rollback => return Step::Rollback,
            Control::Begin => {
                return Step::Continue(Err(refusal(
                    "cannot start a transaction within a transaction",
                )));
            }
            Control::Savepoint(name) | Control::Release(name) | Control::RollbackTo(name)
                if is_reserved(name) =>
            {
                return Step::Continue(Err(refusal(&format!("no such savepoint: {name}"))));
            }
            Control::Savepoint(_) if SAVEPOINTS_MAX <= transaction.savepoints.len() => {
                return Step::Continue(Err(refusal("too many savepoints")));
            }
            Control::Release(name) if transaction.commits_on_release(name) => return Step::Commit,
            Control::None
            | Control::Savepoint(_)
            | Control::Release(_)
            | Control::RollbackTo(_) => {}
        }
        group.statements += 1;
        let bytes_max = self.options.result_bytes_max;
        let result = self.run_learned(&learned, &command.sql, &command.parameters, bytes_max);
        if result.is_ok() {
            transaction.note(&learned);
        }
        Step::Continue(result.map(|(outcome, _)| outcome))
    }

    /// COMMIT. Gives `None` when it was refused and the transaction stays open.
    fn end_by_commit(
        &mut self,
        group: &mut Group,
        transaction: &Transaction,
        reply: Reply<Outcome>,
        ending: &Ending,
    ) -> Option<End> {
        self.connection.set_brake(None, None);
        let real = transaction.needs_real_commit;
        let sql = if real { "COMMIT".to_owned() } else { format!("RELEASE \"{SAVEPOINT}\"") };
        let started = Instant::now();
        match self.connection.run_own(&sql, &[]) {
            Ok(()) => {
                ending.set(End::Finished);
                group.members.push(Member::Transaction { reply });
                if real {
                    self.counters.committed(group.effects(), started.elapsed());
                    group.members.drain(..).for_each(Member::succeed);
                    group.is_open = false;
                }
                Some(End::Finished)
            }
            Err(error) if self.connection.is_autocommit() => {
                ending.set(End::RolledBack);
                self.replay(group);
                drop(reply.send(Err(error)));
                Some(End::RolledBack)
            }
            Err(error) => {
                drop(reply.send(Err(error)));
                None
            }
        }
    }

    /// Takes the transaction back; the group around it stays open unless SQLite refuses.
    fn roll_back(&mut self, group: &mut Group, transaction: &Transaction, end: End) -> End {
        self.connection.set_brake(None, None);
        let undone = self.undo(SAVEPOINT).and_then(|()| {
            if transaction.defers {
                self.connection.run_own("PRAGMA defer_foreign_keys = OFF", &[])
            } else {
                Ok(())
            }
        });
        if undone.is_err() {
            drop(self.connection.run_own("ROLLBACK", &[]));
            self.replay(group);
        }
        end
    }
}

impl Transaction {
    fn commits_on_release(&self, name: &str) -> bool {
        self.by_savepoint && self.position(name) == Some(0)
    }

    /// Where the innermost savepoint of this name is.
    fn position(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|savepoint| savepoint.eq_ignore_ascii_case(name))
    }

    /// Keeps up with a statement that succeeded.
    fn note(&mut self, learned: &Learned) {
        self.defers |= learned.defers;
        self.needs_real_commit |= learned.defers || learned.changes_schema;
        match &learned.control {
            Control::Savepoint(name) => self.savepoints.push(name.clone()),
            Control::Release(name) => {
                let rest = self.position(name).unwrap_or(self.savepoints.len());
                self.savepoints.truncate(rest);
            }
            Control::RollbackTo(name) => {
                let rest =
                    self.position(name).map_or(self.savepoints.len(), |position| position + 1);
                self.savepoints.truncate(rest);
            }
            _ => {}
        }
    }
}

/// Names that only the engine uses for savepoints.
fn is_reserved(name: &str) -> bool {
    let prefix = "selvage ";
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn refusal(message: &str) -> EngineError {
    EngineError::Sqlite { code: 1, message: message.to_owned() }
}
