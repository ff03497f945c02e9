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
use testing::{Client, MASTER_KEY, NOW, Person};

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

/// Another instance of the component on the same database. Its limits are out of the way of tests that are about something else.
pub fn client(database: &Database, master_key: &str) -> (Client, Hand) {
    let variables = [("master_key", master_key), ("limit_login", "off"), ("limit_signup", "off")];
    client_with(database, &variables)
}

/// An instance with these variables.
pub fn client_with(database: &Database, variables: &[(&str, &str)]) -> (Client, Hand) {
    let (clock, hand) = Clock::manual(NOW);
    let variables: Variables = variables.iter().copied().collect();
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

/// Someone who is signed in, with a client.
pub struct Someone {
    pub person: Person,
    pub client: Client,
}

impl Setup {
    /// Someone with an account of their own.
    pub async fn someone(&self) -> Someone {
        let person = Person::new(&self.database, "owner", NOW).await;
        Someone { client: self.client.with_token(&person.token), person }
    }

    /// Someone with this role in a team.
    pub async fn member(&self, team: &Team, role: &str) -> Someone {
        let person = Person::new(&self.database, "owner", NOW).await;
        let person = person.joins(&self.database, team.id, role, NOW).await;
        Someone { client: self.client.with_token(&person.token), person }
    }

    /// A team with its first owner, who is signed in to it.
    pub async fn team(&self) -> Team {
        let person = Person::new(&self.database, "owner", NOW).await;
        let client = self.client.with_token(&person.token);
        let answer = client.post("/api/accounts", &json!({"name": "Team"})).await;
        assert_eq!(answer.status.as_u16(), 201);
        let id = answer.body["id"].as_str().unwrap().parse().unwrap();
        Team { id, path: format!("/api/accounts/{id}"), owner: Someone { person, client } }
    }
}

/// A team account.
pub struct Team {
    pub id: ids::AccountId,
    /// `/api/accounts/{id}`
    pub path: String,
    pub owner: Someone,
}

impl Team {
    /// The path of a member.
    pub fn member_path(&self, someone: &Someone) -> String {
        format!("{}/members/{}", self.path, someone.person.user_id)
    }
}
