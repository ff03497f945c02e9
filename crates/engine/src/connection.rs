//! One connection to the file, made ready and checked.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::limits::Limit;
use rusqlite::{Batch, OpenFlags, StatementStatus, ToSql};

use crate::authorizer::{Gate, ROWID_TABLE};
use crate::error::EngineError;
use crate::learned::{Control, Learned};
use crate::options::Options;

/// Virtual machine instructions between two looks at the clock; a few hundred thousand looks per second at most.
const PROGRESS_INSTRUCTIONS: i32 = 4096;
/// The first bytes of every database file (<https://sqlite.org/fileformat2.html#magic_header_string>).
const FILE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What may end a running statement.
#[derive(Default)]
struct Brake {
    deadline: Option<Instant>,
    cancelled: Option<Arc<AtomicBool>>,
}

/// A connection that belongs to one thread.
pub struct Connection {
    sqlite: rusqlite::Connection,
    gate: Arc<Gate>,
    brake: Arc<Mutex<Brake>>,
}

impl Connection {
    /// Opens the writer's connection, creating the file if there is none, and puts the file into WAL mode.
    pub fn open_writer(path: &Path, options: &Options) -> Result<Self, EngineError> {
        check_file(path).map_err(|reason| open_failure(path, reason))?;
        let until = Instant::now() + options.busy_time_max;
        loop {
            // Changing the journal mode does not wait for other processes by itself.
            match Self::try_open_writer(path, options) {
                Err(EngineError::Busy) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(EngineError::Open { path, reason }) => {
                    return Err(EngineError::Open { path, reason });
                }
                Err(error) => return Err(open_failure(path, error.to_string())),
                Ok(connection) => return Ok(connection),
            }
        }
    }

    fn try_open_writer(path: &Path, options: &Options) -> Result<Self, EngineError> {
        let connection = Self::open(path, options)?;
        connection.sqlite.pragma_update(None, "journal_mode", "WAL")?;
        connection.prepare_shared_settings(options)?;
        if let Some(pages) = options.pages_max {
            connection.sqlite.pragma_update(None, "max_page_count", pages)?;
        }
        // A single row whose insertion sets what last_insert_rowid() tells.
        connection.sqlite.execute_batch(&format!(
            "CREATE TEMP TABLE {ROWID_TABLE} (rowid_value INTEGER PRIMARY KEY, one INTEGER NOT NULL UNIQUE) STRICT"
        ))?;
        connection.assert_settings(path, options)?;
        connection.guard();
        Ok(connection)
    }

    /// Opens a connection for reading; the writer's must have been opened before.
    pub fn open_reader(path: &Path, options: &Options) -> Result<Self, EngineError> {
        let connection = Self::open(path, options)?;
        connection.prepare_shared_settings(options)?;
        connection.sqlite.pragma_update(None, "query_only", true)?;
        connection.guard();
        Ok(connection)
    }

