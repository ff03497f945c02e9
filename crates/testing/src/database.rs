use ambient::UnixMillis;
use database::Database;

/// The time at which tests begin: 2026-11-22T02:33:09.250Z.
pub const NOW: UnixMillis = UnixMillis(1_795_314_789_250);

/// A master key for tests.
pub const MASTER_KEY: &str = "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=";

/// Another one: that of a database which belongs to someone else.
pub const OTHER_MASTER_KEY: &str = "t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M=";

/// A new database in memory with every migration applied.
pub async fn database() -> Database {
    migrated(Database::in_memory().unwrap()).await
}

/// The same database with every migration applied.
pub async fn migrated(database: Database) -> Database {
    migrations::ensure(&database, NOW.0).await.unwrap();
    database
}
