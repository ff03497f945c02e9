//! What the tests of this component share.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

use std::fmt::Write as _;

use ambient::{Clock, Entropy, Hand, UnixMillis};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::{Database, Statement};
use ids::{AccountId, FileId, Id};
use serde_json::{Value, json};
use settings::{ConversationsSettings, Variables};
use testing::{Answer, Client, NOW, Person};

pub const PATH: &str = "/api/conversations";

/// Two people with an account each, and a router between them and the database.
pub struct Setup {
    pub database: Database,
    pub hand: Hand,
    pub clock: Clock,
    pub anonymous: Client,
    pub ada: Client,
    pub eve: Client,
    pub ada_person: Person,
    pub eve_person: Person,
}

pub async fn setup() -> Setup {
    let database = testing::database().await;
    let (clock, hand) = Clock::manual(NOW);
    let settings =
        ConversationsSettings::new(&[("limit_api", "off")].into_iter().collect::<Variables>())
            .unwrap();
    let router =
        conversations::router(database.clone(), settings, clock.clone(), Entropy::system());
    let anonymous = Client::new(router);
    let ada_person = Person::new(&database, "owner", NOW).await;
    let eve_person = Person::new(&database, "owner", NOW).await;
    Setup {
        ada: anonymous.with_token(&ada_person.token),
        eve: anonymous.with_token(&eve_person.token),
        database,
        hand,
        clock,
        anonymous,
        ada_person,
        eve_person,
    }
}

/// Sends JSON with the header `if-match`.
pub async fn send_if(
    client: &Client,
    method: Method,
    path: &str,
    tag: &str,
    body: &Value,
) -> Answer {
    let request = client
        .request(method, path)
        .header("if-match", tag)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    client.send(request).await
}

/// Sends each of these bodies, none of which is the object that the route takes.
pub async fn assert_bad_requests(client: &Client, method: Method, path: &str, bodies: &[Value]) {
    for body in bodies {
        let answer = send_if(client, method.clone(), path, "*", body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{method} {path} {body}"
        );
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
        let answer = send_if(client, method.clone(), path, "*", body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{method} {path} {body}");
        assert_eq!(answer.pointers(), [*pointer], "{method} {path} {body}");
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

    /// The id of a new file in this account, complete or not.
    pub async fn file(&self, account: AccountId, name: &str, state: &str) -> String {
        let id: FileId = Id::generate(NOW, &Entropy::system()).unwrap();
        let insert = Statement::new(
            "INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, sha256, state, created_at, updated_at) \
             VALUES (?1, ?2, 'user-files', ?3, 'text/plain', 3, CASE WHEN ?4 = 'complete' THEN zeroblob(32) END, ?4, ?5, ?5)",
        )
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(name)
        .bind(state)
        .bind(NOW.0);
        self.database.query(insert).await.unwrap();
        id.to_string()
    }

    /// What the clock of the router says.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// How many rows this query counts as `n`.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let rows = self.database.query(Statement::new(sql)).await.unwrap();
        rows.first().unwrap().get("n").unwrap()
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

/// A pseudo-random sequence: the same for each seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
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
