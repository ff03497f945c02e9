//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

use ambient::{Clock, Entropy, Hand};
use database::{Database, Statement};
use serde_json::{Value, json};
use settings::{AuthSettings, Variables};
use testing::{Client, MASTER_KEY, NOW};

pub const PASSWORD: &str = "correct horse battery";

pub struct Setup {
    pub client: Client,
    pub database: Database,
    pub hand: Hand,
}

pub async fn setup() -> Setup {
    let database = testing::database().await;
    let (client, hand) = client(&database, MASTER_KEY);
    Setup { client, database, hand }
}

/// Another instance of the component on the same database.
pub fn client(database: &Database, master_key: &str) -> (Client, Hand) {
    let (clock, hand) = Clock::manual(NOW);
    let variables: Variables = [("master_key", master_key)].into_iter().collect();
    let settings = AuthSettings::new(&variables).unwrap();
    let router = auth::router(database.clone(), settings, clock, Entropy::system()).unwrap();
    (Client::new(router), hand)
}

pub fn signup(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

/// The only value of a query with one row and the column `n`.
pub async fn number(database: &Database, sql: &'static str) -> i64 {
    database.query(Statement::new(sql)).await.unwrap().first().unwrap().get("n").unwrap()
}
