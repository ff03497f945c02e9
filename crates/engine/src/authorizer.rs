//! Which statements may be prepared, decided by SQLite's authorizer (<https://sqlite.org/c3ref/set_authorizer.html>), and what
//! can be learned about a statement from the questions that SQLite asks on the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization, TransactionOperation};

use crate::learned::{Control, Learned};

/// The engine's own table in the temporary schema of the writer.
pub const ROWID_TABLE: &str = "engine_last_insert_rowid";

/// PRAGMAs that only tell something.
const PRAGMAS_READ: [&str; 28] = [
    "application_id",
    "auto_vacuum",
    "busy_timeout",
    "cache_size",
    "collation_list",
    "compile_options",
    "data_version",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "synchronous",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// PRAGMAs whose argument names what they tell about.
const PRAGMAS_ABOUT: [&str; 10] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// What the authorizer of one connection shares with the thread that uses it.
#[derive(Default)]
pub struct Gate {
    trusted: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    learned: Learned,
    denied: Option<String>,
}

impl Gate {
    /// Lets the engine's own statements pass while `work` runs.
    pub fn trusted<T>(&self, work: impl FnOnce() -> T) -> T {
        self.trusted.store(true, Ordering::Relaxed);
        let result = work();
        self.trusted.store(false, Ordering::Relaxed);
        result
    }

    /// Forgets what was seen before the next text is prepared.
    pub fn reset(&self) {
        *self.seen() = Seen::default();
    }

    /// What the statement prepared since `reset` is.
    pub fn learned(&self) -> Learned {
        self.seen().learned.clone()
    }

    /// Why the statement prepared last was refused, if it was.
    pub fn take_denied(&self) -> Option<String> {
        self.seen().denied.take()
    }

    /// The answer to one of SQLite's questions.
    pub fn judge(&self, context: &AuthContext<'_>) -> Authorization {
        if self.trusted.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        let mut seen = self.seen();
        match judge(context, &mut seen.learned) {
            Ok(authorization) => authorization,
            Err(what) => {
                seen.denied = Some(what);
                Authorization::Deny
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(context: &AuthContext<'_>, learned: &mut Learned) -> Result<Authorization, String> {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            return Err("ATTACH and DETACH would reach other files".to_owned());
        }
        AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempTrigger { .. }
        | AuthAction::DropTempView { .. } => {
            return Err(
                "TEMP objects belong to one connection, and connections are shared".to_owned()
            );
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            return judge_pragma(&pragma_name.to_ascii_lowercase(), pragma_value, learned);
        }
        AuthAction::Function { function_name } => {
            judge_function(function_name, context.accessor.is_none(), learned)?;
        }
        AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Read { table_name, .. }
            if table_name.eq_ignore_ascii_case(ROWID_TABLE) =>
        {
            return Err(format!("{ROWID_TABLE} is the engine's own"));
        }
        AuthAction::Insert { .. } | AuthAction::Delete { .. } | AuthAction::Update { .. } => {
            learned.changes_rows = true;
        }
        AuthAction::Transaction { operation } => {
            learned.control = match operation {
                TransactionOperation::Begin => Control::Begin,
                TransactionOperation::Rollback => Control::Rollback,
                // The binding knows no name for "COMMIT".
                _ => Control::Commit,
            };
        }
        AuthAction::Savepoint { operation, savepoint_name } => {
            let name = savepoint_name.to_owned();
            learned.control = match operation {
                TransactionOperation::Release => Control::Release(name),
                TransactionOperation::Rollback => Control::RollbackTo(name),
                _ => Control::Savepoint(name),
            };
        }
        AuthAction::Read { .. } | AuthAction::Select | AuthAction::Recursive => {}
        // What is left is CREATE, ALTER, DROP, REINDEX, ANALYZE, and what a later version may add.
        _ => {
            learned.changes_schema = true;
            learned.solo = true;
        }
    }
    Ok(Authorization::Allow)
}

fn judge_function(name: &str, direct: bool, learned: &mut Learned) -> Result<(), String> {
    match name.to_ascii_lowercase().as_str() {
        "load_extension" => return Err("load_extension() would run foreign code".to_owned()),
        // Called inside a trigger they tell about that trigger's own statements.
        "last_insert_rowid" if direct => learned.needs_writer = true,
        "changes" | "total_changes" if direct => learned.reads_changes = true,
        _ => {}
    }
    Ok(())
}

fn judge_pragma(
    name: &str,
    value: Option<&str>,
    learned: &mut Learned,
) -> Result<Authorization, String> {
    learned.solo = true;
    let value = value.map(str::to_ascii_lowercase);
    match (name, value.as_deref()) {
        ("defer_foreign_keys", _) => {
            learned.defers = true;
            Ok(Authorization::Allow)
        }
        // A quota that lasts until the database is closed. An operator's own quota stands: see `Options::pages_max`.
        ("max_page_count", _) => {
            learned.needs_writer = true;
            learned.sets_quota = value.is_some();
            Ok(Authorization::Allow)
        }
        ("user_version" | "application_id" | "optimize", _)
        // Both are what the database has anyway, and many applications ask for them at start.
        | ("journal_mode", Some("wal"))
        | ("foreign_keys", Some("on" | "1" | "yes" | "true")) => Ok(Authorization::Allow),
        (name, None) if PRAGMAS_READ.contains(&name) => Ok(Authorization::Allow),
        (name, Some(_)) if PRAGMAS_ABOUT.contains(&name) => Ok(Authorization::Allow),
        // Tuning that changes no result: the engine has tuned its connections already.
        ("busy_timeout" | "cache_size" | "mmap_size" | "temp_store", Some(_)) => {
            Ok(Authorization::Ignore)
        }
        (name, Some(_)) => Err(format!("PRAGMA {name} cannot be set here: the engine sets it")),
        (name, None) => Err(format!("PRAGMA {name} is not offered")),
    }
}
