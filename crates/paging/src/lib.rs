#![doc = include_str!("../README.md")]

use std::str::FromStr;

use problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};

pub const PAGE_ITEMS_DEFAULT: u32 = 50;
pub const PAGE_ITEMS_MAX: u32 = 200;

/// A page of a list, and where the next one begins.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

/// The query string of a list without filters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

/// Which part of a list: items after one place, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Part<C> {
    pub after: Option<C>,
    pub limit: u32,
}

impl ListQuery {
    /// The part that the query names. A cursor is the id of the last item that the client has seen.
    ///
    /// # Errors
    /// 422 for a limit or a cursor that no list takes.
    pub fn part<C: FromStr>(self) -> Result<Part<C>, Problem> {
        part(self.limit, self.cursor)
    }
}

/// As [`ListQuery::part`], for lists that have filters too.
///
/// # Errors
/// 422 for a limit or a cursor that no list takes.
pub fn part<C: FromStr>(limit: Option<u32>, cursor: Option<String>) -> Result<Part<C>, Problem> {
    let limit = limit.unwrap_or(PAGE_ITEMS_DEFAULT);
    if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
        let detail = format!("It must be from 1 to {PAGE_ITEMS_MAX}.");
        return Err(Problem::validation(vec![FieldError::new("/limit", detail)]));
    }
    let after = cursor.map(|cursor| cursor.parse()).transpose().map_err(|_| {
        Problem::validation(vec![FieldError::new("/cursor", "This is no cursor of this list.")])
    })?;
    Ok(Part { after, limit })
}

impl<C> Part<C> {
    /// How many rows to ask for: one more than the page has, which says whether there is a next one.
    pub fn rows(&self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// The page of these rows.
    pub fn page<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = limit < rows.len();
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(cursor);
        Page { data: rows, next_cursor }
    }
}
