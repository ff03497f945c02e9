//! What SQLite will do for a statement.

use database::{Database, DatabaseError, Rows, Statement, Value};
use sqlite3_parser::ast::ParameterInfo;
use sqlite3_parser::ast::fmt::ToTokens as _;
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator as _};

/// Tables that stay small whatever the product does, and what is no table: results of subqueries and common table expressions, which are
/// read whole once they have been made.
const HARMLESS: [&str; 29] = [
    "CONSTANT ROW",
    "affordable",
    "bucket",
    "chained",
    "counted",
    "entry",
    "head",
    "hit",
    "item",
    "json_each",
    "kek",
    "kept",
    "marked",
    "original",
    "page",
    "part",
    "piece",
    "pragma_foreign_key_check",
    "pragma_integrity_check",
    "quiet",
    "readable",
    "root_key",
    "schema_migration",
    "signing_key",
    "sqlite_master",
    "sqlite_schema",
    "stretch",
    "timed",
    "tip",
];

/// How many statements a text has.
pub fn statements(sql: &str) -> Result<usize, String> {
    let bump = Bump::new();
    Parser::new(&bump, sql.as_bytes()).count().map_err(|error| error.to_string())
}

/// How many parameters a statement takes.
fn parameters(sql: &str) -> usize {
    let bump = Bump::new();
    let mut info = ParameterInfo::default();
    let command = Parser::new(&bump, sql.as_bytes()).next().unwrap().expect("a statement");
    command.to_tokens(&mut info).unwrap();
    usize::from(info.count)
}

/// The statement after a prefix, with NULL for every parameter: what counts is its text.
pub fn unbound(prefix: &str, sql: &str) -> Statement {
    let statement = Statement::new(format!("{prefix} {sql}"));
    (0..parameters(sql)).fold(statement, |statement, _| statement.bind(Value::Null))
}

/// Runs a statement in a transaction of its own: outside of one, `changes()` has no meaning and is refused.
pub async fn run(database: &Database, statement: Statement) -> Result<Rows, DatabaseError> {
    Ok(database.batch(vec![statement]).await?.remove(0))
}

/// The lines of `EXPLAIN QUERY PLAN`.
pub async fn explain(database: &Database, sql: &str) -> Vec<String> {
    let rows = run(database, unbound("EXPLAIN QUERY PLAN", sql)).await.unwrap();
    rows.iter().map(|row| row.get("detail").unwrap()).collect()
}

/// The lines that read all rows of something that may grow. An alias counts like a table: what is not known to be harmless is not.
pub fn scans(lines: &[String]) -> Vec<&String> {
    lines
        .iter()
        .filter(|line| {
            let Some(scanned) = line.strip_prefix("SCAN ") else { return false };
            let name = scanned.split(" USING").next().unwrap().split(" VIRTUAL").next().unwrap();
            // An index of words that is asked for words: FTS5 says so by an M in its plan.
            if line.split_once(" VIRTUAL TABLE INDEX ").is_some_and(|(_, plan)| plan.contains('M'))
            {
                return false;
            }
            // Subqueries are scanned once they have been made; what made them has lines of its own.
            !HARMLESS.contains(&name)
                && !name.starts_with("(subquery")
                && !name.starts_with("SUBQUERY")
        })
        .collect()
}
