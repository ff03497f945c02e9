//! Two people with an account each, a provider, and instances of the component between them and one database.

use ambient::{Clock, Entropy};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use chunks::ChunkStore;
use database::{Database, Statement};
use futures::StreamExt as _;
use ids::Id;
use keyring::Keyring;
use message::{Append, Content, MessageRole, MessageStatus, NewMessage, Position};
use serde_json::{Value, json};
use settings::{ChatSettings, Variables};
use testing::{Answer, Client, MASTER_KEY, Person, ProviderReply, ProviderServer};
use tower::ServiceExt as _;

/// What the operator's key is here; nobody may ever see it.
pub const OPERATOR_KEY: &str = "sk-canary-operator";

pub struct World {
    pub database: Database,
    pub chunks: ChunkStore,
    pub clock: Clock,
    pub provider: ProviderServer,
    pub anonymous: Client,
    pub ada: Client,
    pub eve: Client,
    pub ada_person: Person,
    variables: Vec<(&'static str, String)>,
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: i64,
    pub name: String,
    pub data: Value,
}

impl World {
    /// A world whose provider always says this.
    pub async fn saying(reply: ProviderReply) -> Self {
        Self::with(ProviderServer::start(move |_| reply.clone()).await, &[]).await
    }

    pub async fn with(provider: ProviderServer, further: &[(&'static str, &str)]) -> Self {
        Self::on(testing::database().await, provider, further).await
    }

    /// A world on a database that has all its tables.
    pub async fn on(
        database: Database,
        provider: ProviderServer,
        further: &[(&'static str, &str)],
    ) -> Self {
        let (chunks, clock) = (ChunkStore::in_memory().unwrap(), Clock::system());
        // Before people are there, who bring a placeholder for the root key.
        let keyring: Keyring = MASTER_KEY.parse().unwrap();
        keyring::register(&database, &keyring, clock.now()).await.unwrap();
        let mut variables = vec![
            ("limit_api", "off".to_owned()),
            ("master_key", MASTER_KEY.to_owned()),
            ("egress_allow", "http://127.0.0.1:*".to_owned()),
            ("openai_base_url", provider.base_url()),
            ("openai_api_key", OPERATOR_KEY.to_owned()),
            ("anthropic_base_url", provider.base_url()),
            ("anthropic_api_key", OPERATOR_KEY.to_owned()),
        ];
        variables.extend(further.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let router = instance(&database, &chunks, &clock, &variables);
        let anonymous = Client::new(router);
        let now = clock.now();
        let ada_person = Person::new(&database, "owner", now).await;
        let eve_person = Person::new(&database, "owner", now).await;
        Self {
            ada: anonymous.with_token(&ada_person.token),
            eve: anonymous.with_token(&eve_person.token),
            database,
            chunks,
            clock,
            provider,
            anonymous,
            ada_person,
            variables,
        }
    }

    /// Ada, at another instance of the component.
    pub fn ada_elsewhere(&self) -> Client {
        let router = instance(&self.database, &self.chunks, &self.clock, &self.variables);
        Client::new(router).with_token(&self.ada_person.token)
    }

    /// A new conversation of Ada's.
    pub async fn conversation(&self) -> String {
        let (account, now) = (self.ada_person.account_id, self.clock.now());
        let id: ids::ConversationId = Id::generate(now, &Entropy::system()).unwrap();
        let insert = Statement::new(
            "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES (?1, ?2, ?3, ?3, ?3)",
        )
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(now.0);
        self.database.query(insert).await.unwrap();
        id.to_string()
    }

    /// Appends a message of somebody's to a conversation of Ada's.
    pub async fn append(&self, conversation: &str, role: MessageRole, content: Content) -> String {
        let (account, now) = (self.ada_person.account_id, self.clock.now());
        let id: ids::MessageId = Id::generate(now, &Entropy::system()).unwrap();
        let (status, position) = (MessageStatus::Completed, Position::Newest);
        let message =
            NewMessage { role, status, content, model: None, usage: None, metadata: None };
        let conversation = conversation.parse().unwrap();
        let append = Append { account, conversation, position, now };
        self.database.query(append.message(id, &message).unwrap()).await.unwrap();
        id.to_string()
    }

    /// The messages of a conversation in their order.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let statement =
            Statement::new("SELECT wire FROM message WHERE conversation_id = ?1 ORDER BY seq")
                .bind(conversation);
        let rows = self.database.query(statement).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get("wire").unwrap()).unwrap()).collect()
    }

    /// How many rows this query counts as `n`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let rows = self.database.query(Statement::new(sql)).await.unwrap();
        rows.first().unwrap().get("n").unwrap()
    }

    /// Changes rows by hand.
    pub async fn execute(&self, sql: &'static str) {
        self.database.query(Statement::new(sql)).await.unwrap();
    }

    /// A model of Ada's.
    pub async fn model(&self, provider: &str, model: &str) -> String {
        let now = self.clock.now();
        let id: ids::ModelId = Id::generate(now, &Entropy::system()).unwrap();
        let insert = Statement::new(
            "INSERT INTO model (account_id, id, name, provider, model, verify_ssl, parameters, created_at, updated_at) \
             VALUES (?1, ?2, ?2, ?3, ?4, 1, '{}', ?5, ?5)",
        )
        .bind(self.ada_person.account_id.to_string())
        .bind(id.to_string())
        .bind(provider)
        .bind(model)
        .bind(now.0);
        self.database.query(insert).await.unwrap();
        id.to_string()
    }

    /// An image of Ada's with these bytes.
    pub async fn image(&self, bytes: &[u8]) -> String {
        let (account, now) = (self.ada_person.account_id, self.clock.now());
        let file: ids::FileId = Id::generate(now, &Entropy::system()).unwrap();
        let part: ids::PartId = Id::generate(now, &Entropy::system()).unwrap();
        let prefix = chunks::Prefix::new(account, file, part);
        let digest = self.chunks.put(&prefix, 0, bytes.to_vec()).await.unwrap();
        let size = i64::try_from(bytes.len()).unwrap();
        let insert = Statement::new(
            "INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, sha256, state, created_at, updated_at) \
             VALUES (?1, ?2, 'user-files', 'a.png', 'image/png', ?3, zeroblob(32), 'complete', ?4, ?4)",
        )
        .bind(account.to_string())
        .bind(file.to_string())
        .bind(size)
        .bind(now.0);
        let insert_part = Statement::new(
            "INSERT INTO file_part (account_id, file_id, id, number, size_bytes, sha256, chunk_digests, state, created_at, touched_at) \
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?5, 'whole', ?6, ?6)",
        )
        .bind(account.to_string())
        .bind(file.to_string())
        .bind(part.to_string())
        .bind(size)
        .bind(digest.to_vec())
        .bind(now.0);
        self.database.batch(vec![insert, insert_part]).await.unwrap();
        file.to_string()
    }

    /// A run of Ada's whose events nobody has read yet.
    pub async fn begin(&self, conversation: &str, body: &Value) -> Listener {
        let path = format!("/api/conversations/{conversation}/runs");
        listen(&self.ada, Method::POST, &path, Some(body)).await
    }

    /// All events of a run of Ada's.
    pub async fn stream(&self, conversation: &str, body: &Value) -> Vec<Event> {
        self.begin(conversation, body).await.rest().await
    }

    /// What comes of a run of Ada's in the end.
    pub async fn answer(&self, conversation: &str, body: &Value) -> Answer {
        let mut body = body.clone();
        body["stream"] = json!(false);
        self.ada.post(&format!("/api/conversations/{conversation}/runs"), &body).await
    }
}

fn instance(
    database: &Database,
    chunks: &ChunkStore,
    clock: &Clock,
    variables: &[(&'static str, String)],
) -> Router {
    let variables: Variables =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = ChatSettings::new(&variables).unwrap();
    chat::router(database.clone(), chunks.clone(), settings, clock.clone(), Entropy::system())
        .unwrap()
}

/// Somebody who reads events.
pub struct Listener {
    body: futures::stream::Fuse<axum::body::BodyDataStream>,
    text: String,
    pub is_replayed: bool,
}

/// Does something on a host of its own, which then dies with everything that was begun on it.
pub async fn and_dies<F>(work: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let host = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let host = host.unwrap();
    let outcome = host.spawn(work).await.unwrap();
    // It ends while no task of it runs any more, or what dies could go on for a moment.
    let ended = move || host.shutdown_timeout(std::time::Duration::from_mins(1));
    tokio::task::spawn_blocking(ended).await.unwrap();
    outcome
}

/// Sends a request whose answer is a stream of events.
pub async fn listen(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Listener {
    listen_with(client, method, path, body, None).await
}

pub async fn listen_with(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
    header: Option<(&str, &str)>,
) -> Listener {
    let mut request = client.request(method, path).header("content-type", "application/json");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    let request: Request<Body> = request.body(Body::from(body)).unwrap();
    let response = client.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(response.headers().contains_key("x-request-id"));
    let is_replayed = response.headers().contains_key("idempotent-replayed");
    Listener {
        body: response.into_body().into_data_stream().fuse(),
        text: String::new(),
        is_replayed,
    }
}

impl Listener {
    /// The next event; none at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if !block.starts_with(':') {
                    return Some(read(&block));
                }
            }
            let bytes = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The events up to the first with this name.
    pub async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let is_it = event.name == name;
            events.push(event);
            if is_it {
                return events;
            }
        }
        panic!("{name} did not come: {events:#?}");
    }

    /// The rest of the events.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn read(block: &str) -> Event {
    let field = |name: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {block}"))
    };
    Event {
        id: field("id: ").parse().unwrap(),
        name: field("event: ").to_owned(),
        data: serde_json::from_str(field("data: ")).unwrap(),
    }
}

/// What the pieces of text say.
pub fn text(events: &[Event]) -> String {
    let deltas = events.iter().filter(|event| event.name == "message.delta");
    deltas.map(|event| event.data["text"].as_str().unwrap()).collect()
}

/// The names without those of pieces of text.
pub fn names(events: &[Event]) -> Vec<&str> {
    let names = events.iter().map(|event| event.name.as_str());
    names.filter(|name| *name != "message.delta").collect()
}

/// Long enough for anything here, so that a test that would wait for ever fails.
pub async fn soon<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(std::time::Duration::from_mins(1), work).await.unwrap()
}
