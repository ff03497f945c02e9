//! What the engine knows about a text of SQL before it runs it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::inline::Pace;

/// Longer texts are looked at anew each time, so that a few of them cannot fill the memory.
const TEXT_BYTES_MAX: usize = 16 << 10;
const TEXTS_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2047);

/// The part that a statement plays in its session's transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Control {
    #[default]
    None,
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
}

/// What is known of one statement. Its properties follow from its text and hold for every schema.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Learned {
    pub control: Control,
    /// It changes nothing in the file.
    pub read_only: bool,
    /// INSERT, UPDATE or DELETE: it sets `changes` and perhaps `last_insert_rowid`.
    pub changes_rows: bool,
    /// CREATE, ALTER, DROP and their like.
    pub changes_schema: bool,
    /// Only the writer's connection has the right answer, as to `last_insert_rowid()`, although nothing is written.
    pub needs_writer: bool,
    /// It calls `changes()` or `total_changes()`, which are meaningful inside a transaction only.
    pub reads_changes: bool,
    /// It postpones the check of foreign keys to the commit.
    pub defers: bool,
    /// It limits the size of the file.
    pub sets_quota: bool,
    /// It may end or hold up the whole transaction around it, so it must not share one with strangers.
    pub solo: bool,
    /// Whether it is short enough for the thread that asks.
    pub pace: Pace,
}

impl Learned {
    /// Whether a reader may run it outside a transaction; otherwise it goes to the writer.
    pub fn suits_any_connection(&self) -> bool {
        self.read_only && !self.needs_writer
    }
}

/// The texts seen lately. Schema changes do not matter to what is remembered.
pub struct Texts(Mutex<LruCache<Arc<str>, Arc<Learned>>>);

impl Texts {
    pub fn new() -> Self {
        Self(Mutex::new(LruCache::new(TEXTS_MAX)))
    }

    pub fn get(&self, sql: &str) -> Option<Arc<Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(sql).map(Arc::clone)
    }

    pub fn put(&self, sql: &str, learned: &Arc<Learned>) {
        if sql.len() <= TEXT_BYTES_MAX {
            let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            texts.put(Arc::from(sql), Arc::clone(learned));
        }
    }
}
