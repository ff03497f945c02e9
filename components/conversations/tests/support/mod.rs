//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

use std::fmt::Write as _;

use ambient::{Clock, Entropy, Hand};
use axum::http::StatusCode;
use database::Database;
use serde_json::{Value, json};
use settings::{ConversationsSettings, Variables};
use testing::{Client, NOW, Person};

pub const PATH: &str = "/api/conversations";

/// Two people with an account each, and a router between them and the database.
pub struct Setup {
    pub database: Database,
    pub hand: Hand,
    pub anonymous: Client,
    pub ada: Client,
    pub eve: Client,
    pub ada_person: Person,
}

pub async fn setup() -> Setup {
    let database = testing::database().await;
    let (clock, hand) = Clock::manual(NOW);
    let settings =
        ConversationsSettings::new(&[("limit_api", "off")].into_iter().collect::<Variables>())
            .unwrap();
    let router = conversations::router(database.clone(), settings, clock, Entropy::system());
    let anonymous = Client::new(router);
    let ada_person = Person::new(&database, "owner", NOW).await;
    let eve = Person::new(&database, "owner", NOW).await;
    Setup {
        ada: anonymous.with_token(&ada_person.token),
        eve: anonymous.with_token(eve.token),
        database,
        hand,
        anonymous,
        ada_person,
    }
}

impl Setup {
    /// A client with this role in Ada's account.
    pub async fn colleague(&self, role: &str) -> Client {
        let person = Person::new(&self.database, "owner", NOW).await;
        let person = person.joins(&self.database, self.ada_person.account_id, role, NOW).await;
        self.anonymous.with_token(person.token)
    }

    /// The path of a new conversation of Ada's.
    pub async fn conversation(&self) -> String {
        let answer = self.ada.post(PATH, &json!({})).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        format!("{PATH}/{}", answer.body["id"].as_str().unwrap())
    }

    /// Appends texts to a conversation and gives the last message.
    pub async fn append(&self, conversation: &str, texts: &[&str]) -> Value {
        let mut last = Value::Null;
        for text in texts {
            let body = json!({"role": "user", "content": text});
            let answer = self.ada.post(&format!("{conversation}/messages"), &body).await;
            assert_eq!(answer.status, StatusCode::CREATED);
            last = answer.body;
        }
        last
    }
}

/// Ids that name nothing of the caller's: unknown, of another kind, malformed.
pub const STRANGE_IDS: [&str; 8] = [
    "conv_01h455vb4pex5vsknk084sn02q",
    "acct_01h455vb4pex5vsknk084sn02q",
    "conv_",
    "conv_01H455VB4PEX5VSKNK084SN02Q",
    "1",
    "%00",
    "conv_01h455vb4pex5vsknk084sn02q%27%20OR%201=1",
    "..%2f..%2fetc",
];

/// A query string of these parameters.
pub fn url(parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            write!(encoded, "%{byte:02X}").unwrap();
            encoded
        })
    };
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("/api/search?{}", pairs.join("&"))
}
