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
use testing::{ProviderReply, ProviderRequest, ProviderServer};

/// How often a client leaves, and how often the server is killed.
const CLIENTS: usize = 50;
const KILLS: usize = 20;

/// What is asked is how much is to be said.
const LITTLE: &str = "300";

/// So much that nobody hears the end of it by chance.
const MUCH: &str = "20000";

/// How many bytes are a token where the provider did not say how many there were.
const BYTES_PER_TOKEN: usize = 4;

fn reply(question: &str) -> ProviderReply {
    let pieces = question.split(' ').next().unwrap().parse().unwrap();
    ProviderReply::counting(pieces).with_pause(Duration::from_millis(4))
}

fn likely_tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN)
}

/// What the ledger says of a run or a completion.
#[derive(Debug, PartialEq)]
struct Entry {
    input: usize,
    output: usize,
    is_estimated: bool,
}

impl Entry {
    /// What stands there where nobody heard how many tokens there were.
    fn estimated(question: &str, answer: &str) -> Self {
        let (input, output) = (likely_tokens(question), likely_tokens(answer));
        Self { input, output, is_estimated: true }
    }
}

/// The entries of a run, each of which has ended it.
fn ledger(database: &Connection, run: &str) -> Vec<Entry> {
    let sql = "SELECT input_tokens, output_tokens, is_estimated, is_last FROM usage_entry WHERE run_id = ?1 ORDER BY step";
    let mut statement = database.prepare(sql).unwrap();
    let entries = statement.query_map([run], |row| {
        assert!(row.get::<_, bool>(3)?, "the run {run} has one step");
        Ok(Entry { input: row.get(0)?, output: row.get(1)?, is_estimated: row.get(2)? })
    });
    entries.unwrap().map(Result::unwrap).collect()
}

/// The one request with which the provider was asked this.
fn asked(requests: &[ProviderRequest], question: &str) -> ProviderRequest {
    let mut of_it = requests.iter().filter(|request| request.last_text() == question);
    let request = of_it.next().unwrap_or_else(|| panic!("{question} was not asked")).clone();
    assert!(of_it.next().is_none(), "{question} was asked twice");
    request
}

/// What all days of `/api/usage` say together: requests, and tokens in and out.
async fn used(client: &Client) -> [usize; 3] {
    let usage = client.get("/api/usage").await.body;
    ["requests", "input_tokens", "output_tokens"].map(|name| {
        let rows = usage["data"].as_array().unwrap().iter();
        usize::try_from(rows.map(|row| row[name].as_u64().unwrap()).sum::<u64>()).unwrap()
    })
}

/// What all of these entries say together, as [`used`] does.
fn sum(entries: &[Entry]) -> [usize; 3] {
    let input = entries.iter().map(|entry| entry.input).sum();
    [entries.len(), input, entries.iter().map(|entry| entry.output).sum()]
}

async fn provider() -> ProviderServer {
    ProviderServer::start(|request| reply(&request.last_text())).await
}

