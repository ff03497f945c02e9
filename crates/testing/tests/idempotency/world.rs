//! Someone with a password, a conversation and a team, and all components.

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Entropy, Hand};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use chunks::ChunkStore;
use credentials::OpaqueToken;
use database::{Database, Statement};
use http_body_util::BodyExt as _;
use ids::{Id, InvitationId};
use serde_json::{Value, json};
use settings::{
    AuthSettings, ChatSettings, ConfigSettings, ConversationsSettings, FilesSettings, Variables,
};
use testing::{MASTER_KEY, NOW, Person, ProviderReply, ProviderServer};
use tower::ServiceExt as _;

use crate::calls::Call;

const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "correct horse battery";

pub struct World {
    database: Database,
    clock: Clock,
    pub hand: Hand,
    routers: [Router; 5],
    provider: Arc<ProviderServer>,
    pub conversation: String,
    pub message: String,
}

/// What came back.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub is_replayed: bool,
    etag: Option<String>,
    pub text: String,
}

impl Seen {
    /// What must be the same each time.
    pub fn same(&self) -> (u16, Option<String>, String) {
        (self.status, self.etag.clone(), self.text.clone())
    }

    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn routers(
    database: &Database,
    clock: &Clock,
    master_key: &str,
    provider: &ProviderServer,
) -> [Router; 5] {
    let off =
        ["login", "signup", "mail", "refresh", "totp", "api"].map(|name| format!("limit_{name}"));
    let (origin, base_url) = (provider.origin(), provider.base_url());
    let mut variables = vec![
        ("master_key", master_key),
        ("mailer", "log"),
        ("egress_allow", origin.as_str()),
        ("openai_base_url", base_url.as_str()),
        ("openai_api_key", "sk-of-tests"),
    ];
    variables.extend(off.iter().map(|name| (name.as_str(), "off")));
    let variables: Variables = variables.into_iter().collect();
    let (settings, clock) = (AuthSettings::new(&variables).unwrap(), clock.clone());
    let auth = auth::router(database.clone(), settings, clock.clone(), Entropy::system()).unwrap();
    let settings = ConversationsSettings::new(&variables).unwrap();
    let (entropy, later) = (Entropy::system(), clock.clone());
    let conversations = conversations::router(database.clone(), settings, later, entropy.clone());
    let settings = ConfigSettings::new(&variables).unwrap();
    let config =
        config::router(database.clone(), settings, clock.clone(), entropy.clone()).unwrap();
    let settings = FilesSettings::new(&variables).unwrap();
    let chunks = ChunkStore::in_memory().unwrap();
    let files =
        files::router(database.clone(), chunks.clone(), settings, clock.clone(), entropy.clone());
    let settings = ChatSettings::new(&variables).unwrap();
    let chat = chat::router(database.clone(), chunks, settings, clock, entropy).unwrap();
    [auth, conversations, config, files, chat]
}

impl World {
    pub async fn new() -> Self {
        let (database, (clock, hand)) = (testing::database().await, Clock::manual(NOW));
        let provider = ProviderServer::start(|_| ProviderReply::text("an answer")).await;
        let provider = Arc::new(provider);
        let routers = routers(&database, &clock, MASTER_KEY, &provider);
        let (conversation, message) = (String::new(), String::new());
        let mut world = Self { database, clock, hand, routers, provider, conversation, message };
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let signed_up = world.json(0, "/api/auth/signup", body, None).await;
        let token = signed_up["access_token"].as_str().map(str::to_owned);
        let conversation =
            world.json(1, "/api/conversations", json!({"title": "t"}), token.clone()).await;
        world.conversation = conversation["id"].as_str().unwrap().to_owned();
        let path = format!("/api/conversations/{}/messages", world.conversation);
        let body = json!({"role": "user", "content": "first"});
        let message = world.json(1, &path, body, token).await;
        message["id"].as_str().unwrap().clone_into(&mut world.message);
        world
    }

    /// The same database behind components with another master key.
    pub fn with_master_key(&self, master_key: &str) -> Self {
        Self {
            database: self.database.clone(),
            clock: self.clock.clone(),
            hand: self.hand.clone(),
            routers: routers(&self.database, &self.clock, master_key, &self.provider),
            provider: Arc::clone(&self.provider),
            conversation: self.conversation.clone(),
            message: self.message.clone(),
        }
    }

