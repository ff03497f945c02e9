//! All components, somebody in the middle of everything, and every kind of secret.

use std::sync::{Arc, Mutex};

use ambient::{Clock, Entropy};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use chunks::ChunkStore;
use credentials::{ApiKeyToken, OpaqueToken, RecoveryCode, TotpSecret};
use database::{Database, Statement, Value as Stored};
use http_body_util::BodyExt as _;
use hyper::Response;
use ids::{ApiKeyId, Id, SessionId};
use routes::Declaration;
use serde_json::{Value, json};
use settings::{
    AuthSettings, ChatSettings, ConfigSettings, ConversationsSettings, FilesSettings, Variables,
};
use testing::{HttpServer, MASTER_KEY, NOW};
use tower::ServiceExt as _;

const EMAIL: &str = "ada@example.com";

pub struct World {
    pub seed: u64,
    database: Database,
    routers: [Router; 5],
    schemas: [Value; 5],
    secrets: Vec<(String, String)>,
    access_token: String,
    ids: Vec<(&'static str, String)>,
    mails: Arc<Mutex<Vec<Value>>>,
    _server: HttpServer,
}

impl World {
    pub async fn new() -> Self {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).unwrap();
        let seed = u64::from_be_bytes(bytes) >> 1;
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        let server = HttpServer::start(move |request| {
            kept.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
            Some(Response::new("".into()))
        })
        .await;
        let database = testing::database().await;
        let routers = routers(&database, &server.origin());
        let schemas = [
            auth::schemas(),
            conversations::schemas(),
            config::schemas(),
            files::schemas(),
            chat::schemas(),
        ];
        let schemas = schemas.map(|text| serde_json::from_str(text).unwrap());
        let mut world = Self {
            seed,
            database,
            routers,
            schemas,
            secrets: Vec::new(),
            access_token: String::new(),
            ids: Vec::new(),
            mails,
            _server: server,
        };
        world.make_up();
        world.mint().await;
        world
    }

    /// Secrets of others: of every form, and of nobody.
    fn make_up(&mut self) {
        let entropy = Entropy::sequence(self.seed);
        let opaque = || OpaqueToken::generate(&entropy).unwrap().reveal().to_owned();
        for n in 0..4 {
            let text = format!("p\u{e4}ss w\"rd {}", &opaque()[..20]).replace('\u{e4}', "a");
            self.keep(&format!("password {n} of nobody"), &text.replace(['"', ' '], "'"));
            self.keep(&format!("opaque token {n} of nobody"), &opaque());
            let key = ApiKeyToken::generate(&entropy).unwrap();
            self.keep(&format!("API key {n} of nobody"), key.reveal());
            self.keep(&format!("key {n} of a provider"), &format!("sk-proj-{}", opaque()));
            let seed = TotpSecret::generate(&entropy).unwrap();
            self.keep(&format!("TOTP seed {n} of nobody"), &seed.to_base32());
            let code = RecoveryCode::generate(&entropy).unwrap();
            self.keep(&format!("recovery code {n} of nobody"), code.reveal());
        }
        let jwt = format!("eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.{}.{}", opaque(), opaque());
        self.keep("access token of nobody", &jwt);
        self.keep("master key", MASTER_KEY);
    }

    /// Secrets that open something here.
    async fn mint(&mut self) {
        let password = format!("horse-{}", &self.secrets[0].1[7..]);
        self.keep("password", &password);
        let body = json!({"email": EMAIL, "password": password});
        let signed_up = self.post(0, "/api/auth/signup", body).await;
        self.keep_mailed("verification token");
        self.sign_in(&signed_up, "first");
        let enrolled = self.post(0, "/api/auth/totp", json!({"password": password})).await;
        self.keep("TOTP seed", enrolled["secret"].as_str().unwrap());
        for (n, code) in enrolled["recovery_codes"].as_array().unwrap().iter().enumerate() {
            self.keep(&format!("recovery code {n}"), code.as_str().unwrap());
        }
        let created = self.post(0, "/api/tokens", json!({"name": "ci"})).await;
        self.keep("API key", created["token"].as_str().unwrap());
        self.post(0, "/api/auth/password/forgot", json!({"email": EMAIL})).await;
        self.keep_mailed("reset token");
        let team = self.post(0, "/api/accounts", json!({"name": "team"})).await;
        let team = team["id"].as_str().unwrap().to_owned();
        let path = format!("/api/accounts/{team}/invitations");
        self.post(0, &path, json!({"email": "eve@example.com", "role": "member"})).await;
        self.keep_mailed("invitation token");
        let conversation = self.post(1, "/api/conversations", json!({"title": "t"})).await;
        let conversation = conversation["id"].as_str().unwrap().to_owned();
        let path = format!("/api/conversations/{conversation}");
        self.post(1, &format!("{path}/messages"), json!({"role": "user", "content": "c"})).await;
        let shared = self.post(1, &format!("{path}/shares"), json!({})).await;
        self.keep("link", shared["token"].as_str().unwrap());
        let body = json!({"login": EMAIL, "password": password});
        let signed_in = self.post(0, "/api/auth/login", body).await;
        self.sign_in(&signed_in, "second");
        let body = json!({"refresh_token": signed_in["refresh_token"]});
        let refreshed = self.post(0, "/api/auth/refresh", body).await;
        self.sign_in(&refreshed, "third");
        self.ids = vec![("accounts", team), ("conversations", conversation)];
    }

    fn sign_in(&mut self, answer: &Value, name: &str) {
        let token = |member: &str| answer[member].as_str().unwrap().to_owned();
        self.access_token = token("access_token");
        self.keep(&format!("{name} access token"), &token("access_token"));
        self.keep(&format!("{name} refresh token"), &token("refresh_token"));
    }

