//! TOML with places: every value knows its field path and its span, and every table knows what was read of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{ManifestError, Position};

/// One TOML file. `places` remembers where each visited value stands, so that later checks can point at it.
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    places: RefCell<BTreeMap<String, Position>>,
}

impl Document {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), places: RefCell::default() }
    }

    pub(crate) fn open(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| ManifestError {
            path: path.to_owned(),
            position: None,
            field: String::new(),
            problem: format!("the file cannot be read ({error}); name an existing TOML file"),
        })?;
        Ok(Self::new(path, &text))
    }

    /// Parses the text and hands the root table to `read`, which must read or refuse every field.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(Table<'_>) -> Result<T, ManifestError>,
    ) -> Result<T, ManifestError> {
        let root = DeTable::parse(&self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            self.error(start, "", format!("this is not valid TOML: {}", error.message()))
        })?;
        read(Table {
            document: self,
            field: String::new(),
            start: 0,
            entries: root.get_ref(),
            known: Vec::new(),
        })
    }

    pub(crate) fn into_places(self) -> BTreeMap<String, Position> {
        self.places.into_inner()
    }

    fn error(&self, start: usize, field: &str, problem: impl fmt::Display) -> ManifestError {
        ManifestError {
            path: self.path.clone(),
            position: Some(Position::of(&self.text, start)),
            field: field.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// A table that is being read. [`Table::finish`] refuses the fields that nobody asked for.
pub(crate) struct Table<'a> {
    document: &'a Document,
    pub(crate) field: String,
    start: usize,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Value<'a>> {
        self.known.push(name);
        self.peek(name)
    }

    /// A field that this version refuses: found, but not counted among those that are known here.
    pub(crate) fn peek(&self, name: &str) -> Option<Value<'a>> {
        self.entries().into_iter().find_map(|(key, value)| (key.text == name).then_some(value))
    }

    pub(crate) fn required(&mut self, name: &'static str) -> Result<Value<'a>, ManifestError> {
        self.optional(name).ok_or_else(|| {
            let field = join(&self.field, name);
            self.document.error(self.start, &field, "this field is required; add it")
        })
    }

    /// Every entry with its key, in the order of the file, for tables whose keys are names.
    pub(crate) fn entries(&self) -> Vec<(Key<'a>, Value<'a>)> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| {
                let field = join(&self.field, key.get_ref());
                let start = key.span().start;
                let key = Key {
                    document: self.document,
                    field: field.clone(),
                    start,
                    text: key.get_ref(),
                };
                (key, Value::new(self.document, field, value, start))
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.start);
        entries
    }

    /// Refuses what was not read. The message lists what is known here.
    pub(crate) fn finish(self) -> Result<(), ManifestError> {
        match self.entries().iter().find(|(key, _)| !self.known.contains(&key.text)) {
            None => Ok(()),
            Some((key, _)) => {
                let known = self.known.join("`, `");
                Err(key.error(format!("Selvage does not know this field; known here: `{known}`")))
            }
        }
    }

    pub(crate) fn error(&self, problem: impl fmt::Display) -> ManifestError {
        self.document.error(self.start, &self.field, problem)
    }
}

/// A key of a table.
pub(crate) struct Key<'a> {
    document: &'a Document,
    field: String,
    start: usize,
    pub(crate) text: &'a str,
}

impl Key<'_> {
    pub(crate) fn error(&self, problem: impl fmt::Display) -> ManifestError {
        self.document.error(self.start, &self.field, problem)
    }
}

/// A value with its field path.
pub(crate) struct Value<'a> {
    document: &'a Document,
    pub(crate) field: String,
    start: usize,
    inner: &'a DeValue<'a>,
}

impl<'a> Value<'a> {
    /// Tables that exist only through dotted headers have an empty span; their key stands in for them.
    fn new(
        document: &'a Document,
        field: String,
        value: &'a Spanned<DeValue<'a>>,
        key_start: usize,
    ) -> Self {
        let span: Range<usize> = value.span();
        let start = if span.is_empty() { key_start } else { span.start };
        let place = Position::of(&document.text, start);
        document.places.borrow_mut().insert(field.clone(), place);
        Self { document, field, start, inner: value.get_ref() }
    }

    pub(crate) fn error(&self, problem: impl fmt::Display) -> ManifestError {
        self.document.error(self.start, &self.field, problem)
    }

    /// The value itself is not shown: it may be a secret written without quotes.
    fn wrong_type(&self, expected: &str) -> ManifestError {
        let found = match self.inner {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.error(format!("expected {expected}, found {found}"))
    }

    pub(crate) fn is_string(&self) -> bool {
        self.inner.is_str()
    }

    pub(crate) fn is_table(&self) -> bool {
        self.inner.is_table()
    }

    pub(crate) fn is_array(&self) -> bool {
        self.inner.is_array()
    }

    pub(crate) fn string(&self) -> Result<&'a str, ManifestError> {
        self.inner.as_str().ok_or_else(|| self.wrong_type("a string"))
    }

    /// A string that says something.
    pub(crate) fn text(&self) -> Result<&'a str, ManifestError> {
        let text = self.string()?;
        if text.trim().is_empty() {
            return Err(self.error("this must not be empty; write a value or leave the field out"));
        }
        Ok(text)
    }

    pub(crate) fn boolean(&self) -> Result<bool, ManifestError> {
        self.inner.as_bool().ok_or_else(|| self.wrong_type("`true` or `false`"))
    }

    /// An integer that is not negative.
    pub(crate) fn unsigned(&self) -> Result<u64, ManifestError> {
        let integer = self.inner.as_integer().ok_or_else(|| self.wrong_type("an integer"))?;
        u64::from_str_radix(integer.as_str(), integer.radix())
            .map_err(|_| self.error("this must be an integer from 0 to 18446744073709551615"))
    }

    pub(crate) fn is_integer(&self) -> bool {
        self.inner.is_integer()
    }

    pub(crate) fn array(&self) -> Result<Vec<Value<'a>>, ManifestError> {
        let items = self.inner.as_array().ok_or_else(|| self.wrong_type("an array"))?;
        let item = |(index, item)| {
            Value::new(self.document, format!("{}[{index}]", self.field), item, self.start)
        };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(crate) fn strings(&self) -> Result<Vec<String>, ManifestError> {
        self.array()?.iter().map(|item| item.string().map(str::to_owned)).collect()
    }

    pub(crate) fn table(&self) -> Result<Table<'a>, ManifestError> {
        let entries = self.inner.as_table().ok_or_else(|| self.wrong_type("a table"))?;
        Ok(Table {
            document: self.document,
            field: self.field.clone(),
            start: self.start,
            entries,
            known: Vec::new(),
        })
    }
}

/// Appends a key to a field path, quoted when TOML would want it quoted.
fn join(field: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match (field.is_empty(), bare) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{key:?}"),
        (false, true) => format!("{field}.{key}"),
        (false, false) => format!("{field}.{key:?}"),
    }
}
