use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::{Client, Person, ProviderReply};

use crate::world::{World, soon};

const STRANGE_RUNS: [&str; 5] =
    ["run_01h455vb4pex5vsknk084sn02q", "msg_01h455vb4pex5vsknk084sn02q", "run_", "1", "%00"];

/// The routes of a run with a body that each takes.
fn routes(run: &str) -> [(&'static str, String, Value); 4] {
    [
        ("GET", format!("/api/runs/{run}"), Value::Null),
        ("GET", format!("/api/runs/{run}/events"), Value::Null),
        ("POST", format!("/api/runs/{run}/cancel"), Value::Null),
        ("POST", format!("/api/runs/{run}/approvals"), json!({"approvals": []})),
    ]
}

async fn status(client: &Client, (method, path, body): &(&str, String, Value)) -> StatusCode {
    match *method {
        "GET" => client.get(path).await.status,
        _ => client.post(path, body).await.status,
    }
}

#[tokio::test]
async fn nobody_without_a_credential_gets_anywhere() {
    let world = World::saying(ProviderReply::text("yes")).await;
    let conversation = world.conversation().await;
    let run = world.answer(&conversation, &json!({"content": "a"})).await.body["run"]["id"].clone();
    for route in routes(run.as_str().unwrap()) {
        assert_eq!(status(&world.anonymous, &route).await, StatusCode::UNAUTHORIZED, "{route:?}");
    }
    let path = format!("/api/conversations/{conversation}/runs");
    let answer = world.anonymous.post(&path, &json!({"content": "a"})).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.provider.requests().len(), 1);
}

