//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

use ambient::{Clock, Entropy, Hand};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::{Database, Statement};
use keyring::Keyring;
use serde_json::{Value, json};
use settings::{ConfigSettings, Variables};
use testing::{Answer, Client, MASTER_KEY, NOW, Person};

pub const MODELS: &str = "/api/models";

/// Ids that name nothing of anyone's: unknown, of another kind, malformed.
pub const STRANGE_IDS: [&str; 6] = [
    "model_01h455vb4pex5vsknk084sn02q",
    "acct_01h455vb4pex5vsknk084sn02q",
    "model_",
    "1",
    "%00",
    "..%2f..%2fetc",
];

/// Two people with an account each and an administrator of the platform, and a router between them and the database.
pub struct Setup {
    pub database: Database,
    pub hand: Hand,
    pub clock: Clock,
    pub anonymous: Client,
    pub ada: Client,
    pub eve: Client,
    pub admin: Client,
    pub ada_person: Person,
    pub eve_person: Person,
    pub admin_person: Person,
}

/// An instance of the component with further variables.
pub fn instance(database: &Database, clock: Clock, variables: &[(&str, &str)]) -> Router {
    let variables: Variables = [("limit_api", "off"), ("master_key", MASTER_KEY)]
        .into_iter()
        .chain(variables.iter().copied())
        .collect();
    let settings = ConfigSettings::new(&variables).unwrap();
    config::router(database.clone(), settings, clock, Entropy::system()).unwrap()
}

pub async fn setup() -> Setup {
    setup_with(&[]).await
}

pub async fn setup_with(variables: &[(&str, &str)]) -> Setup {
    let database = testing::database().await;
    let (clock, hand) = Clock::manual(NOW);
    // Before people are there, who bring a placeholder for the root key.
    let keyring: Keyring = MASTER_KEY.parse().unwrap();
    keyring::register(&database, &keyring, NOW).await.unwrap();
    let anonymous = Client::new(instance(&database, clock.clone(), variables));
    let [ada_person, eve_person, admin_person] = [
        Person::new(&database, "owner", NOW).await,
        Person::new(&database, "owner", NOW).await,
        Person::new(&database, "owner", NOW).await,
    ];
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1")
        .bind(admin_person.user_id.to_string());
    database.query(promote).await.unwrap();
    Setup {
        ada: anonymous.with_token(&ada_person.token),
        eve: anonymous.with_token(&eve_person.token),
        admin: anonymous.with_token(&admin_person.token),
        database,
        hand,
        clock,
        anonymous,
        ada_person,
        eve_person,
        admin_person,
    }
}

/// Sends JSON with a header.
pub async fn send_with(
    client: &Client,
    method: Method,
    path: &str,
    (name, value): (&str, &str),
    body: &Value,
) -> Answer {
    let request = client
        .request(method, path)
        .header(name, value)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    client.send(request).await
}

/// Sends JSON.
pub async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    send_with(client, method, path, ("accept", "application/json"), body).await
}

/// Sends each of these bodies, none of which is what the route takes.
pub async fn assert_bad_requests(client: &Client, method: Method, path: &str, bodies: &[Value]) {
    for body in bodies {
        let answer = send(client, method.clone(), path, body).await;
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (StatusCode::BAD_REQUEST, "invalid_request"), "{method} {path} {body}");
    }
}

/// Sends each of these bodies, each of which breaks the rule for the value at its pointer.
pub async fn assert_broken_rules(
    client: &Client,
    method: Method,
    path: &str,
    bodies: &[(Value, &str)],
) {
    for (body, pointer) in bodies {
        let answer = send(client, method.clone(), path, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path} {body}");
        assert_eq!(answer.pointers(), [*pointer], "{method} {path} {body}");
    }
}

/// The object with another value for one member.
pub fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[name] = value;
    object
}

impl Setup {
    /// A client with this role in Ada's account.
    pub async fn colleague(&self, role: &str) -> Client {
        let person = Person::new(&self.database, "owner", NOW).await;
        let person = person.joins(&self.database, self.ada_person.account_id, role, NOW).await;
        self.anonymous.with_token(person.token)
    }

    /// How many rows this query counts as `n`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let rows = self.database.query(Statement::new(sql)).await.unwrap();
        rows.first().unwrap().get("n").unwrap()
    }

    /// The path of a new entry.
    pub async fn created(&self, client: &Client, path: &str, body: &Value) -> String {
        let answer = client.post(path, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{body} {}", answer.body);
        format!("{path}/{}", answer.body["id"].as_str().unwrap())
    }
}

/// A model of this name.
pub fn model(name: &str) -> Value {
    json!({"name": name, "provider": "openai", "model": "gpt-4o-mini"})
}
