//! A statement, and what it gives.

use std::borrow::Cow;

use libsql_hrana::proto;

use crate::{HranaError, Value};

/// One SQL statement with the values of its numbered parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    pub sql: Cow<'static, str>,
    pub args: Vec<Value>,
    /// Whether the server sends the rows back. Without them the response is smaller.
    pub want_rows: bool,
}

/// The rows of one statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    pub columns: Vec<String>,
    /// Each row has as many values as there are columns.
    pub rows: Vec<Vec<Value>>,
    /// Rows that an INSERT, UPDATE or DELETE changed, as the server counts them.
    pub changes: u64,
    /// The rowid that the server's connection inserted last, if it tells. Each single statement has a connection of its own.
    pub last_insert_rowid: Option<i64>,
}

impl Stmt {
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), args: Vec::new(), want_rows: true }
    }

    /// Gives the next parameter (`?1`, `?2`, …) its value.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.args.push(value.into());
        self
    }

    /// Leaves the rows on the server, for a statement whose rows nobody reads.
    #[must_use]
    pub fn without_rows(mut self) -> Self {
        self.want_rows = false;
        self
    }

    /// Whether the statement certainly writes nothing, so that it may be sent twice.
    ///
    /// `WITH` may introduce an INSERT and PRAGMA may set something, so neither counts.
    pub(crate) fn is_read_only(&self) -> bool {
        let keyword = first_keyword(&self.sql);
        ["SELECT", "VALUES", "EXPLAIN"].iter().any(|word| keyword.eq_ignore_ascii_case(word))
    }

    /// Whether the statement begins or ends a transaction.
    pub(crate) fn is_transaction_control(&self) -> bool {
        let keyword = first_keyword(&self.sql);
        ["BEGIN", "COMMIT", "END", "ROLLBACK"].iter().any(|word| keyword.eq_ignore_ascii_case(word))
    }

    pub(crate) fn into_wire(self) -> Result<proto::Stmt, HranaError> {
        let mut stmt = proto::Stmt::new(self.sql, self.want_rows);
        stmt.args = self.args.into_iter().map(Value::into_wire).collect::<Result<_, _>>()?;
        Ok(stmt)
    }
}

impl ResultSet {
    pub(crate) fn from_wire(result: proto::StmtResult) -> Result<Self, HranaError> {
        let (changes, last_insert_rowid) = (result.affected_row_count, result.last_insert_rowid);
        let columns: Vec<String> =
            result.cols.into_iter().map(|column| column.name.unwrap_or_default()).collect();
        let rows = result
            .rows
            .into_iter()
            .map(|row| row_from_wire(row, columns.len()))
            .collect::<Result<_, _>>()?;
        Ok(Self { columns, rows, changes, last_insert_rowid })
    }
}

pub(crate) fn row_from_wire(row: proto::Row, columns: usize) -> Result<Vec<Value>, HranaError> {
    if row.values.len() != columns {
        let values = row.values.len();
        return Err(HranaError::protocol(format!("a row of {values} values in {columns} columns")));
    }
    row.values.into_iter().map(Value::from_wire).collect()
}

/// The first word of `sql`, behind white space, comments and empty statements.
fn first_keyword(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest
            .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';' || c == '\u{feff}');
        let after = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n')
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/")
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            return rest.split_at(end).0;
        };
        match after {
            Some((_, after)) => rest = after,
            None => return "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keyword_stands_behind_space_and_comments() {
        for (sql, keyword) in [
            ("SELECT 1", "SELECT"),
            (" \n\t-- why\n/* and */ ; select(1)", "select"),
            ("VALUES(1)", "VALUES"),
            ("", ""),
            ("-- only a comment", ""),
            ("/* open", ""),
            ("é", ""),
        ] {
            assert_eq!(first_keyword(sql), keyword, "{sql:?}");
        }
    }

    #[test]
    fn only_statements_that_cannot_write_may_be_sent_twice() {
        for sql in
            ["SELECT 1", "values (1)", "EXPLAIN QUERY PLAN DELETE FROM t", "/* x */ SELECT 1"]
        {
            assert!(Stmt::new(sql).is_read_only(), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (1)",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "PRAGMA user_version",
            "BEGIN",
            "SELECTED",
        ] {
            assert!(!Stmt::new(sql).is_read_only(), "{sql}");
        }
    }
}
