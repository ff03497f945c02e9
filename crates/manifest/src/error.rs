//! The error of everything that is read from a file.

use std::fmt;
use std::path::PathBuf;

/// A place in a text file. Both numbers start at 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// The place of the byte at `offset`; past the end of `text` it is the end.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

/// What is wrong in a manifest or a runtime-config file, where, and what to do.
///
/// Displays as `<path>:<line>:<column>: <field>: <sentence>`. The position is missing when the file
/// could not be read, the field when the text is not TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    pub path: PathBuf,
    pub position: Option<Position>,
    /// The path of the field in the document, such as `trigger.http[0].route`.
    pub field: String,
    /// One sentence that never contains a secret value.
    pub problem: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.field.is_empty() {
            write!(f, " {}:", self.field)?;
        }
        write!(f, " {}", self.problem)
    }
}

impl std::error::Error for ManifestError {}
