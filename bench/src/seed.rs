//! The data that every measurement finds.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use e2e::{Answer, Bare, Client};
use http::Method;
use serde_json::{Value, json};

use crate::process::Side;

/// Words that a search looks for. Message n has number n mod [`SOUGHT`]: one message in a hundred has a given one.
const SOUGHT: usize = 100;

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a long walk by the canal";

/// Messages in the conversation that `history` reads: one page.
const PAGE: usize = 100;
/// With what stands around it in JSON, a hundred messages of this length are 67 KB.
const PAGE_MESSAGE_CHARS: usize = 440;
const SEARCHED_CONVERSATIONS: usize = 20;
const SEARCHED_MESSAGES_EACH: usize = 200;

/// How large a file is that comes or goes.
const FILE_BYTES: usize = 10 * 1024 * 1024;

/// What there is to ask for.
#[derive(Debug)]
pub struct Seed {
    /// The conversation of which a page is read.
    pub page: String,
    /// One conversation per connection, to append to.
    pub own: Vec<String>,
    /// What is uploaded.
    pub content: Bytes,
    /// The file that is downloaded.
    pub file: String,
}

/// Fills a new state directory through the host, which makes its secrets and its schema on the way.
pub async fn seed(state: &Path, connections: usize) -> Result<Seed> {
    let server = Side::Host.options(state)?.start();
    let client = Client::new(server.address());
    let answer =
        client.post("/api/auth/signup", &json!({"email": EMAIL, "password": PASSWORD})).await;
    let client = client.with_token(&text(&answer, "access_token")?);

    let page = conversation(&client, "A page").await?;
    let messages: Vec<Value> = (0..PAGE).map(|n| message(n, PAGE_MESSAGE_CHARS)).collect();
    append(&client, &page, &messages).await?;
    for number in 0..SEARCHED_CONVERSATIONS {
        let searched = conversation(&client, &format!("To be searched, {number}")).await?;
        let first = number * SEARCHED_MESSAGES_EACH;
        let messages: Vec<Value> =
            (first..first + SEARCHED_MESSAGES_EACH).map(|n| message(n, 200)).collect();
        append(&client, &searched, &messages).await?;
    }
    let mut own = Vec::with_capacity(connections);
    for number in 0..connections {
        own.push(conversation(&client, &format!("Of connection {number}")).await?);
    }
    let line = b"What a file of text is made of does not matter to anyone here.\n";
    let content: Bytes = line.iter().copied().cycle().take(FILE_BYTES).collect();
    let file = upload(&client, content.clone()).await?;
    ensure!(server.interrupt().success(), "the host did not end in order");
    Ok(Seed { page, own, content, file })
}

async fn upload(client: &Client, content: Bytes) -> Result<String> {
    let headers = [("content-type", "text/plain")];
    let sent = client.exchange(Method::POST, "/api/files?name=seed.txt", &headers, content).await;
    let Bare { status, headers, bytes } = sent.ok().context("the file was not answered")?;
    let body = serde_json::from_slice(&bytes)?;
    text(&Answer { status, headers, body }, "id")
}

/// Deletes all files but the one that is downloaded, so that measurements do not fill the disk.
pub async fn delete_uploads(client: &Client, seed: &Seed) -> Result<()> {
    loop {
        let listed = client.get("/api/files?limit=200").await.body;
        let files = listed.get("data").and_then(Value::as_array).context("there is no list")?;
        let ids = files.iter().filter_map(|file| file.get("id")?.as_str());
        let ids: Vec<_> = ids.filter(|id| *id != seed.file).collect();
        if ids.is_empty() {
            return Ok(());
        }
        for id in ids {
            let deleted = client.send(Method::DELETE, &format!("/api/files/{id}"), None).await;
            ensure!(deleted.is_ok_and(|it| it.status == 204), "{id} was not deleted");
        }
    }
}

/// A new access token: they last ten minutes.
pub async fn sign_in(client: &Client) -> Result<String> {
    let body = json!({"login": EMAIL, "password": PASSWORD});
    text(&client.post("/api/auth/login", &body).await, "access_token")
}

async fn conversation(client: &Client, title: &str) -> Result<String> {
    text(&client.post("/api/conversations", &json!({"title": title})).await, "id")
}

async fn append(client: &Client, conversation: &str, messages: &[Value]) -> Result<()> {
    let path = format!("/api/conversations/{conversation}/messages/batch");
    let answer = client.post(&path, &json!({"messages": messages})).await;
    ensure!(answer.status == 201, "the batch was refused: {}", answer.body);
    Ok(())
}

/// Message `number`, `chars` long: words in an order that differs from message to message, the same on every run.
fn message(number: usize, chars: usize) -> Value {
    const WORDS: [&str; 24] = [
        "thread", "selvage", "loom", "warp", "weft", "shuttle", "cloth", "edge", "pattern",
        "needle", "dye", "wool", "linen", "cotton", "silk", "twill", "satin", "canvas", "felt",
        "spindle", "yarn", "knot", "hem", "seam",
    ];
    let mut text = format!("Message {number} about {}:", sought(number));
    let mut next = number;
    while text.len() < chars {
        // Linear congruence modulo 2^16: any sequence does that is not the same for all messages.
        next = (next * 25173 + 13849) % 65536;
        text.push(' ');
        text.push_str(WORDS.get(next / 64 % WORDS.len()).copied().unwrap_or_default());
    }
    let role = if number.is_multiple_of(2) { "user" } else { "assistant" };
    json!({"role": role, "content": text})
}

/// A word that one message in a hundred has.
pub fn sought(number: usize) -> String {
    format!("topic{}", number % SOUGHT)
}

fn text(answer: &Answer, field: &str) -> Result<String> {
    answer
        .body
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("no {field} in {} {}", answer.status, answer.body))
}
