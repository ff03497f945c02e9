#![doc = include_str!("../README.md")]

mod error;
mod record;
mod runner;
mod schema;

pub use error::MigrationError;
pub use record::Record;
pub use runner::{Amount, Direction, Entry, Migrations, Status, Step};
pub use schema::schema_hash;

use database::Database;

/// One step of the schema, and how to take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number: the first is 1, and there are no gaps.
    pub version: u32,
    /// What it does: the file name without number and ending.
    pub name: &'static str,
    /// The statements that make the step, in order.
    pub up: &'static [&'static str],
    /// The statements that take it back, in order.
    pub down: &'static [&'static str],
    /// SHA-256 of the `up` file in hexadecimal: an applied migration is never edited.
    pub checksum: &'static str,
}

/// Every migration of `migrations/`, in order.
pub const MIGRATIONS: &[Migration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Brings a database to the schema that this binary was built with.
///
/// Meant for the first request of a component: one read when there is nothing to do, and safe when many instances call it at once.
/// `now_ms` is the time in Unix milliseconds.
///
/// # Errors
/// [`MigrationError::Newer`] when the database belongs to a newer version, [`MigrationError::Edited`] or [`MigrationError::Gap`] when
/// its record disagrees with this binary, [`MigrationError::Failed`] when a migration could not be applied.
pub async fn ensure(database: &Database, now_ms: i64) -> Result<(), MigrationError> {
    Migrations::embedded().ensure(database, now_ms).await
}

/// Refuses a database whose schema is not the one that this binary was built with, and changes nothing.
///
/// For deployments that migrate in a step of their own (`auto_migrate = false`).
///
/// # Errors
/// As [`ensure`], and [`MigrationError::Pending`] when migrations are missing.
pub async fn check(database: &Database) -> Result<(), MigrationError> {
    Migrations::embedded().check(database).await
}
