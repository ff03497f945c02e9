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

impl Outcome {
    /// What a statement gives that has no result, such as COMMIT.
    pub fn nothing() -> Self {
        Self { result: QueryResult::empty(), changed_rows: false }
    }
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
    /// It left nothing. It waits for the commit all the same: perhaps it failed on what another member did, and whoever is told so will
    /// look for that.
    Failed {
        unit: Unit,
        error: EngineError,
    },
    /// A session's transaction that has said COMMIT. It saw results already, so it cannot run again.
    Transaction {
        reply: Reply<Outcome>,
    },
    /// A session's transaction that has said ROLLBACK, perhaps because of what it saw of another member.
    RolledBack {
        reply: Reply<Outcome>,
    },
}

impl Member {
    pub fn succeed(self) {
        match self {
            Self::Unit { unit, outcomes } => drop(unit.reply.send(Ok(outcomes))),
            Self::Failed { unit, error } => drop(unit.reply.send(Err(error))),
            Self::Transaction { reply } | Self::RolledBack { reply } => {
                drop(reply.send(Ok(Outcome::nothing())));
            }
        }
    }

    pub fn fail(self, error: EngineError) {
        match self {
            Self::Unit { unit, .. } | Self::Failed { unit, .. } => {
                drop(unit.reply.send(Err(error)));
            }
            Self::Transaction { reply } => drop(reply.send(Err(error))),
            rolled_back @ Self::RolledBack { .. } => rolled_back.succeed(),
        }
    }

    /// Whether it left something for the commit.
    pub fn has_effect(&self) -> bool {
        matches!(self, Self::Unit { .. } | Self::Transaction { .. })
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

    /// How many of its members left something for the commit.
    pub fn effects(&self) -> usize {
        self.members.iter().filter(|member| member.has_effect()).count()
    }
}
