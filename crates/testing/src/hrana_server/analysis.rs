//! What a statement does, told from its text before it runs.

use sqlite3_parser::ast::{Cmd, PragmaBody, QualifiedName, Stmt};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

use super::failure::Failure;

/// Pragmas that only read.
const PRAGMAS_READ: &[&str] = &[
    "collation_list",
    "compile_options",
    "data_version",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "module_list",
    "page_count",
    "pragma_list",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];
/// Pragmas that may also be set.
const PRAGMAS_WRITE: &[&str] =
    &["defer_foreign_keys", "foreign_keys", "legacy_file_format", "stats", "user_version"];
/// Pragmas that may be asked for and not set, because they belong to the server.
const PRAGMAS_ASKED: &[&str] = &[
    "analysis_limit",
    "application_id",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "fullfsync",
    "hard_heap_limit",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "max_page_count",
    "mmap_size",
    "page_size",
    "query_only",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "schema_version",
    "secure_delete",
    "soft_heap_limit",
    "synchronous",
    "temp_store",
    "threads",
    "trusted_schema",
    "wal_autocheckpoint",
];

/// What the server needs to know of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    /// BEGIN, COMMIT, savepoints: allowed to everyone.
    Transaction,
    Insert,
    UpdateOrDelete,
    /// Schema changes and settings.
    Other,
}

impl Kind {
    pub fn writes(self) -> bool {
        !matches!(self, Self::Read | Self::Transaction)
    }
}

/// The only statement of `sql`.
pub fn single(sql: &str) -> Result<Kind, Failure> {
    let kinds = all(sql)?;
    match kinds[..] {
        [kind] => Ok(kind),
        [] => {
            Err(Failure::statement("SQL_NO_STATEMENT", "SQL string does not contain any statement"))
        }
        _ => Err(Failure::statement(
            "SQL_MANY_STATEMENTS",
            "SQL string contains more than one statement",
        )),
    }
}

/// Every statement of `sql`, or why the server refuses it.
pub fn all(sql: &str) -> Result<Vec<Kind>, Failure> {
    let refused = |reason: String| {
        Failure::statement("SQL_PARSE_ERROR", format!("SQL string could not be parsed: {reason}"))
    };
    let arena = Bump::new();
    let mut parser = Parser::new(&arena, sql.as_bytes());
    let mut kinds = Vec::new();
    while let Some(command) = parser.next().map_err(|error| refused(error.to_string()))? {
        kinds.push(kind(&command).ok_or_else(|| refused(format!("unsupported statement: {sql}")))?);
    }
    Ok(kinds)
}

/// `None` for what the server does not support: other files, temporary objects, and its own business.
fn kind(command: &Cmd<'_>) -> Option<Kind> {
    let statement = match command {
        Cmd::Explain(_) | Cmd::ExplainQueryPlan(_) => return Some(Kind::Read),
        Cmd::Stmt(statement) => statement,
    };
    match statement {
        Stmt::Select(_) => Some(Kind::Read),
        Stmt::Insert { tbl_name, .. } if !is_temporary(tbl_name) => Some(Kind::Insert),
        Stmt::Update { tbl_name, .. } | Stmt::Delete { tbl_name, .. }
            if !is_temporary(tbl_name) =>
        {
            Some(Kind::UpdateOrDelete)
        }
        Stmt::Begin(..)
        | Stmt::Commit(_)
        | Stmt::Rollback { .. }
        | Stmt::Savepoint(_)
        | Stmt::Release(_) => Some(Kind::Transaction),
        Stmt::CreateTable { temporary: false, tbl_name, .. }
        | Stmt::CreateVirtualTable { tbl_name, .. }
            if !is_temporary(tbl_name) =>
        {
            Some(Kind::Other)
        }
        Stmt::CreateTrigger { temporary: false, .. }
        | Stmt::CreateView { temporary: false, .. }
        | Stmt::CreateIndex { .. }
        | Stmt::AlterTable(..)
        | Stmt::DropIndex { .. }
        | Stmt::DropTable { .. }
        | Stmt::DropTrigger { .. }
        | Stmt::DropView { .. }
        | Stmt::Reindex { .. } => Some(Kind::Other),
        Stmt::Pragma(name, body) => pragma(name, body.as_ref()),
        _ => None,
    }
}

fn is_temporary(name: &QualifiedName<'_>) -> bool {
    name.db_name.as_ref().is_some_and(|schema| schema.0.eq_ignore_ascii_case("temp"))
}

fn pragma(name: &QualifiedName<'_>, body: Option<&PragmaBody<'_>>) -> Option<Kind> {
    let listed = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name.name.0));
    if listed(PRAGMAS_READ) || (body.is_none() && listed(PRAGMAS_ASKED)) {
        Some(Kind::Read)
    } else if listed(PRAGMAS_WRITE) {
        Some(Kind::Other)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(sql: &str) -> String {
        match single(sql) {
            Err(Failure::Statement(error)) => error.code,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn what_the_server_keeps_for_itself_is_refused() {
        for sql in [
            "ATTACH 'x.db' AS x",
            "DETACH x",
            "VACUUM",
            "ANALYZE",
            "CREATE TEMP TABLE t (a)",
            "CREATE TABLE temp.t (a)",
            "CREATE TEMPORARY VIEW v AS SELECT 1",
            "PRAGMA optimize",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            "PRAGMA journal_mode = DELETE",
            "PRAGMA synchronous = OFF",
            "pragma cache_size(-1000)",
            "PRAGMA no_such_pragma",
        ] {
            let Err(Failure::Statement(error)) = single(sql) else { panic!("{sql} is accepted") };
            assert_eq!(
                error.message,
                format!("SQL string could not be parsed: unsupported statement: {sql}")
            );
            assert_eq!(error.code, "SQL_PARSE_ERROR");
        }
    }

    #[test]
    fn one_statement_is_wanted() {
        assert_eq!(code(""), "SQL_NO_STATEMENT");
        assert_eq!(code("-- nothing"), "SQL_NO_STATEMENT");
        assert_eq!(code("SELECT 1; SELECT 2"), "SQL_MANY_STATEMENTS");
        assert_eq!(code("SELEC 1"), "SQL_PARSE_ERROR");
        assert_eq!(single("SELECT 1;").unwrap(), Kind::Read);
    }

    #[test]
    fn modern_sql_is_understood() {
        for (sql, expected) in [
            (
                "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT GENERATED ALWAYS AS (a || '') STORED) STRICT",
                Kind::Other,
            ),
            ("CREATE VIRTUAL TABLE f USING fts5(body, tokenize = 'porter unicode61')", Kind::Other),
            (
                "INSERT INTO t (a) VALUES (?1) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING a",
                Kind::Insert,
            ),
            (
                "WITH x AS (SELECT 1) DELETE FROM t WHERE a IN (SELECT * FROM x)",
                Kind::UpdateOrDelete,
            ),
            (
                "SELECT row_number() OVER (PARTITION BY a ORDER BY b), j ->> '$.x' FROM t",
                Kind::Read,
            ),
            ("BEGIN IMMEDIATE", Kind::Transaction),
            ("PRAGMA foreign_keys = OFF", Kind::Other),
            ("PRAGMA journal_mode", Kind::Read),
            ("EXPLAIN QUERY PLAN DELETE FROM t", Kind::Read),
        ] {
            assert_eq!(single(sql).unwrap(), expected, "{sql}");
        }
    }
}
