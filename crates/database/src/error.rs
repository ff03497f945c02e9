use std::error::Error;

/// Why a statement or a batch did not take effect.
///
/// Nothing of a batch took effect when one of these comes back, with one exception that no network protocol can avoid:
/// after [`DatabaseError::Unavailable`] on a remote database the outcome of a write is unknown.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A rule of the schema refused the write. `subject` is what SQLite names: `table.column` (several joined by `, `) or the
    /// constraint's name; empty for foreign keys, which SQLite does not name.
    #[error("the {kind:?} constraint {subject:?} was broken")]
    Constraint { kind: ConstraintKind, subject: String },
    /// Other writers held the database longer than a statement may wait.
    #[error("the database is busy")]
    Busy,
    /// The database cannot be reached or cannot store more. Trying again later may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The URL cannot be one of a database.
    #[error("{reason}")]
    Address { reason: String },
    /// The result is larger than the body may hold in memory.
    #[error("the result is too large")]
    TooLarge,
    /// The database refused the statement: the text does not fit the schema, or a value does not fit a function.
    #[error("the statement was refused: {message}")]
    Statement { message: String },
    /// A column is missing or has another type than the code expects.
    #[error("column {column:?} holds {found}")]
    Column { column: String, found: &'static str },
}

/// The kinds of rules that a schema can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    Unique,
    ForeignKey,
    Check,
    NotNull,
    /// A trigger's `RAISE(ABORT, 'TRIGGER constraint failed: subject')`: the words are this project's convention, because
    /// SQLite passes on nothing but the words.
    Trigger,
    /// A value of the wrong class in a `STRICT` table.
    DataType,
}

impl DatabaseError {
    /// Whether a `UNIQUE` or primary-key rule on exactly this subject, e.g. `user.email`, refused the write.
    pub fn is_unique(&self, subject: &str) -> bool {
        matches!(self, Self::Constraint { kind: ConstraintKind::Unique, subject: broken } if broken == subject)
    }

    /// Whether the named `CHECK` refused the write.
    pub fn is_check(&self, name: &str) -> bool {
        matches!(self, Self::Constraint { kind: ConstraintKind::Check, subject } if subject == name)
    }

    /// Whether the named rule of a trigger refused the write.
    pub fn is_trigger(&self, rule: &str) -> bool {
        matches!(self, Self::Constraint { kind: ConstraintKind::Trigger, subject } if subject == rule)
    }

    /// Classifies what SQLite said.
    ///
    /// The words are all that every body has in common (`spin:sqlite` gives nothing else), and they are stable: SQLite composes
    /// them in `sqlite3UniqueConstraint`, `sqlite3HaltConstraint` and `vdbe.c` since version 3.7. Bodies prefix them with their own.
    pub(crate) fn from_message(message: &str) -> Self {
        const RULES: [(&str, ConstraintKind); 6] = [
            ("UNIQUE constraint failed: ", ConstraintKind::Unique),
            ("CHECK constraint failed: ", ConstraintKind::Check),
            ("NOT NULL constraint failed: ", ConstraintKind::NotNull),
            ("TRIGGER constraint failed: ", ConstraintKind::Trigger),
            ("FOREIGN KEY constraint failed", ConstraintKind::ForeignKey),
            ("cannot store ", ConstraintKind::DataType),
        ];
        for (words, kind) in RULES {
            if let Some((_, rest)) = message.split_once(words) {
                let subject = rest.trim_end_matches(['`', '"', '\'', ')']).to_owned();
                return Self::Constraint { kind, subject };
            }
        }
        if ["database is locked", "database table is locked", "database is busy"]
            .iter()
            .any(|words| message.contains(words))
        {
            return Self::Busy;
        }
        if [
            "disk I/O error",
            "database or disk is full",
            "unable to open database",
            "attempt to write a readonly database",
        ]
        .iter()
        .any(|words| message.contains(words))
        {
            return Self::Unavailable(message.into());
        }
        Self::Statement { message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_is_classified() {
        let unique =
            DatabaseError::from_message("SQLite failure: `UNIQUE constraint failed: user.email`");
        assert!(unique.is_unique("user.email"), "{unique:?}");
        let pair = DatabaseError::from_message(
            "UNIQUE constraint failed: conversation.account_id, conversation.continuation_id",
        );
        assert!(
            pair.is_unique("conversation.account_id, conversation.continuation_id"),
            "{pair:?}"
        );
        let check = DatabaseError::from_message("CHECK constraint failed: message_role");
        assert!(check.is_check("message_role"), "{check:?}");
        assert!(matches!(
            DatabaseError::from_message("FOREIGN KEY constraint failed"),
            DatabaseError::Constraint { kind: ConstraintKind::ForeignKey, .. }
        ));
        assert!(matches!(
            DatabaseError::from_message("cannot store TEXT value in INTEGER column t.n"),
            DatabaseError::Constraint { kind: ConstraintKind::DataType, .. }
        ));
        assert!(matches!(DatabaseError::from_message("database is locked"), DatabaseError::Busy));
        assert!(matches!(
            DatabaseError::from_message("disk I/O error"),
            DatabaseError::Unavailable(_)
        ));
        assert!(matches!(
            DatabaseError::from_message("no such table: user"),
            DatabaseError::Statement { .. }
        ));
    }
}
