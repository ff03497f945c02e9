//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test file is a crate of its own and uses its own part; what fails here fails the test that called it"
)]

use ambient::{Clock, Entropy, Hand, UnixMillis};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use chunks::KeyValueChunks;
use database::{Database, Statement};
use futures::stream;
use http_body_util::BodyExt as _;
use serde_json::Value;
use settings::{FilesSettings, Variables};
use testing::{Answer, Client, MASTER_KEY, NOW, Person};
use tower::ServiceExt as _;

pub const PATH: &str = "/api/files";
pub const MIB: usize = 1024 * 1024;

/// Two people with an account each, and a router between them, the database and the chunk store.
pub struct Setup {
    pub database: Database,
    pub chunks: KeyValueChunks,
    pub hand: Hand,
    pub clock: Clock,
    pub anonymous: Client,
    pub ada: Client,
    pub eve: Client,
    pub ada_person: Person,
    pub eve_person: Person,
}

/// An answer that is no JSON.
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

pub async fn setup() -> Setup {
    setup_with(&[]).await
}

/// With these variables beside the usual ones.
pub async fn setup_with(variables: &[(&str, &str)]) -> Setup {
    let database = testing::database().await;
    let chunks = KeyValueChunks::in_memory().unwrap();
    let (clock, hand) = Clock::manual(NOW);
    let usual = [("limit_api", "off"), ("master_key", MASTER_KEY)];
    let variables: Variables = usual.iter().chain(variables).copied().collect();
    let settings = FilesSettings::new(&variables).unwrap();
    let router = files::router(
        database.clone(),
        chunks.clone().into(),
        settings,
        clock.clone(),
        Entropy::system(),
    );
    let anonymous = Client::new(router);
    let ada_person = Person::new(&database, "owner", NOW).await;
    let eve_person = Person::new(&database, "owner", NOW).await;
    Setup {
        ada: anonymous.with_token(&ada_person.token),
        eve: anonymous.with_token(&eve_person.token),
        database,
        chunks,
        hand,
        clock,
        anonymous,
        ada_person,
        eve_person,
    }
}

/// A form with a boundary that no test's content has.
pub fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (headers, content) in parts {
        body.extend_from_slice(
            format!("--b0undary\r\ncontent-disposition: form-data; {headers}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b0undary--\r\n");
    body
}

pub const FORM_TYPE: &str = "multipart/form-data; boundary=b0undary";

/// A body that ends, or breaks off, after these bytes, in pieces of this size.
pub fn pieces(bytes: &[u8], size: usize, breaks_off: bool) -> Body {
    let mut pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        bytes.chunks(size.max(1)).map(|piece| Ok(piece.to_vec())).collect();
    if breaks_off {
        pieces.push(Err(std::io::Error::other("cut")));
    }
    Body::from_stream(stream::iter(pieces))
}

/// Uploads with this media type as the body.
pub async fn upload(
    client: &Client,
    query: &str,
    media_type: &str,
    body: impl Into<Body>,
) -> Answer {
    let request = client.request(Method::POST, &format!("{PATH}?{query}"));
    let request = request.header("content-type", media_type).body(body.into()).unwrap();
    client.send(request).await
}

/// Uploads a form.
pub async fn upload_form(client: &Client, body: impl Into<Body>) -> Answer {
    let request = client.request(Method::POST, PATH).header("content-type", FORM_TYPE);
    client.send(request.body(body.into()).unwrap()).await
}

/// Uploads a text that must be taken, and gives its id.
pub async fn text(client: &Client, name: &str, body: &[u8]) -> String {
    let answer = upload(client, &format!("name={name}"), "text/plain", body.to_vec()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// Sends any request and reads the answer as bytes; an answer that breaks off gives what came before and `None` for its end.
pub async fn fetch(client: &Client, request: Request<Body>) -> (Seen, bool) {
    let response = client.router().oneshot(request).await.unwrap();
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut is_whole = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            is_whole = false;
            break;
        };
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    (Seen { status: parts.status.as_u16(), headers: parts.headers, bytes }, is_whole)
}

/// Downloads with these headers.
pub async fn download(client: &Client, path: &str, headers: &[(&str, &str)]) -> Seen {
    let mut request = client.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (seen, is_whole) = fetch(client, request.body(Body::empty()).unwrap()).await;
    assert!(is_whole, "{path}");
    seen
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

impl Setup {
    /// A client with this role in Ada's account.
    pub async fn colleague(&self, role: &str) -> Client {
        let person = Person::new(&self.database, "owner", NOW).await;
        let person = person.joins(&self.database, self.ada_person.account_id, role, NOW).await;
        self.anonymous.with_token(person.token)
    }

    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// How many rows this query counts as `n`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let rows = self.database.query(Statement::new(sql)).await.unwrap();
        rows.first().unwrap().get("n").unwrap()
    }

    /// How many files and bytes Ada's account has reserved.
    pub async fn usage(&self) -> (i64, i64) {
        let sql = "SELECT files, size_bytes FROM file_usage WHERE account_id = ?1";
        let statement = Statement::new(sql).bind(self.ada_person.account_id.to_string());
        let rows = self.database.query(statement).await.unwrap();
        rows.first()
            .map_or((0, 0), |row| (row.get("files").unwrap(), row.get("size_bytes").unwrap()))
    }

    /// That nothing is left of any file: no row, no chunk, no room.
    pub async fn assert_empty(&self, context: &str) {
        assert_eq!(self.chunks.keys().await.unwrap(), [""; 0], "{context}");
        assert_eq!(self.usage().await, (0, 0), "{context}");
        for table in ["file", "file_part", "upload", "chunk_removal"] {
            let sql = format!("SELECT count(*) AS n FROM {table}");
            let rows = self.database.query(Statement::new(sql)).await.unwrap();
            assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 0, "{table}, {context}");
        }
    }

    /// Runs the operator's sweep to its end.
    pub async fn sweep(&self) {
        let now = self.now();
        sweep::sweep(&self.database, now, &Entropy::system(), |_| {}).await.unwrap();
        let store = self.chunks.clone().into();
        while 0 < sweep::remove_chunks(&self.database, &store, now, 100).await.unwrap() {}
    }
}

/// A pseudo-random sequence: the same for each seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    /// So many bytes of text.
    pub fn text(&mut self, length: usize) -> Vec<u8> {
        let mut state = self.roll(usize::MAX >> 1) as u64 | 1;
        let mut bytes = vec![0; length];
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = b' ' + u8::try_from(state % 95).unwrap();
        }
        bytes
    }
}

/// A new seed for each run; the output names it, and `SELVAGE_SEED` repeats it.
pub fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch, not configuration")]
    let given = std::env::var("SELVAGE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        use std::hash::{BuildHasher as _, RandomState};
        RandomState::new().hash_one(())
    });
    #[expect(clippy::print_stderr, reason = "the seed of a failed run must be known")]
    {
        eprintln!("SELVAGE_SEED={seed}");
    }
    seed
}
