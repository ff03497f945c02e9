//! The real migrations: each can be applied, taken back and applied again.

use database::{Database, Statement};
use migrations::{Amount, Migrations, schema_hash};

#[tokio::test]
async fn up_then_down_then_up_gives_the_same_schema() {
    let database = Database::in_memory().unwrap();
    let migrations = Migrations::embedded();
    let mut hashes = vec![schema_hash(&database).await.unwrap()];
    for migration in migrations.list() {
        let applied = migrations.up(&database, Amount::Some(1), 0).await.unwrap();
        assert_eq!(applied, [migration]);
        hashes.push(schema_hash(&database).await.unwrap());
    }
    // Each one alone, so that a `down` that forgets something is found where it forgets it.
    for (migration, expected) in migrations.list().iter().zip(&hashes).rev() {
        assert_eq!(migrations.down(&database, Amount::Some(1)).await.unwrap(), [migration]);
        let hash = schema_hash(&database).await.unwrap();
        assert_eq!(&hash, expected, "after taking back {} {}", migration.version, migration.name);
    }
    migrations.up(&database, Amount::All, 0).await.unwrap();
    assert_eq!(Some(&schema_hash(&database).await.unwrap()), hashes.last());
    migrations::check(&database).await.unwrap();
    assert!(database.query(Statement::new("PRAGMA foreign_key_check")).await.unwrap().is_empty());
}

#[tokio::test]
async fn ensure_is_idempotent() {
    let database = Database::in_memory().unwrap();
    migrations::ensure(&database, 1).await.unwrap();
    let history = Migrations::embedded().history(&database).await.unwrap();
    migrations::ensure(&database, 2).await.unwrap();
    assert_eq!(Migrations::embedded().history(&database).await.unwrap(), history);
    assert_eq!(history.len(), migrations::MIGRATIONS.len());
}
