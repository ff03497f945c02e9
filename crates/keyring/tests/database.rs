//! A database belongs to the master key that it was first used with.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::UnixMillis;
use database::{Database, Statement};
use keyring::{Keyring, KeyringError};

const A: &str = "q0mBR1kKwtqYkA0Wn3T4lVQ3xH9m0dVnUq2k1hJ5y7g=";
const B: &str = "t3aXc8Jw5vE0o2rK9sQmYbGd1nPzH4uLfT6iRkVxW0M=";
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

async fn migrated() -> Database {
    let database = Database::in_memory().unwrap();
    migrations::ensure(&database, NOW.0).await.unwrap();
    database
}

fn ring(text: &str) -> Keyring {
    text.parse().unwrap()
}

async fn ids(database: &Database) -> Vec<String> {
    let rows = database.query(Statement::new("SELECT id FROM root_key ORDER BY id")).await.unwrap();
    rows.iter().map(|row| row.get("id").unwrap()).collect()
}

#[tokio::test]
async fn another_key_is_refused_and_changes_nothing() {
    let database = migrated().await;
    keyring::register(&database, &ring(A), NOW).await.unwrap();
    for wrong in [B.to_owned(), format!("new:{B}")] {
        let error = keyring::register(&database, &ring(&wrong), NOW).await.unwrap_err();
        assert!(matches!(error, KeyringError::WrongMasterKey), "{error:?}");
        assert!(keyring::check(&database, &ring(&wrong)).await.is_err());
    }
    assert_eq!(ids(&database).await, ["1"]);
}

#[tokio::test]
async fn an_id_that_changed_its_key_is_refused_in_a_rotated_database_too() {
    let database = migrated().await;
    keyring::register(&database, &ring(&format!("b:{B},a:{A}")), NOW).await.unwrap();
    let swapped = ring(&format!("a:{B},b:{A}"));
    let error = keyring::check(&database, &swapped).await.unwrap_err();
    assert!(matches!(error, KeyringError::Mistaken { ref id } if id == "a"), "{error:?}");
}

#[tokio::test]
async fn a_ring_takes_its_new_key_along_and_may_drop_the_old_one() {
    let database = migrated().await;
    keyring::check(&database, &ring(A)).await.unwrap();
    keyring::register(&database, &ring(&format!("a:{A}")), NOW).await.unwrap();
    keyring::register(&database, &ring(&format!("b:{B},a:{A}")), NOW).await.unwrap();
    assert_eq!(ids(&database).await, ["a", "b"]);
    keyring::register(&database, &ring(&format!("b:{B}")), NOW).await.unwrap();
}