    fn keep(&mut self, name: &str, secret: &str) {
        self.secrets.push((name.to_owned(), secret.to_owned()));
    }

    pub fn secrets(&self) -> Vec<(String, String)> {
        self.secrets.clone()
    }

    /// Keeps the tokens that came by mail.
    fn keep_mailed(&mut self, name: &str) {
        let mails = std::mem::take(&mut *self.mails.lock().unwrap());
        let links = mails.iter().filter_map(|mail| mail["link"].as_str());
        let tokens: Vec<_> = links
            .filter_map(|link| link.split_once("?token="))
            .map(|(_, token)| token.to_owned())
            .collect();
        for token in tokens {
            self.keep(name, &token);
        }
    }

    pub fn routes() -> Vec<(usize, Declaration)> {
        let auth = auth::declarations().into_iter().map(|route| (0, route));
        // Whoever signs out or leaves first sees nothing of the rest.
        let (mut last, first): (Vec<_>, Vec<_>) = auth.partition(|(_, route)| end(route).is_some());
        last.sort_by_key(|(_, route)| end(route));
        let conversations = conversations::declarations().into_iter().map(|route| (1, route));
        let config = config::declarations().into_iter().map(|route| (2, route));
        let files = files::declarations().into_iter().map(|route| (3, route));
        let chat = chat::declarations().into_iter().map(|route| (4, route));
        let middle = conversations.chain(config).chain(files).chain(chat);
        first.into_iter().chain(middle).chain(last).collect()
    }

    /// The path with ids of the person's own where there are some, and well-formed ones of nobody elsewhere.
    pub fn fill(&self, path: &str) -> String {
        let mut collection = "";
        let segments: Vec<_> = path
            .split('/')
            .map(|segment| {
                if !segment.starts_with('{') {
                    collection = segment;
                    return segment.to_owned();
                }
                let own = self.ids.iter().find(|(name, _)| *name == collection);
                own.map_or_else(|| unheard_of(collection), |(_, id)| id.clone())
            })
            .collect();
        segments.join("/")
    }

    pub fn example(&self, schema: &str) -> Value {
        let found = self.schemas.iter().find_map(|schemas| schemas.get(schema));
        found.map(|schema| schema["example"].clone()).unwrap_or_default()
    }

    pub fn signed_in(&self, request: Builder) -> Builder {
        request.header("authorization", format!("Bearer {}", self.access_token))
    }

    async fn post(&self, component: usize, path: &str, body: Value) -> Value {
        let request = Request::post(path).header("content-type", "application/json");
        let request = if self.access_token.is_empty() { request } else { self.signed_in(request) };
        let request = request.body(Body::from(body.to_string())).unwrap();
        let (status, answer) = self.send(component, request).await;
        let answer = answer.split(|byte| *byte == b'\n').next_back().unwrap();
        assert!(status < 300, "{path}: {}", String::from_utf8_lossy(answer));
        serde_json::from_slice(answer).unwrap_or_default()
    }

    /// The status, and headers and body as they are seen outside.
    pub async fn send(&self, component: usize, request: Request<Body>) -> (u16, Vec<u8>) {
        let response = self.routers[component].clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let mut seen = Vec::new();
        for (name, value) in &parts.headers {
            seen.extend_from_slice(name.as_str().as_bytes());
            seen.extend_from_slice(value.as_bytes());
            seen.push(b'\n');
        }
        seen.extend_from_slice(&body.collect().await.unwrap().to_bytes());
        (parts.status.as_u16(), seen)
    }

    /// Every value of every table, with where it stands.
    pub async fn cells(&self) -> Vec<(String, Vec<u8>)> {
        let query = async |sql: String| self.database.query(Statement::new(sql)).await.unwrap();
        let tables = query("SELECT name FROM sqlite_schema WHERE type = 'table'".to_owned()).await;
        let mut cells = Vec::new();
        for table in tables.iter() {
            let table: String = table.get("name").unwrap();
            let rows = query(format!("SELECT * FROM \"{table}\"")).await;
            for row in rows.iter() {
                for (column, value) in rows.columns().iter().zip(row.values()) {
                    let bytes = match value {
                        Stored::Text(text) => text.clone().into_bytes(),
                        Stored::Blob(bytes) => bytes.clone(),
                        Stored::Null | Stored::Integer(_) | Stored::Real(_) => continue,
                    };
                    cells.push((format!("{table}.{column}"), bytes));
                }
            }
        }
        cells
    }
}

/// After which of the others a route comes that ends the session or the person when it does what it is for.
fn end(route: &Declaration) -> Option<usize> {
    let order = ["delete_account", "change_password", "reset_password", "logout", "delete_me"];
    order.iter().position(|operation| *operation == route.operation_id)
}

fn unheard_of(collection: &str) -> String {
    let entropy = Entropy::system();
    match collection {
        "tokens" => {
            let id: ApiKeyId = Id::generate(NOW, &entropy).unwrap();
            id.to_string()
        }
        "sessions" => {
            let id: SessionId = Id::generate(NOW, &entropy).unwrap();
            id.to_string()
        }
        _ => "color".to_owned(),
    }
}

fn routers(database: &Database, mails: &str) -> [Router; 5] {
    let limits =
        ["login", "signup", "mail", "refresh", "totp", "api"].map(|name| format!("limit_{name}"));
    let mut variables = vec![
        ("master_key", MASTER_KEY),
        ("mailer", "webhook"),
        ("mailer_key", "hunter2hunter2"),
        ("mailer_url", mails),
        ("egress_allow", mails),
    ];
    variables.extend(limits.iter().map(|name| (name.as_str(), "off")));
    let variables: Variables = variables.into_iter().collect();
    let (clock, _) = Clock::manual(NOW);
    let settings = AuthSettings::new(&variables).unwrap();
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
