use database::DatabaseError;

use crate::Direction;

/// Why migrations were refused or did not take effect.
///
/// A migration that failed left nothing behind; those before it stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A newer Selvage has migrated this database.
    #[error("the database has schema version {found}, this binary knows versions up to {known}")]
    Newer { found: u32, known: u32 },
    /// The file of an applied migration was changed afterwards, or the database belongs to another program.
    #[error(
        "migration {version:04} was applied as {applied_name:?} and is {known_name:?} with other contents here"
    )]
    Edited { version: u32, applied_name: String, known_name: &'static str },
    /// The record of applied migrations skips a version, which no run of this crate leaves behind.
    #[error(
        "the record of applied migrations has no version {missing:04} below version {newest:04}"
    )]
    Gap { missing: u32, newest: u32 },
    /// Migrations are missing and the caller asked not to apply them.
    #[error("the database has schema version {found}, this binary needs version {known}")]
    Pending { found: u32, known: u32 },
    /// There is no migration with this number.
    #[error("there is no migration {version:04}, the newest is {known:04}")]
    Unknown { version: u32, known: u32 },
    /// A list of migrations that was not numbered 1, 2, 3, ….
    #[error("migration {found:04} stands where {expected:04} is next")]
    Misnumbered { found: u32, expected: u32 },
    /// Other writers kept the database busy while this runner tried.
    #[error("other writers keep the database busy")]
    Contended,
    /// A statement of this migration failed; nothing of it took effect.
    #[error("migration {version:04} {name} could not be {}", done(*direction))]
    Failed {
        version: u32,
        name: &'static str,
        direction: Direction,
        #[source]
        source: DatabaseError,
    },
    /// The record of applied migrations could not be read or written.
    #[error("the record of applied migrations could not be used")]
    Record(#[source] DatabaseError),
}

fn done(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "applied",
        Direction::Down => "taken back",
    }
}
