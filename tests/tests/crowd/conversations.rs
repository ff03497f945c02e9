//! Conversations, messages, memory and search.

use std::collections::BTreeSet;

use e2e::ledger::read_list;
use e2e::volley::{Reply, Row, Shot};
use http::Method;
use serde_json::{Value, json};

use crate::world::{AT_ONCE, Crew, ROUNDS, Report, require_same};

const CONVERSATIONS: &str = "conversations";

pub async fn run(crew: &mut Crew, report: &mut Report) {
    let conversation = crew.owner.create_conversation("The crowd's").await;
    let path = format!("/api/conversations/{conversation}");
    append_messages(crew, report, &path).await;
    report.add(crew.read(CONVERSATIONS, "get conversation", &path, &conversation).await);
    let messages = format!("{path}/messages?limit=20");
    report.add(crew.read(CONVERSATIONS, "list messages", &messages, "selvage").await);
    let search = "/api/search?q=selvage&limit=10";
    report.add(crew.read(CONVERSATIONS, "search", search, "<mark>").await);
    create_conversations(crew, report).await;
    let list = "/api/conversations?limit=20";
    report.add(crew.read(CONVERSATIONS, "list conversations", list, "continuation_id").await);
    continue_conversations(crew, report).await;
    put_context(crew, report, &path).await;
    create_memories(crew, report).await;
}

/// Appends to one conversation. Each message is there once, and `seq` has no gap.
async fn append_messages(crew: &mut Crew, report: &mut Report, path: &str) {
    let mut row = crew.row(CONVERSATIONS, "append message");
    let messages = format!("{path}/messages");
    let shot = |round, place| {
        let content = format!("message {round} {place} of the selvage");
        Shot::post(&messages, &json!({"role": "user", "content": content}))
    };
    let mut answered = Vec::new();
    crew.rounds(&mut row, shot, |_, _, reply: Reply| answered.push(reply.id())).await;
    let (mut there, mut after) = (Vec::new(), 0);
    loop {
        let page = crew.owner.client.get(&format!("{messages}?limit=200&after={after}")).await.body;
        let Some(data) = page["data"].as_array().filter(|data| !data.is_empty()) else { break };
        after += data.len();
        there.extend(data.iter().cloned());
    }
    let numbers: Vec<_> = there.iter().filter_map(|message| message["seq"].as_u64()).collect();
    let expected: Vec<_> = (1..=there.len() as u64).collect();
    row.require(numbers == expected, || format!("seq has gaps in {} messages", there.len()));
    let texts: BTreeSet<_> = there.iter().map(|message| message["content"].to_string()).collect();
    row.require(texts.len() == there.len(), || "a message is there twice".to_owned());
    require_same(&mut row, answered, there.iter().map(id_of).collect());
    report.add(row);
}

async fn create_conversations(crew: &mut Crew, report: &mut Report) {
    let mut row = crew.row(CONVERSATIONS, "create conversation");
    let mark = crew.mark.clone();
    let shot = |round, place| {
        Shot::post("/api/conversations", &json!({"title": format!("{mark}{round}-{place}")}))
    };
    let mut answered = Vec::new();
    crew.rounds(&mut row, shot, |_, _, reply: Reply| answered.push(reply.id())).await;
    let there = read_list(&crew.owner.client, "/api/conversations").await;
    let own = |one: &&Value| one["title"].as_str().is_some_and(|title| title.starts_with(&mark));
    require_same(&mut row, answered, there.iter().filter(own).map(id_of).collect());
    report.add(row);
}

/// Asks for one conversation by its continuation id, 32 times at once: one request creates it, and all get the same one.
async fn continue_conversations(crew: &mut Crew, report: &mut Report) {
    let mut row = crew.row(CONVERSATIONS, "put by continuation");
    let mark = crew.mark.clone();
    for round in 0..ROUNDS {
        let path = format!("/api/conversations/by-continuation/{mark}{round}");
        let replies = crew.fire(&mut row, |_| Shot::new(Method::PUT, &path).json(&json!({}))).await;
        let ids: BTreeSet<_> = replies.iter().map(|(_, reply)| reply.id()).collect();
        let created = replies.iter().filter(|(_, reply)| reply.status == 201).count();
        row.require((ids.len(), created) == (1, 1), || format!("{created} created, {ids:?}"));
    }
    let there = read_list(&crew.owner.client, "/api/conversations").await;
    let continued = |one: &&Value| {
        one["continuation_id"].as_str().is_some_and(|continued| continued.starts_with(&mark))
    };
    let count = there.iter().filter(continued).count();
    row.require(count == ROUNDS, || format!("{count} conversations for {ROUNDS} ids"));
    report.add(row);
}

async fn put_context(crew: &mut Crew, report: &mut Report, path: &str) {
    let mut row = crew.row(CONVERSATIONS, "put context");
    let path = format!("{path}/context");
    let document = |round: usize, place: usize| json!({"round": round, "place": place});
    let shot = |round, place| Shot::new(Method::PUT, &path).json(&document(round, place));
    crew.rounds(&mut row, shot, |_: &mut Row, _, _| {}).await;
    let now = crew.owner.client.get(&path).await.body;
    let is_last = (0..AT_ONCE).any(|place| now == document(ROUNDS - 1, place));
    row.require(is_last, || format!("the document is none of the last round: {now}"));
    report.add(row);
}

async fn create_memories(crew: &mut Crew, report: &mut Report) {
    let mut row = crew.row(CONVERSATIONS, "create memory");
    let mark = crew.mark.clone();
    let shot = |round, place| {
        Shot::post(
            "/api/memory",
            &json!({"kind": "episode", "value": format!("{mark}{round}-{place}")}),
        )
    };
    let mut answered = Vec::new();
    crew.rounds(&mut row, shot, |_, _, reply: Reply| answered.push(reply.id())).await;
    let mut there = Vec::new();
    for person in crew.people() {
        there.extend(read_list(person, "/api/memory").await);
    }
    let own = |one: &&Value| one["value"].as_str().is_some_and(|value| value.starts_with(&mark));
    require_same(&mut row, answered, there.iter().filter(own).map(id_of).collect());
    report.add(row);
}

fn id_of(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}
