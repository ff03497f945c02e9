use std::fmt::Write as _;

use database::{Database, DatabaseError, Statement};
use sha2::{Digest, Sha256};

const SCHEMA: &str = include_str!("../queries/schema.sql");

/// SHA-256 in hexadecimal over every table, index, view and trigger with its text.
///
/// Two databases with the same hash have the same schema. SQLite's own tables and the record of migrations are left out, so that a
/// database that was taken down completely has the hash of an empty one.
pub async fn schema_hash(database: &Database) -> Result<String, DatabaseError> {
    let rows = database.query(Statement::new(SCHEMA)).await?;
    let mut hash = Sha256::new();
    for row in rows.iter() {
        for column in ["type", "name", "tbl_name", "sql"] {
            hash.update(row.get::<&str>(column)?);
            // A separator that no SQL text contains keeps neighbouring columns apart.
            hash.update([0]);
        }
    }
    let mut hexadecimal = String::new();
    for byte in hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(hexadecimal, "{byte:02x}");
    }
    Ok(hexadecimal)
}
