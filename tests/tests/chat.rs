//! Runs at the real server: clients that leave, and a server that is killed, while a model answers.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code"
)]

use std::path::Path;
use std::time::Duration;

use e2e::server::Options;
use e2e::{Client, Server};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use rusqlite::Connection;
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

/// How often a client leaves, and how often the server is killed.
const CLIENTS: usize = 50;
const KILLS: usize = 20;

/// What is asked is how much is to be said.
const LITTLE: &str = "300";

/// So much that nobody hears the end of it by chance.
const MUCH: &str = "20000";

fn reply(question: &str) -> ProviderReply {
    ProviderReply::counting(question.parse().unwrap()).with_pause(Duration::from_millis(4))
}

async fn provider() -> ProviderServer {
    ProviderServer::start(|request| reply(&request.last_text())).await
}

fn start(state: &Path, provider: &ProviderServer) -> Server {
    Options::new(state)
        .variable("limit_api", "off")
        .variable("openai_base_url", &provider.base_url())
        .variable("openai_api_key", "sk-of-tests")
        .arg("--allow-origin")
        .arg(provider.origin())
        .start()
}

fn random() -> u64 {
    let seed = std::collections::hash_map::RandomState::new();
    std::hash::BuildHasher::hash_one(&seed, 0)
}

/// A run whose events are read.
struct Reading {
    id: String,
    conversation: String,
    body: Incoming,
    text: String,
}

impl Reading {
    async fn begin(client: &Client, content: &str, on_disconnect: &str) -> Self {
        let created = client.post("/api/conversations", &json!({})).await;
        let conversation = created.body["id"].as_str().unwrap().to_owned();
        let path = format!("/api/conversations/{conversation}/runs");
        let body = json!({"content": content, "on_disconnect": on_disconnect});
        let response = client
            .begin(
                Method::POST,
                &path,
                &[("content-type", "application/json")],
                body.to_string().into(),
            )
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut reading = Self {
            id: String::new(),
            conversation,
            body: response.into_body(),
            text: String::new(),
        };
        while reading.id.is_empty() {
            assert!(reading.read().await);
            let id = reading.text.split("\"run\":{\"id\":\"").nth(1);
            reading.id = id.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
        }
        reading
    }

    /// Reads a little; `false` at the end, whatever that is.
    async fn read(&mut self) -> bool {
        let Some(Ok(frame)) = self.body.frame().await else { return false };
        self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        true
    }

    /// Reads until the text has so many pieces.
    async fn read_pieces(&mut self, pieces: u64) {
        while (self.text.matches("message.delta").count() as u64) < pieces && self.read().await {}
    }

    /// What was said to the client.
    fn said(&self) -> String {
        let blocks = self.text.split("\n\n").filter(|block| block.contains("event: message.delta"));
        let data = blocks.filter_map(|block| block.split("data: ").nth(1));
        let texts = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        texts.map(|data| data["text"].as_str().unwrap().to_owned()).collect()
    }
}

/// A run once it has ended.
async fn ended(client: &Client, id: &str) -> Value {
    for _ in 0..600 {
        let run = client.get(&format!("/api/runs/{id}")).await.body;
        if !matches!(run["status"].as_str(), Some("running" | "queued")) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the run {id} does not end");
}

/// The model's message of a conversation.
async fn answer(client: &Client, conversation: &str) -> Option<Value> {
    let page = client.get(&format!("/api/conversations/{conversation}/messages")).await.body;
    page["data"].as_array().unwrap().get(1).cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_clients_leave_and_their_runs_go_on_or_stop_as_they_said() {
    let (state, provider) = (tempfile::tempdir().unwrap(), provider().await);
    let server = start(state.path(), &provider);
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let seed = random();
    println!("seed {seed}");
    for n in 0..CLIENTS {
        let pieces = seed.rotate_left(u32::try_from(n).unwrap()) % 200;
        let (content, on_disconnect) =
            if n % 2 == 0 { (LITTLE, "continue") } else { (MUCH, "cancel") };
        let whole = reply(content).whole();
        let mut reading = Reading::begin(&ada, content, on_disconnect).await;
        reading.read_pieces(pieces).await;
        let (said, id, conversation) =
            (reading.said(), reading.id.clone(), reading.conversation.clone());
        drop(reading);
        let run = ended(&ada, &id).await;
        let message = answer(&ada, &conversation).await;
        let text = message.as_ref().map_or("", |message| message["content"].as_str().unwrap());
        assert!(text.starts_with(&said), "run {n}: {said:?} was said, {text:?} is kept");
        if on_disconnect == "continue" {
            assert_eq!(
                (run["status"].as_str(), text),
                (Some("completed"), whole.as_str()),
                "run {n}"
            );
        } else {
            assert_eq!(run["status"], "cancelled", "run {n}");
            assert!(whole.starts_with(text) && text.len() < whole.len(), "run {n}");
        }
    }
    let usage = ada.get("/api/usage").await.body;
    let rows = usage["data"].as_array().unwrap();
    let requests: u64 = rows.iter().map(|row| row["requests"].as_u64().unwrap()).sum();
    assert_eq!(requests, CLIENTS as u64, "{usage}");
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_a_prefix_of_what_was_said() {
    let (state, provider) = (tempfile::tempdir().unwrap(), provider().await);
    let mut server = start(state.path(), &provider);
    let (mut ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let seed = random();
    println!("seed {seed}");
    let whole = reply(MUCH).whole();
    for n in 0..KILLS {
        let mut reading = Reading::begin(&ada, MUCH, "continue").await;
        reading.read_pieces(seed.rotate_left(u32::try_from(n).unwrap()) % 250).await;
        assert!(!server.kill().success());
        let database = Connection::open(state.path().join("selvage.db")).unwrap();
        // Nobody waits for half a minute here.
        database.execute("UPDATE run SET lease_until = 1 WHERE status = 'running'", []).unwrap();
        let sql = "SELECT coalesce(group_concat(text, ''), '') FROM (SELECT text FROM run_event WHERE run_id = ?1 ORDER BY last_event)";
        let kept: String = database.query_row(sql, [&reading.id], |row| row.get(0)).unwrap();
        drop(database);
        server = start(state.path(), &provider);
        ada = ada.at(server.address());
        let run = ended(&ada, &reading.id).await;
        assert_eq!(run["status"], "interrupted", "kill {n}");
        let message = answer(&ada, &reading.conversation).await;
        let text = message.as_ref().map_or("", |message| message["content"].as_str().unwrap());
        assert_eq!(text, kept, "kill {n}");
        assert!(whole.starts_with(text), "kill {n}: {text:?}");
        let said = reading.said();
        assert!(said.starts_with(text) || text.starts_with(&said), "kill {n}");
        assert!(message.is_none_or(|message| message["status"] == "interrupted"), "kill {n}");
        let events = ada.get(&format!("/api/runs/{}/events", reading.id)).await;
        let events = events.body.as_str().unwrap().to_owned();
        assert!(events.contains("event: run.failed"), "kill {n}: {events}");
    }
}