    fn open(path: &Path, options: &Options) -> Result<Self, EngineError> {
        count_no_memory();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sqlite = rusqlite::Connection::open_with_flags(path, flags)?;
        sqlite.busy_timeout(options.busy_time_max)?;
        sqlite.set_prepared_statement_cache_capacity(options.statements_cached);
        let bytes_max = i32::try_from(options.result_bytes_max).unwrap_or(i32::MAX);
        sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, bytes_max);
        sqlite.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0);
        Ok(Self { sqlite, gate: Arc::default(), brake: Arc::default() })
    }

    fn prepare_shared_settings(&self, options: &Options) -> Result<(), EngineError> {
        self.sqlite.pragma_update(None, "synchronous", options.synchronous.level())?;
        self.sqlite.pragma_update(None, "foreign_keys", true)?;
        self.sqlite.pragma_update(None, "cache_size", -16_384)?;
        self.sqlite.pragma_update(None, "mmap_size", 256 << 20)?;
        self.sqlite.pragma_update(None, "temp_store", "MEMORY")?;
        // 16 MiB: what is written again and again, as the inner pages of an index, is copied once for four times as many commits as by default.
        self.sqlite.pragma_update(None, "wal_autocheckpoint", 4000)?;
        self.sqlite.pragma_update(None, "journal_size_limit", 64 << 20)?;
        Ok(())
    }

    /// Settings on which durability and integrity rest are read back: SQLite ignores what it cannot set.
    fn assert_settings(&self, path: &Path, options: &Options) -> Result<(), EngineError> {
        let number = |pragma: &str| -> Result<i64, EngineError> {
            Ok(self.sqlite.pragma_query_value(None, pragma, |row| row.get(0))?)
        };
        let mode: String =
            self.sqlite.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode != "wal" {
            let reason = format!("the journal mode is `{mode}` and cannot be changed to `wal`");
            return Err(open_failure(path, reason));
        }
        if number("synchronous")? != options.synchronous.level() {
            return Err(open_failure(path, "`synchronous` cannot be set".to_owned()));
        }
        if number("foreign_keys")? != 1 {
            return Err(open_failure(path, "foreign keys cannot be enforced".to_owned()));
        }
        Ok(())
    }

    /// From here on statements are judged and can be stopped.
    fn guard(&self) {
        let gate = Arc::clone(&self.gate);
        self.sqlite.authorizer(Some(move |context: rusqlite::hooks::AuthContext<'_>| {
            gate.judge(&context)
        }));
        let brake = Arc::clone(&self.brake);
        let stop = move || {
            let brake = brake.lock().unwrap_or_else(PoisonError::into_inner);
            brake.deadline.is_some_and(|deadline| deadline <= Instant::now())
                || brake.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
        };
        self.sqlite.progress_handler(PROGRESS_INSTRUCTIONS, Some(stop));
    }

    /// Statements end with [`EngineError::TimeLimit`] at `deadline`, or as soon as `cancelled` is set.
    pub fn set_brake(&self, deadline: Option<Instant>, cancelled: Option<Arc<AtomicBool>>) {
        *self.brake.lock().unwrap_or_else(PoisonError::into_inner) = Brake { deadline, cancelled };
    }

    /// Moves the deadline of the statement that is running.
    pub fn set_deadline(&self, deadline: Instant) {
        self.brake.lock().unwrap_or_else(PoisonError::into_inner).deadline = Some(deadline);
    }

    /// How long the next statement waits for another process.
    pub fn set_busy_time(&self, time: Duration) -> Result<(), EngineError> {
        Ok(self.sqlite.busy_timeout(time)?)
    }

    /// Whether no transaction is open.
    pub fn is_autocommit(&self) -> bool {
        self.sqlite.is_autocommit()
    }

    pub fn last_insert_rowid(&self) -> i64 {
        self.sqlite.last_insert_rowid()
    }

    pub fn changes(&self) -> u64 {
        self.sqlite.changes()
    }

    /// Runs one of the engine's own statements. Rows are ignored.
    pub fn run_own(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<(), EngineError> {
        self.gate.trusted(|| {
            let mut statement = self.sqlite.prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            while rows.next()?.is_some() {}
            Ok(())
        })
    }

    /// One integer from one of the engine's own statements.
    pub fn query_own(&self, sql: &str) -> Result<i64, EngineError> {
        self.gate.trusted(|| {
            let mut statement = self.sqlite.prepare_cached(sql)?;
            Ok(statement.query_row([], |row| row.get(0))?)
        })
    }

    /// Finds out what a text is by preparing it, without running it.
    pub fn learn(&self, sql: &str) -> Result<Learned, EngineError> {
        if sql.contains('\0') {
            let message = "the text holds a NUL character".to_owned();
            return Err(EngineError::Sqlite { code: 1, message });
        }
        self.gate.reset();
        let mut batch = Batch::new(&self.sqlite, sql);
        let Some(statement) = batch.next().map_err(|error| self.failure(error))? else {
            let message = "the text holds no SQL statement".to_owned();
            return Err(EngineError::Sqlite { code: 21, message });
        };
        let mut learned = self.gate.learned();
        learned.read_only = statement.readonly();
        if statement.is_explain() != 0 {
            learned = Learned { read_only: true, ..Learned::default() };
        }
        drop(statement);
        // The next statement may depend on this one and fail to prepare; it is there all the same.
        if !matches!(batch.next(), Ok(None)) {
            return Err(EngineError::MultipleStatements);
        }
        let upper = sql.to_ascii_uppercase();
        if !learned.read_only && learned.control == Control::None {
            if upper.contains("VACUUM") && !learned.changes_rows && !learned.changes_schema {
                return Err(EngineError::Denied {
                    what: "VACUUM needs the file for itself".to_owned(),
                });
            }
            // `INSERT OR ROLLBACK` ends the transaction that it fails in.
            learned.solo |= upper.contains("ROLLBACK");
        }
        Ok(learned)
    }

    /// The prepared statement of a text, and whether it had been prepared before.
    pub fn prepare(&self, sql: &str) -> Result<(rusqlite::CachedStatement<'_>, bool), EngineError> {
        let statement = self.sqlite.prepare_cached(sql).map_err(|error| self.failure(error))?;
        let cached = 0 < statement.get_status(StatementStatus::Run);
        Ok((statement, cached))
    }

    /// Gives SQLite's error the reason that only the authorizer knows.
    pub fn failure(&self, error: rusqlite::Error) -> EngineError {
        match self.gate.take_denied() {
            Some(what) => EngineError::Denied { what },
            None => error.into(),
        }
    }
}

/// Tells SQLite not to keep its statistics of memory: they cost a process-wide lock at each allocation, for which readers on several cores would
/// mostly wait (<https://sqlite.org/malloc.html#_setting_memory_usage_limits>). Nobody reads them.
#[expect(
    unsafe_code,
    reason = "the only way to configure the library; the binding has no safe one"
)]
fn count_no_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the option takes one int. SQLite refuses, and changes nothing, when the library is in use already.
        let code =
            unsafe { rusqlite::ffi::sqlite3_config(rusqlite::ffi::SQLITE_CONFIG_MEMSTATUS, 0) };
        if code != rusqlite::ffi::SQLITE_OK {
            tracing::debug!(code, "SQLite keeps its statistics of memory");
        }
    });
}

fn open_failure(path: &Path, reason: String) -> EngineError {
    EngineError::Open { path: path.to_owned(), reason }
}

/// Creates the file for its owner alone if there is none; says in plain words what is wrong with the one that is there.
fn check_file(path: &Path) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => match folder {
            Some(folder) => format!("the folder {} does not exist", folder.display()),
            None => error.to_string(),
        },
        ErrorKind::PermissionDenied => "this user may not read and write it".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    })?;
    check_magic(&file)
}

fn check_magic(mut file: &File) -> Result<(), String> {
    let mut start = Vec::with_capacity(FILE_MAGIC.len());
    file.by_ref()
        .take(FILE_MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| error.to_string())?;
    if start.is_empty() || start == FILE_MAGIC {
        return Ok(());
    }
    Err("it is a file of another kind, or encrypted: it does not start as an SQLite database does"
        .to_owned())
}
