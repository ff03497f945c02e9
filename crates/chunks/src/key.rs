use std::fmt;

/// What the keys of one run of chunks begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Of the ids of an account, a file and a part of it. The schema composes the same where it leaves word of chunks.
    pub fn new(
        account: impl fmt::Display,
        file: impl fmt::Display,
        part: impl fmt::Display,
    ) -> Self {
        Self(format!("{account}/{file}/{part}"))
    }

    /// One that the database has composed.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self, number: u64) -> String {
        format!("{}/{number}", self.0)
    }
}
