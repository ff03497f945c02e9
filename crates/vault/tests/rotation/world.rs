//! A database with secrets in it.

use std::collections::BTreeMap;

use ambient::{Clock, Entropy};
use database::{Database, Statement};
use egress::{Egress, UrlPolicy};
use ids::AccountId;
use serde_json::{Value, json};
use testing::{MASTER_KEY, NOW, OTHER_MASTER_KEY};
use vault::{KeyServices, Kind, Owner, Vault};

/// A vault under this ring and these services.
pub fn vault_of(ring: &str, services: &Value) -> Vault {
    let policy: UrlPolicy = "http://127.0.0.1:*".parse().unwrap();
    let services = KeyServices::parse(&services.to_string(), &policy).unwrap();
    let clock = Clock::manual(NOW).0;
    Vault::new(&ring.parse().unwrap(), &services, &Egress::new().unwrap(), clock, Entropy::system())
}

/// As it was before a rotation.
pub fn before() -> Vault {
    vault_of(MASTER_KEY, &json!([]))
}

/// With a new master key before the old one.
pub fn after() -> Vault {
    vault_of(&format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}"), &json!([]))
}

pub fn account(n: u8) -> AccountId {
    AccountId::new(NOW, [n; 10])
}

/// Whose secret the n-th is: of one of two accounts, or of the deployment.
pub fn owner(n: usize, id: &str) -> Owner<'_> {
    let account_id = [None, Some(account(1)), Some(account(2))][n % 3];
    let kind = [Kind::Key, Kind::Model, Kind::McpServer][n / 3 % 3];
    Owner { account_id, kind, id }
}

pub fn id(n: usize) -> String {
    format!("key_{n:05}")
}

pub async fn put(database: &Database, vault: &Vault, n: usize, value: &str) {
    let id = id(n);
    let owner = owner(n, &id);
    let sealed = vault.seal(&owner.row(), value.as_bytes()).await.unwrap();
    database.batch(owner.put(sealed, None, NOW).into()).await.unwrap();
}

pub async fn get(database: &Database, vault: &Vault, n: usize) -> String {
    let id = id(n);
    let owner = owner(n, &id);
    let sealed = owner.find(database).await.unwrap().unwrap();
    vault.open(&owner.row(), &sealed).await.unwrap().as_str().unwrap().to_owned()
}

/// The accounts, and this many secrets, each of which is `v0`.
pub async fn fill(database: &Database, vault: &Vault, count: usize) {
    migrations::ensure(database, NOW.0).await.unwrap();
    let sql = "INSERT INTO account (id, name, kind, created_at, updated_at) VALUES (?1, 'a', 'team', 1, 1)";
    for n in 1..=2 {
        database.query(Statement::new(sql).bind(account(n).to_string())).await.unwrap();
    }
    let all: Vec<usize> = (0..count).collect();
    for some in all.chunks(500) {
        let mut statements = Vec::new();
        for n in some {
            let id = id(*n);
            let owner = owner(*n, &id);
            let sealed = vault.seal(&owner.row(), b"v0").await.unwrap();
            statements.extend(owner.put(sealed, None, NOW));
        }
        database.batch(statements).await.unwrap();
    }
}

/// What the keys wrap, by their ids.
pub async fn counts(database: &Database) -> BTreeMap<String, u64> {
    let keks = vault::status(database).await.unwrap();
    keks.into_iter().map(|kek| (kek.id, kek.secrets)).collect()
}

/// The same, as it should be.
pub fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(id, count)| (id.to_owned(), count)).into()
}

/// All bodies, as they stand in the table.
pub async fn bodies(database: &Database) -> Vec<Vec<u8>> {
    let statement = Statement::new("SELECT sealed FROM secret ORDER BY id");
    let rows = database.query(statement).await.unwrap();
    rows.iter().map(|row| row.get("sealed").unwrap()).collect()
}