fn start(state: &Path, provider: &ProviderServer) -> Server {
    Options::new(state)
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
    for _ in 0..240 {
        let run = client.get(&format!("/api/runs/{id}")).await.body;
        if !matches!(run["status"].as_str(), Some("running" | "queued")) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
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
    let mut runs = Vec::new();
    for n in 0..CLIENTS {
        let pieces = seed.rotate_left(u32::try_from(n).unwrap()) % 200;
        let (much, on_disconnect) =
            if n % 2 == 0 { (LITTLE, "continue") } else { (MUCH, "cancel") };
        let content = format!("{much} is what client {n} wants");
        let whole = reply(&content).whole();
        let mut reading = Reading::begin(&ada, &content, on_disconnect).await;
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
        runs.push((id, content, text.to_owned()));
    }
    let used = used(&ada).await;
    assert!(server.terminate().success());
    let database = Connection::open(state.path().join("selvage.db")).unwrap();
    let (requests, mut entries) = (provider.requests(), Vec::new());
    for (id, content, text) in runs {
        let (request, mut of_run) = (asked(&requests, &content), ledger(&database, &id));
        if content.starts_with(LITTLE) {
            // To the token what the provider says that it counted.
            let (input, output) = request.reported_tokens().unwrap();
            assert_eq!(of_run, [Entry { input, output, is_estimated: false }], "{content}");
        } else {
            // Nobody heard a number: about what was heard, which the provider has said. Who heard nothing pays for nothing.
            assert_eq!(request.reported_tokens(), None, "{content}");
            let heard = (!text.is_empty()).then(|| Entry::estimated(&content, &text));
            assert_eq!(of_run, Vec::from_iter(heard), "{content}");
            assert!(text.split_inclusive(' ').count() <= request.output_tokens(), "{content}");
        }
        entries.append(&mut of_run);
    }
    assert_eq!(used, sum(&entries));
}

/// Begins a completion, and gives its id as the ledger has it, and its body.
async fn complete(client: &Client, content: &str) -> (String, Incoming) {
    let messages = json!([{"role": "user", "content": content}]);
    let body = json!({"model": "Primary", "messages": messages, "stream": true}).to_string();
    let json = [("content-type", "application/json")];
    let path = "/v1/chat/completions";
    let response = client.begin(Method::POST, path, &json, body.into()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = std::str::from_utf8(&first).unwrap();
    let id = first.split("chatcmpl-").nth(1).unwrap().split('"').next().unwrap();
    (format!("run_{id}"), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_a_prefix_of_what_was_said() {
    let (state, provider) = (tempfile::tempdir().unwrap(), provider().await);
    let mut server = start(state.path(), &provider);
    let (mut ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let seed = random();
    println!("seed {seed}");
    let whole = reply(MUCH).whole();
    let mut expected = Vec::new();
    for n in 0..KILLS {
        let (content, prompt) =
            (format!("{MUCH} before kill {n}"), format!("{MUCH} in passing at kill {n}"));
        let (completion, passing) = complete(&ada, &prompt).await;
        let mut reading = Reading::begin(&ada, &content, "continue").await;
        reading.read_pieces(seed.rotate_left(u32::try_from(n).unwrap()) % 250).await;
        assert!(!server.kill().success());
        drop(passing);
        let database = Connection::open(state.path().join("selvage.db")).unwrap();
        // The leases are over at once here, instead of after 20 seconds.
        database.execute("UPDATE run SET lease_until = 1 WHERE status = 'running'", []).unwrap();
        database.execute("UPDATE usage_reservation SET expires_at = 1", []).unwrap();
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
        expected.push((reading.id, Entry::estimated(&content, &kept), content));
        expected.push((completion, Entry::estimated(&prompt, ""), prompt));
    }
    // Whoever comes next settles what the last completion has left.
    let id = Reading::begin(&ada, "3", "continue").await.id;
    assert_eq!(ended(&ada, &id).await["status"], "completed");
    let (used, requests) = (used(&ada).await, provider.requests());
    drop(server);
    let database = Connection::open(state.path().join("selvage.db")).unwrap();
    let (input, output) = asked(&requests, "3").reported_tokens().unwrap();
    expected.push((id, Entry { input, output, is_estimated: false }, "3".to_owned()));
    let mut entries = Vec::new();
    for (id, entry, content) in expected {
        // The provider has counted each prompt, whether anybody heard the answer or not.
        assert!(1 <= asked(&requests, &content).input_tokens(), "{content}");
        assert_eq!(ledger(&database, &id), [entry], "{content}");
        entries.extend(ledger(&database, &id));
    }
    assert_eq!(used, sum(&entries));
    let left = "SELECT count(*) FROM usage_reservation";
    assert_eq!(database.query_row(left, [], |row| row.get::<_, usize>(0)).unwrap(), 0);
}
