use std::borrow::Cow;

use crate::Value;

/// One SQL statement with its positional parameters `?1`, `?2`, ….
///
/// The text comes from a `.sql` file (`include_str!`); values are only ever bound.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) parameters: Vec<Value>,
}

impl Statement {
    /// A statement without parameters so far.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        Self { sql: sql.into(), parameters: Vec::new() }
    }

    /// Binds the next positional parameter: the first call is `?1`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.parameters.push(value.into());
        self
    }

    /// The statement's text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The bound values, `?1` first.
    pub fn parameters(&self) -> &[Value] {
        &self.parameters
    }
}
