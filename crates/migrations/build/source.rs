//! Reads a directory of migrations and splits its files into single statements.
//!
//! It runs in the build script, so that a component carries neither a SQL parser nor a file system, and a mistake in a migration
//! is a build error with file, line and column. The tests of this crate include the same file.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sqlite3_parser::ast::{Cmd, Stmt};
use sqlite3_parser::lexer::sql::{Error, Parser};
use sqlite3_parser::{Bump, FallibleIterator};

/// A migration as it stands in its two files.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    pub version: u32,
    pub name: String,
    pub up: Vec<String>,
    pub down: Vec<String>,
    /// SHA-256 of the `up` file with Unix line ends, in hexadecimal.
    pub checksum: String,
}

/// What is wrong with a migration, worded for the person who wrote it.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceError {
    path: PathBuf,
    position: Option<(usize, usize)>,
    problem: String,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl SourceError {
    fn new(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), position: None, problem: problem.into() }
    }

    fn at(path: &Path, position: (usize, usize), problem: &str) -> Self {
        Self { path: path.to_owned(), position: Some(position), problem: problem.to_owned() }
    }
}

/// Reads every `NNNN_name.up.sql` and `NNNN_name.down.sql` of `directory`, in order.
///
/// # Errors
/// A file with another name (only `README.md` may stand there too), a gap in the numbers, a missing half, SQL that SQLite's grammar
/// refuses, or a statement that may not stand in a migration.
pub fn read(directory: &Path) -> Result<Vec<Source>, SourceError> {
    let unreadable = |error| SourceError::new(directory, format!("cannot be read: {error}"));
    let mut halves: BTreeMap<(u32, String), [Option<PathBuf>; 2]> = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if file_name == "README.md" || file_name.starts_with('.') {
            continue;
        }
        let Some((version, name, is_down)) = parse_file_name(file_name) else {
            return Err(SourceError::new(
                &path,
                "is not named NNNN_noun_change.up.sql or NNNN_noun_change.down.sql",
            ));
        };
        let [up, down] = halves.entry((version, name)).or_default();
        *(if is_down { down } else { up }) = Some(path);
    }

    let mut sources: Vec<Source> = Vec::new();
    for ((version, name), [up, down]) in halves {
        let expected = sources.last().map_or(1, |last| last.version + 1);
        let Some(path) = up.as_deref().or(down.as_deref()) else { continue };
        if version != expected {
            let problem = format!("has number {version:04} where {expected:04} is next");
            return Err(SourceError::new(path, problem));
        }
        let (Some(up), Some(down)) = (&up, &down) else {
            return Err(SourceError::new(
                path,
                "has no counterpart: each migration has up and down",
            ));
        };
        let (up_text, down_text) = (read_text(up)?, read_text(down)?);
        sources.push(Source {
            version,
            name,
            up: split(up, &up_text)?,
            down: split(down, &down_text)?,
            checksum: hexadecimal(&Sha256::digest(&up_text)),
        });
    }
    Ok(sources)
}

/// Splits `0001_user_create.down.sql` into `(1, "user_create", true)`.
fn parse_file_name(file_name: &str) -> Option<(u32, String, bool)> {
    let stem = file_name.strip_suffix(".sql")?;
    let (stem, is_down) = match stem.strip_suffix(".down") {
        Some(stem) => (stem, true),
        None => (stem.strip_suffix(".up")?, false),
    };
    let (number, name) = stem.split_once('_')?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_name || !is_number {
        return None;
    }
    Some((number.parse().ok()?, name.to_owned(), is_down))
}

/// The text with Unix line ends: a checkout on another system must not change the checksum.
fn read_text(path: &Path) -> Result<String, SourceError> {
    let text = fs::read_to_string(path)
        .map_err(|error| SourceError::new(path, format!("cannot be read: {error}")))?;
    Ok(text.replace("\r\n", "\n"))
}

/// Splits a file into its statements, without the comments between them and the final semicolons.
///
/// SQLite's own grammar decides where a statement ends: the semicolons inside a trigger's body do not end it.
pub fn split(path: &Path, text: &str) -> Result<Vec<String>, SourceError> {
    let arena = Bump::new();
    let mut parser = Parser::new(&arena, text.as_bytes());
    let mut statements = Vec::new();
    let mut start = 0;
    loop {
        start = text.len() - skip_comments(&text[start..]).len();
        let command = match parser.next() {
            Ok(Some(command)) => command,
            Ok(None) if statements.is_empty() => {
                return Err(SourceError::new(path, "holds no statement"));
            }
            Ok(None) => return Ok(statements),
            Err(error) => {
                let reached = parser.position();
                return Err(syntax_error(path, &error, (reached.line, reached.column)));
            }
        };
        let problem = |problem: &str| Err(SourceError::at(path, position(&text[..start]), problem));
        if let Some(reason) = refusal(&command) {
            return problem(reason);
        }
        if text[start..].starts_with(';') {
            return problem("an empty statement: one semicolon too many");
        }
        let end = offset(text, parser.position().line, parser.position().column);
        let Some(statement) = text[start..end].trim_end().strip_suffix(';') else {
            return problem("the last statement has no semicolon");
        };
        statements.push(statement.trim_end().to_owned());
        start = end;
    }
}

/// The parser's words with the position in front, where compilers put it.
fn syntax_error(path: &Path, error: &Error, reached: (usize, usize)) -> SourceError {
    let words = error.to_string();
    let (words, position) = match error {
        Error::ParserError(problem, Some(at)) => (problem.to_string(), (at.line, at.column)),
        _ => (words.split(" at ").next().unwrap_or_default().to_owned(), reached),
    };
    SourceError::at(path, position, &words)
}

/// Why a statement may not stand in a migration, `None` when it may.
fn refusal(command: &Cmd<'_>) -> Option<&'static str> {
    let Cmd::Stmt(statement) = command else {
        return Some("EXPLAIN changes nothing");
    };
    match statement {
        Stmt::Begin(..)
        | Stmt::Commit(..)
        | Stmt::Rollback { .. }
        | Stmt::Savepoint(..)
        | Stmt::Release(..) => {
            Some("transaction control: each migration runs in one transaction with its record")
        }
        Stmt::Pragma(..) => Some("PRAGMA: connections are set up where they are opened"),
        Stmt::Attach { .. } | Stmt::Detach(..) => Some("ATTACH: a migration sees one database"),
        Stmt::Vacuum(..) => Some("VACUUM cannot run in a transaction"),
        Stmt::CreateTable { temporary: true, .. }
        | Stmt::CreateTrigger { temporary: true, .. }
        | Stmt::CreateView { temporary: true, .. } => {
            Some("TEMP: a temporary object is gone with its connection")
        }
        _ => None,
    }
}

/// The rest of `text` after white space and comments.
fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if rest.starts_with("--") {
            rest.split_once('\n').map_or("", |(_, after)| after)
        } else if rest.starts_with("/*") {
            rest.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return rest;
        };
        rest = after.trim_start();
    }
}

/// The byte offset of a position that the parser gives (both count from 1, columns in bytes).
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    before + column - 1
}

/// Line and column of what follows `before`.
fn position(before: &str) -> (usize, usize) {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.len() - line_start + 1)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
