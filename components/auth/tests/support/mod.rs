//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

use std::sync::{Arc, Mutex};

use ambient::{Clock, Entropy, Hand, UnixMillis};
use axum::http::{HeaderMap, Method, StatusCode};
use database::{Database, Statement};
use serde_json::{Value, json};
use settings::{AuthSettings, Variables};
use testing::{Answer, Client, HttpServer, MASTER_KEY, NOW, Person};

pub const PASSWORD: &str = "correct horse battery";

pub struct Setup {
    pub client: Client,
    pub database: Database,
    pub hand: Hand,
}

/// The app of somebody who has scanned the QR code of an enrolment, written for these tests alone: RFC 6238 over the library that the
/// product does not hand codes out with.
pub fn totp_code(enrolment: &Value, at: UnixMillis) -> String {
    let secret = totp_rs::Secret::try_from_base32(enrolment["secret"].as_str().unwrap()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(at.as_seconds()).to_string()
}

pub async fn setup() -> Setup {
    let database = testing::database().await;
    let (client, hand) = client(&database, MASTER_KEY);
    Setup { client, database, hand }
}

/// As [`setup`], but with these variables.
pub async fn setup_with(variables: &[(&str, &str)]) -> Setup {
    let database = testing::database().await;
    let mut all = vec![("master_key", MASTER_KEY), ("limit_api", "off"), ("limit_signup", "off")];
    all.extend_from_slice(variables);
    let (client, hand) = client_with(&database, &all);
    Setup { client, database, hand }
}

/// Another instance of the component on the same database. Its limits are out of the way of tests that are about something else.
pub fn client(database: &Database, master_key: &str) -> (Client, Hand) {
    let variables = [
        ("master_key", master_key),
        ("limit_api", "off"),
        ("limit_login", "off"),
        ("limit_signup", "off"),
        ("limit_refresh", "off"),
        ("limit_totp", "off"),
    ];
    client_with(database, &variables)
}

/// An instance with these variables.
pub fn client_with(database: &Database, variables: &[(&str, &str)]) -> (Client, Hand) {
    let (clock, hand) = Clock::manual(NOW);
    (client_by(database, clock, variables), hand)
}

/// An instance by this clock.
pub fn client_by(database: &Database, clock: Clock, variables: &[(&str, &str)]) -> Client {
    let variables: Variables = variables.iter().copied().collect();
    let settings = AuthSettings::new(&variables).unwrap();
    let router = auth::router(database.clone(), settings, clock, Entropy::system()).unwrap();
    Client::new(router)
}

/// Where mails arrive: a webhook on a real server.
pub struct Mailbox {
    mails: Arc<Mutex<Vec<Value>>>,
    _server: HttpServer,
}

/// A component that sends mails, with further variables.
pub async fn setup_with_mail(variables: &[(&str, &str)]) -> (Setup, Mailbox) {
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    let server = HttpServer::start(move |request| {
        kept.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
        Some(http::Response::new("".into()))
    })
    .await;
    let (origin, database) = (server.origin(), testing::database().await);
    let mut all = vec![
        ("master_key", MASTER_KEY),
        ("mailer", "webhook"),
        ("mailer_key", "hunter2"),
        ("mailer_url", &origin),
        ("egress_allow", &origin),
        ("limit_login", "off"),
        ("limit_signup", "off"),
        ("limit_mail", "off"),
    ];
    all.extend_from_slice(variables);
    let (client, hand) = client_with(&database, &all);
    (Setup { client, database, hand }, Mailbox { mails, _server: server })
}

impl Mailbox {
    /// All mails so far, emptied.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.mails.lock().unwrap())
    }

    /// The token in the link of the only mail.
    pub fn token(&self) -> String {
        let mails = self.take();
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails[0]["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
    }
}

/// A request with a JSON body.
pub async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let request = client
        .request(method, path)
        .header("content-type", "application/json")
        .body(body.to_string().into())
        .unwrap();
    client.send(request).await
}

/// Someone new, signed in.
pub async fn sign_up(setup: &Setup, email: &str) -> (Client, Answer) {
    let answer = setup.client.post("/api/auth/signup", &signup(email)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    (setup.client.with_token(answer.body["access_token"].as_str().unwrap()), answer)
}

pub async fn log_in(setup: &Setup, login: &str, password: &str) -> Answer {
    let body = json!({"login": login, "password": password});
    setup.client.post("/api/auth/login", &body).await
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

/// Everything that someone outside can see of an answer, but for the request's id.
pub fn visible(answer: &Answer) -> (StatusCode, HeaderMap, Value) {
    let (mut headers, mut body) = (answer.headers.clone(), answer.body.clone());
    headers.remove("x-request-id");
    body["request_id"] = Value::Null;
    (answer.status, headers, body)
}