#[tokio::test]
async fn what_is_another_account_s_is_not_there() {
    let world = World::saying(ProviderReply::text("yes")).await;
    let conversation = world.conversation().await;
    let run = world.answer(&conversation, &json!({"content": "a"})).await.body["run"]["id"].clone();
    for route in routes(run.as_str().unwrap()) {
        assert_eq!(status(&world.eve, &route).await, StatusCode::NOT_FOUND, "{route:?}");
    }
    for id in STRANGE_RUNS {
        for route in routes(id) {
            assert_eq!(status(&world.ada, &route).await, StatusCode::NOT_FOUND, "{route:?}");
        }
    }
    let path = format!("/api/conversations/{conversation}/runs");
    let answer = world.eve.post(&path, &json!({"content": "a"})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let theirs = world.model("openai", "m").await;
    let mine = json!({"content": "a", "model_id": theirs});
    world.execute("UPDATE model SET account_id = (SELECT id FROM account WHERE id NOT IN (SELECT account_id FROM model) AND id IN (SELECT account_id FROM membership) LIMIT 1)").await;
    let answer = world.ada.post(&path, &mine).await;
    assert_eq!(
        (answer.status, answer.pointers()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["/model_id"])
    );
    assert_eq!(world.messages(&conversation).await.len(), 2);
}

#[tokio::test]
async fn viewers_read_and_do_not_ask() {
    let world = World::saying(ProviderReply::text("yes")).await;
    let conversation = world.conversation().await;
    let run = world.answer(&conversation, &json!({"content": "a"})).await.body["run"]["id"].clone();
    let run = run.as_str().unwrap();
    let now = world.clock.now();
    let viewer = Person::new(&world.database, "owner", now).await;
    let viewer = viewer.joins(&world.database, world.ada_person.account_id, "viewer", now).await;
    let viewer = world.anonymous.with_token(&viewer.token);
    assert_eq!(viewer.get(&format!("/api/runs/{run}")).await.status, StatusCode::OK);
    let path = format!("/api/conversations/{conversation}/runs");
    for answer in [
        viewer.post(&path, &json!({"content": "a"})).await,
        viewer.post(&format!("/api/runs/{run}/cancel"), &Value::Null).await,
        viewer.post(&format!("/api/runs/{run}/approvals"), &json!({"approvals": []})).await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden"));
    }
}

#[tokio::test]
async fn what_no_route_takes_is_refused_before_anything_is_done() {
    let world = World::saying(ProviderReply::text("yes")).await;
    let conversation = world.conversation().await;
    let path = format!("/api/conversations/{conversation}/runs");
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        r#"{"content": 1}"#,
        r#"{"content": "a", "unknown": 1}"#,
        r#"{"content": "a", "stream": "yes"}"#,
        r#"{"content": "a", "base_url": "https://evil.example"}"#,
        r#"{"content": "a", "api_key": "sk"}"#,
        r#"{"content": "a", "parameters": []}"#,
    ];
    world.ada.refuses(&path, bodies).await;
    let run = "/api/runs/run_01h455vb4pex5vsknk084sn02q/approvals";
    let bodies = ["{}", r#"{"approvals": {}}"#, r#"{"approvals": [{"tool_call_id": "a"}]}"#];
    world.ada.refuses(run, bodies).await;
    let long = "x".repeat(1024 * 1024 + 1);
    for (body, pointer) in [
        (json!({}), "/content"),
        (json!({"content": ""}), "/content"),
        (json!({"content": []}), "/content"),
        (json!({"content": long}), "/content"),
        (json!({"content": "a", "parent_id": "msg_01h455vb4pex5vsknk084sn02q"}), "/parent_id"),
        (json!({"content": "a", "model_id": "model_01h455vb4pex5vsknk084sn02q"}), "/model_id"),
        (json!({"content": "a", "on_disconnect": "later"}), "/on_disconnect"),
        (json!({"content": "a", "tools": "all"}), "/tools"),
        (json!({"content": "a", "model_id": "conv_01h455vb4pex5vsknk084sn02q"}), "/model_id"),
        (json!({"content": "a", "parameters": {"temperature": 9}}), "/parameters/temperature"),
        (
            json!({"content": "a", "parameters": {"base_url": "https://evil.example"}}),
            "/parameters/base_url",
        ),
        (
            json!({"content": [{"type": "image_file", "file_id": "file_01h455vb4pex5vsknk084sn02q"}]}),
            "/content/0/file_id",
        ),
    ] {
        let answer = world.ada.post(&path, &body).await;
        let seen = (answer.status, answer.pointers());
        assert_eq!(seen, (StatusCode::UNPROCESSABLE_ENTITY, vec![pointer]), "{pointer}");
    }
    let answer = world.ada.post(&path, &json!({"content": "x".repeat(2 * 1024 * 1024)})).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.messages(&conversation).await.len(), 0);
    assert_eq!(world.count("SELECT count(*) AS n FROM run").await, 0);
    assert_eq!(world.provider.requests().len(), 0);
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let world = World::saying(ProviderReply::text("yes")).await;
    let conversation = world.conversation().await;
    let run = world.answer(&conversation, &json!({"content": "a"})).await.body["run"]["id"].clone();
    let path = format!("/api/runs/{}/events", run.as_str().unwrap());
    for (query, expected) in [("?after=x", 400), ("?before=1", 400), ("?after=-1", 422)] {
        let answer = soon(world.ada.get(&format!("{path}{query}"))).await;
        assert_eq!(answer.status.as_u16(), expected, "{query}");
    }
}

#[tokio::test]
async fn without_a_key_the_component_still_runs() {
    let provider = testing::ProviderServer::start(|_| ProviderReply::text("yes")).await;
    let world = World::with(provider, &[("openai_api_key", "")]).await;
    let conversation = world.conversation().await;
    let path = format!("/api/conversations/{conversation}/runs");
    let answer = world.ada.post(&path, &json!({"content": "a"})).await;
    let seen = (answer.status, answer.code());
    assert_eq!(seen, (StatusCode::UNPROCESSABLE_ENTITY, "model_key_missing"));
    assert_eq!(world.messages(&conversation).await.len(), 0);
}
