//! The table `schema_migration`: which migrations a database has.

use database::{ConstraintKind, Database, DatabaseError, Statement};

use crate::Migration;

const TABLE_CREATE: &str = include_str!("../queries/table_create.sql");
const TABLE_EXISTS: &str = include_str!("../queries/table_exists.sql");
const RECORD_LIST: &str = include_str!("../queries/record_list.sql");
const RECORD_INSERT: &str = include_str!("../queries/record_insert.sql");
const RECORD_CLAIM: &str = include_str!("../queries/record_claim.sql");
const RECORD_DELETE: &str = include_str!("../queries/record_delete.sql");
const RECORD_DELETE_NEWER: &str = include_str!("../queries/record_delete_newer.sql");
const RECORD_STAMP: &str = include_str!("../queries/record_stamp.sql");

/// One applied migration as the database has it recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub version: u32,
    pub name: String,
    /// SHA-256 of the `up` file that was applied, in hexadecimal.
    pub checksum: String,
    /// When it was applied, in Unix milliseconds.
    pub applied_at: i64,
}

/// The applied migrations in order; none when the database is empty.
pub async fn list(database: &Database) -> Result<Vec<Record>, DatabaseError> {
    let rows = match database.query(Statement::new(RECORD_LIST)).await {
        // Bodies word a missing table differently, so the schema is asked instead of the message.
        Err(DatabaseError::Statement { .. }) => {
            if database.query(Statement::new(TABLE_EXISTS)).await?.is_empty() {
                return Ok(Vec::new());
            }
            // Another runner may have made the table in between; what fails now fails for another reason.
            database.query(Statement::new(RECORD_LIST)).await?
        }
        outcome => outcome?,
    };
    rows.iter()
        .map(|row| {
            Ok(Record {
                version: row.get("version")?,
                name: row.get("name")?,
                checksum: row.get("checksum")?,
                applied_at: row.get("applied_at")?,
            })
        })
        .collect()
}

/// Applies a migration together with its record.
///
/// `false` when it is not the next one (any more): another runner was first, and nothing took effect.
pub async fn apply(
    database: &Database,
    migration: &Migration,
    now_ms: i64,
) -> Result<bool, DatabaseError> {
    let record = Statement::new(RECORD_INSERT)
        .bind(migration.version)
        .bind(migration.name)
        .bind(migration.checksum)
        .bind(now_ms);
    let steps = [Statement::new(TABLE_CREATE), record];
    run(database, steps, migration.up).await
}

/// Takes a migration back together with its record.
///
/// `false` when it is not the newest one (any more): another runner was first, and nothing took effect.
pub async fn revert(database: &Database, migration: &Migration) -> Result<bool, DatabaseError> {
    let claim = Statement::new(RECORD_CLAIM).bind(migration.version);
    let record = Statement::new(RECORD_DELETE).bind(migration.version);
    run(database, [claim, record], migration.down).await
}

/// Records exactly these migrations as applied, and runs none of them.
pub async fn stamp(
    database: &Database,
    migrations: &[Migration],
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let newest = migrations.last().map_or(0, |migration| migration.version);
    let mut batch =
        vec![Statement::new(TABLE_CREATE), Statement::new(RECORD_DELETE_NEWER).bind(newest)];
    batch.extend(migrations.iter().map(|migration| {
        Statement::new(RECORD_STAMP)
            .bind(migration.version)
            .bind(migration.name)
            .bind(migration.checksum)
            .bind(now_ms)
    }));
    database.batch(batch).await.map(drop)
}

async fn run(
    database: &Database,
    bookkeeping: [Statement; 2],
    statements: &'static [&'static str],
) -> Result<bool, DatabaseError> {
    let batch = bookkeeping.into_iter().chain(statements.iter().map(|sql| Statement::new(*sql)));
    match database.batch(batch.collect()).await {
        Ok(_) => Ok(true),
        Err(DatabaseError::Constraint { kind: ConstraintKind::NotNull, subject })
            if subject == "schema_migration.checksum" =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
