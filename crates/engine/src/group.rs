//! A group: what shares one transaction, one COMMIT and one wait for the disk.

use std::time::Instant;

use rusqlite::types::Value;
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::run::QueryResult;

/// What a statement gave, and whether it was an INSERT, UPDATE or DELETE.
pub struct Outcome {
    pub result: QueryResult,
    pub changed_rows: bool,
}

pub type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// Statements that take effect together or not at all.
pub struct Unit {
    pub statements: Vec<(String, Vec<Value>)>,
    /// What `last_insert_rowid()` tells at the start, when the statements are a session's.
    pub rowid: Option<i64>,
    pub queued: Instant,
    pub reply: Reply<Vec<Outcome>>,
}

/// One member of a group. It is answered after the commit.
pub enum Member {
    Unit {
        unit: Unit,
        outcomes: Vec<Outcome>,
    },
    /// A session's transaction that has said COMMIT. It saw results already, so it cannot run again.
    Transaction {
        reply: Reply<Outcome>,
    },
}

impl Member {
    pub fn succeed(self) {
        match self {
            Self::Unit { unit, outcomes } => drop(unit.reply.send(Ok(outcomes))),
            Self::Transaction { reply } => {
                let outcome = Outcome { result: QueryResult::empty(), changed_rows: false };
                drop(reply.send(Ok(outcome)));
            }
        }
    }

    pub fn fail(self, error: EngineError) {
        match self {
            Self::Unit { unit, .. } => drop(unit.reply.send(Err(error))),
            Self::Transaction { reply } => drop(reply.send(Err(error))),
        }
    }
}

/// The members of the open transaction so far, in the order in which they ran.
pub struct Group {
    pub members: Vec<Member>,
    pub statements: usize,
    pub is_open: bool,
    pub started: Instant,
}

impl Group {
    pub fn new() -> Self {
        Self { members: Vec::new(), statements: 0, is_open: false, started: Instant::now() }
    }
}
