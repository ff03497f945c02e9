//! Runs, completions, responses and messages, and what is read of them.

use e2e::ledger::{self, Tokens, read_list};
use e2e::volley::{Reply, Row, Shot};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{AT_ONCE, Crew, GENERATIONS, ROUNDS, Report, World};

const CHAT: &str = "chat";

/// The models of an account.
pub type Models = Vec<String>;

pub async fn run(crew: &mut Crew, report: &mut Report, world: &World, models: &mut Models) {
    let model = format!("{}model", crew.mark);
    crew.owner.create_model(&model, &world.provider.base_url()).await;
    models.push(model.clone());
    let titles: Vec<_> = (0..AT_ONCE).map(|place| format!("{}{place}", crew.mark)).collect();
    let creations = titles.iter().map(|title| crew.owner.create_conversation(title));
    let conversations = join_all(creations).await;
    let run = generate(crew, report, &model, &conversations).await;
    let served = sum(world, models);
    ledger::check(&crew.owner.client, served).await;
    for (kind, path, text) in [
        ("list models, OpenAI's", "/v1/models".to_owned(), model.as_str()),
        ("get quota", "/api/quota".to_owned(), "resets_at"),
        ("list usage", "/api/usage?limit=20".to_owned(), model.as_str()),
        ("get run", format!("/api/runs/{run}"), "completed"),
        ("get run's events", format!("/api/runs/{run}/events"), "run.completed"),
    ] {
        report.add(crew.read(CHAT, kind, &path, text).await);
    }
    conversations_of_openai(crew, report).await;
}

/// The tokens that the provider has counted for these models.
pub fn sum(world: &World, models: &[String]) -> Tokens {
    let mut sum = Tokens::default();
    for model in models {
        sum += world.provider.served(model);
    }
    sum
}

/// A body that asks a model something, as the route at this path takes it.
pub fn question(path: &str, model: &str) -> Value {
    let messages = json!([{"role": "user", "content": "Where does the thread end?"}]);
    match path {
        "/v1/chat/completions" => json!({
            "model": model, "messages": messages, "stream": true, "stream_options": {"include_usage": true},
        }),
        "/v1/messages" => {
            json!({"model": model, "messages": messages, "stream": true, "max_tokens": 64})
        }
        "/v1/responses" => json!({"model": model, "input": "Where does it end?", "stream": true}),
        _ => json!({"content": "Where does the thread end?"}),
    }
}

/// Streams of all four kinds. Returns the id of a run.
async fn generate(
    crew: &mut Crew,
    report: &mut Report,
    model: &str,
    conversations: &[String],
) -> String {
    let (mut run, mut runs) = (String::new(), 0);
    for (kind, path, last) in [
        ("run", "", "event: run.completed"),
        ("completion", "/v1/chat/completions", "[DONE]"),
        ("response", "/v1/responses", "response.completed"),
        ("message", "/v1/messages", "message_stop"),
    ] {
        let mut row = crew.row(CHAT, kind);
        for _ in 0..ROUNDS {
            let shot = |place: usize| {
                let path = if path.is_empty() {
                    format!("/api/conversations/{}/runs", conversations[place])
                } else {
                    path.to_owned()
                };
                Shot::post(&path, &question(&path, model))
            };
            let replies = crew.fire(&mut row, shot).await;
            row.require(GENERATIONS <= replies.len(), || {
                format!("{} of at least {GENERATIONS} were admitted", replies.len())
            });
            for (_, reply) in &replies {
                let text = reply.text();
                row.require(text.contains(last) && text.contains("5 "), || format!("cut: {text}"));
                if path.is_empty() {
                    runs += 1;
                    run = run_id(reply);
                }
            }
        }
        if path.is_empty() {
            require_messages(crew, &mut row, conversations, runs).await;
        }
        report.add(row);
    }
    run
}

/// Each run has left one question and one answer.
async fn require_messages(crew: &Crew, row: &mut Row, conversations: &[String], runs: usize) {
    let (mut questions, mut answers) = (0, 0);
    for conversation in conversations {
        let path = format!("/api/conversations/{conversation}/messages");
        for message in read_list(&crew.owner.client, &path).await {
            match message["role"].as_str() {
                Some("user") => questions += 1,
                Some("assistant") if message["status"] == "completed" => answers += 1,
                _ => row.offend(format!("{message} is neither")),
            }
        }
    }
    row.require((questions, answers) == (runs, runs), || {
        format!("{runs} runs, {questions} questions, {answers} answers")
    });
}

/// The id of the run that a stream of events is about.
pub fn run_id(reply: &Reply) -> String {
    let text = reply.text();
    let id = text.split("\"run\":{\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    id.unwrap_or_default().to_owned()
}

/// Conversations and items, as OpenAI's SDKs create them.
async fn conversations_of_openai(crew: &mut Crew, report: &mut Report) {
    let mut row = crew.row(CHAT, "create conv., OpenAI's");
    let mut ids = Vec::new();
    let shot = |_, _| Shot::post("/v1/conversations", &json!({"metadata": {"of": "crowd"}}));
    crew.rounds(&mut row, shot, |_, _, reply: Reply| ids.push(reply.id())).await;
    let there = read_list(&crew.owner.client, "/api/conversations").await;
    let of_openai = there.iter().filter(|one| one["metadata"]["of"] == "crowd").count();
    row.require(ids.len() <= of_openai, || format!("{} created, {of_openai} there", ids.len()));
    report.add(row);
    let Some(first) = ids.first() else { return };

    let mut row = crew.row(CHAT, "create items, OpenAI's");
    let path = format!("/v1/conversations/{first}/items");
    let mut items = 0;
    let shot = |round, place| {
        let text = json!([{"type": "input_text", "text": format!("item {round} {place}")}]);
        Shot::post(&path, &json!({"items": [{"type": "message", "role": "user", "content": text}]}))
    };
    crew.rounds(&mut row, shot, |_, _, _| items += 1).await;
    let messages = format!("/api/conversations/{}/messages", ids[0].replace("conv-", "conv_"));
    let there = read_list(&crew.owner.client, &messages).await.len();
    row.require(there == items, || format!("{items} created, {there} there"));
    report.add(row);
    report.add(crew.read(CHAT, "list items, OpenAI's", &path, "item ").await);
}
