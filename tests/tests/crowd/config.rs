//! Models, MCP servers and settings.

use e2e::ledger::read_list;
use e2e::volley::{Row, Shot};
use http::Method;
use serde_json::{Value, json};

use crate::world::{AT_ONCE, Crew, ROUNDS, Report, require_same};

const CONFIG: &str = "config";

pub async fn run(crew: &mut Crew, report: &mut Report, base_url: &str) {
    let name = format!("{}model", crew.mark);
    let model = crew.owner.create_model(&name, base_url).await;
    report.add(crew.read(CONFIG, "get config", "/api/config", &model).await);
    report.add(crew.read(CONFIG, "list models", "/api/models", &model).await);
    report.add(crew.read(CONFIG, "get model", &format!("/api/models/{model}"), &model).await);
    report.add(crew.read(CONFIG, "get settings", "/api/settings", "schema_version").await);
    test_model(crew, report, &model).await;
    patch_settings(crew, report).await;
    let mark = crew.mark.clone();
    let model_of = |name: String| json!({"name": name, "provider": "openai-compatible", "model": "x", "base_url": base_url});
    let kinds = ("create model", "delete model");
    create_and_delete(crew, report, kinds, "/api/models", |n| model_of(format!("{mark}{n}"))).await;
    let server_of = |name: String| json!({"name": name, "url": format!("{base_url}/mcp"), "transport": "streamable-http", "enabled": false});
    let kinds = ("create MCP server", "delete MCP server");
    let path = "/api/mcp-servers";
    create_and_delete(crew, report, kinds, path, |n| server_of(format!("{mark}{n}"))).await;
}

/// Asks the provider of a model which models it has.
async fn test_model(crew: &mut Crew, report: &mut Report, model: &str) {
    let mut row = crew.row(CONFIG, "test model");
    let shot = |_, _| Shot::post(format!("/api/models/{model}/test"), &json!({}));
    let check = |row: &mut Row, _, reply: e2e::volley::Reply| {
        row.require(reply.json()["ok"] == true, || format!("the provider is not reached: {reply}"));
    };
    crew.rounds(&mut row, shot, check).await;
    report.add(row);
}

async fn patch_settings(crew: &mut Crew, report: &mut Report) {
    let mut row = crew.row(CONFIG, "patch settings");
    let value = |round: usize, place: usize| round * AT_ONCE + place + 1;
    let shot = |round, place| {
        let body = json!({"model_parameters": {"max_tokens": value(round, place)}});
        Shot::new(Method::PATCH, "/api/settings").json(&body)
    };
    crew.rounds(&mut row, shot, |_, _, _| {}).await;
    let now = crew.owner.client.get("/api/settings").await.body;
    let is_last =
        (0..AT_ONCE).any(|place| now["model_parameters"]["max_tokens"] == value(ROUNDS - 1, place));
    row.require(is_last, || format!("the settings are none of the last round: {now}"));
    report.add(row);
}

/// Creates 32 of something at once, finds exactly those, and deletes them at once.
async fn create_and_delete(
    crew: &mut Crew,
    report: &mut Report,
    (create, delete): (&'static str, &'static str),
    path: &str,
    body: impl Fn(usize) -> Value,
) {
    let (mut created, mut deleted) = (crew.row(CONFIG, create), crew.row(CONFIG, delete));
    let there = async |crew: &Crew| {
        let items = read_list(&crew.owner.client, path).await;
        let own = items.iter().filter(|item| item["scope"] == "account");
        let ids = own.map(|item| item["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let before = there(crew).await;
    for round in 0..ROUNDS {
        let shot = |place| Shot::post(path, &body(round * AT_ONCE + place));
        let replies = crew.fire(&mut created, shot).await;
        let ids: Vec<_> = replies.iter().map(|(_, reply)| reply.id()).collect();
        let expected = before.iter().chain(&ids).cloned().collect();
        require_same(&mut created, expected, there(crew).await);
        if ids.len() == AT_ONCE {
            crew.fire(&mut deleted, |place| Shot::delete(format!("{path}/{}", ids[place]))).await;
        }
    }
    let left = there(crew).await;
    require_same(&mut deleted, before, left);
    report.add(created);
    report.add(deleted);
}