    /// A new access token.
    pub async fn token(&self) -> String {
        let body = json!({"login": EMAIL, "password": PASSWORD});
        let signed_in = self.json(0, "/api/auth/login", body, None).await;
        signed_in["access_token"].as_str().unwrap().to_owned()
    }

    /// The call with a token of this moment.
    pub async fn renewed(&self, call: Call) -> Call {
        Call { token: Some(self.token().await), ..call }
    }

    pub async fn someone_else(&self) -> String {
        Person::new(&self.database, "owner", NOW).await.token
    }

    /// Makes the person an administrator of the platform.
    pub async fn promote(&self) {
        let statement = Statement::new("UPDATE user SET is_admin = 1 WHERE email = ?1").bind(EMAIL);
        self.database.query(statement).await.unwrap();
    }

    /// A team of the person.
    pub async fn team(&self) -> String {
        let team =
            self.json(0, "/api/accounts", json!({"name": "team"}), Some(self.token().await)).await;
        team["id"].as_str().unwrap().to_owned()
    }

    /// The token of an invitation to the account of someone else.
    pub async fn invited(&self) -> String {
        // The account of the owner is joined later than one's own was: signing in leads to the older one.
        self.hand.advance(Duration::from_secs(1));
        let owner = Person::new(&self.database, "owner", NOW).await;
        let token = OpaqueToken::generate(&Entropy::system()).unwrap();
        let id: InvitationId = Id::generate(NOW, &Entropy::system()).unwrap();
        let insert = Statement::new(
            "INSERT INTO invitation (account_id, id, email, role, invited_by, token_hash, created_at, expires_at) \
             VALUES (?1, ?2, ?3, 'member', ?4, ?5, ?6, ?6 + 1000000)",
        )
        .bind(owner.account_id.to_string())
        .bind(id.to_string())
        .bind(EMAIL)
        .bind(owner.user_id.to_string())
        .bind(token.hash().to_vec())
        .bind(NOW.0);
        self.database.query(insert).await.unwrap();
        token.reveal().to_owned()
    }

    /// The token of a link to the conversation.
    pub async fn link(&self) -> String {
        let path = format!("/api/conversations/{}/shares", self.conversation);
        let share = self.json(1, &path, json!({}), Some(self.token().await)).await;
        share["token"].as_str().unwrap().to_owned()
    }

    /// How many rows there are in all tables together, without those that only count.
    pub async fn rows(&self) -> i64 {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_index%' ESCAPE '\\' AND name <> 'rate_limit'";
        let names = self.database.query(Statement::new(sql)).await.unwrap();
        let mut rows = 0;
        for row in names.iter() {
            rows += self
                .number(format!(
                    "SELECT count(*) AS n FROM \"{}\"",
                    row.get::<&str>("name").unwrap()
                ))
                .await;
        }
        rows
    }

    /// How many answers are kept.
    pub async fn kept(&self) -> i64 {
        self.number("SELECT count(*) AS n FROM idempotency_key".to_owned()).await
    }

    /// How many of them still say something.
    pub async fn texts_kept(&self) -> i64 {
        self.number("SELECT count(body) + count(sealed_body) AS n FROM idempotency_key".to_owned())
            .await
    }

    async fn number(&self, sql: String) -> i64 {
        self.database.query(Statement::new(sql)).await.unwrap().first().unwrap().get("n").unwrap()
    }

    async fn json(
        &self,
        component: usize,
        path: &str,
        body: Value,
        token: Option<String>,
    ) -> Value {
        let (path, other) = (path.to_owned(), Value::Null);
        let call = Call { component, method: Method::POST, path, body: Some(body), other, token };
        let seen = self.send(&call, &[]).await;
        assert!(seen.status < 300, "{call:?}: {seen:?}");
        serde_json::from_str(&seen.text).unwrap()
    }

    /// Sends a call with these keys.
    pub async fn send(&self, call: &Call, keys: &[&str]) -> Seen {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(&call.path)
            .header(header::CONTENT_TYPE, "application/json");
        for key in keys {
            request = request.header("idempotency-key", key.as_bytes());
        }
        if let Some(token) = &call.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let request = request.body(Body::from(body)).unwrap();
        let response = self.routers[call.component].clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text =
            |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Seen {
            status: parts.status.as_u16(),
            is_replayed: text("idempotent-replayed").as_deref() == Some("true"),
            etag: text("etag"),
            text: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        }
    }
}
