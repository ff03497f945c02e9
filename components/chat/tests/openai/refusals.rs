use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testing::ProviderReply;

use crate::calls::{COMPLETIONS, complete, get, question, send, with};
use crate::provider::strangers;
use crate::world::World;

async fn world() -> World {
    World::saying(ProviderReply::text("Fine.")).await
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_asked() {
    let world = world().await;
    let [nobody, key, viewer] = strangers(&world).await;
    for (client, status) in [&nobody, &key, &viewer] {
        let refused = complete(client, &question("Primary")).await;
        assert_eq!(refused.status, *status);
        refused.code();
    }
    assert_eq!(get(&world.anonymous, "/v1/models").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&key.0, "/v1/models").await.status, StatusCode::FORBIDDEN);
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn what_steers_elsewhere_or_is_malformed_is_refused() {
    let world = world().await;
    let plain = question("Primary");
    for (name, value) in [
        ("base_url", json!("https://evil.example/v1")),
        ("api_base", json!("https://evil.example/v1")),
        ("api_key", json!("sk-1")),
        ("headers", json!({"authorization": "Bearer x"})),
        ("extra_headers", json!({})),
        ("extra_body", json!({})),
        ("messages", json!("hello")),
        ("messages", json!([{"role": "user"}])),
        ("messages", json!([{"role": "owner", "content": "x"}])),
        ("messages", json!([{"role": "tool", "content": "x"}])),
        ("model", json!(7)),
        ("stream", json!("yes")),
        ("tools", json!([{"type": "retrieval"}])),
    ] {
        let refused = complete(&world.ada, &with(&plain, name, value.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name} {value} {}", refused.text);
        // A value that is none of those that there are breaks a rule.
        let is_known = ["invalid_request", "validation_failed"].contains(&&*refused.code());
        assert!(is_known, "{name} {value} {}", refused.text);
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let world = world().await;
    let claude = world.model("anthropic", "claude-test").await;
    let image = |url: &str| json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]);
    let function = |name: &str| json!([{"type": "function", "function": {"name": name}}]);
    for (model, name, value, param) in [
        ("Primary", "n", json!(2), "n"),
        ("Primary", "logprobs", json!(true), "logprobs"),
        ("Primary", "messages", json!([]), "messages"),
        ("Primary", "temperature", json!(3), "temperature"),
        ("Primary", "max_tokens", json!(0), "max_tokens"),
        ("Primary", "max_completion_tokens", json!("many"), "max_tokens"),
        ("Primary", "stop", json!(["a", "b", "c", "d", "e"]), "stop"),
        ("Primary", "tools", function("no name"), "tools/0/function/name"),
        ("Primary", "tool_choice", json!("always"), "tool_choice"),
        ("Primary", "response_format", json!({"type": "xml"}), "response_format"),
        (&claude, "response_format", json!({"type": "json_object"}), "response_format"),
        (
            "Primary",
            "messages",
            image("https://evil.example/x.png"),
            "messages/0/content/0/image_url/url",
        ),
        (
            "Primary",
            "messages",
            image("data:text/html;base64,AA=="),
            "messages/0/content/0/image_url/url",
        ),
    ] {
        let refused = complete(&world.ada, &with(&question(model), name, value.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name} {value}");
        assert_eq!(refused.json()["error"]["param"], param, "{name} {value}");
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn models_and_conversations_of_others_are_not_there() {
    let world = world().await;
    let model = world.model("openai", "small-1").await;
    for name in [&model, "small-1", "gpt-unheard-of", "model_01h455vb4pex5vsknk084sn02q", ""] {
        let refused = complete(&world.eve, &question(name)).await;
        assert_eq!(
            (refused.status, &*refused.code()),
            (StatusCode::NOT_FOUND, "model_not_found"),
            "{name}"
        );
    }
    assert_eq!(get(&world.eve, &format!("/v1/models/{model}")).await.status, StatusCode::NOT_FOUND);
    let conversation = world.conversation().await;
    let named = with(&question("Primary"), "metadata", json!({"conversation_id": conversation}));
    assert_eq!(complete(&world.eve, &named).await.status, StatusCode::NOT_FOUND);
    let header = [("x-conversation-id", conversation.as_str())];
    let body = question("Primary");
    let refused = send(&world.eve, Method::POST, COMPLETIONS, &header, Some(&body)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let nonsense = [("x-conversation-id", "1")];
    let refused = send(&world.ada, Method::POST, COMPLETIONS, &nonsense, Some(&body)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    // A conversation keeps what a person said last.
    let last = json!([{"role": "assistant", "content": "Well."}]);
    let refused = complete(&world.ada, &with(&named, "messages", last)).await;
    assert_eq!(refused.json()["error"]["param"], "messages");
    assert!(world.messages(&conversation).await.is_empty());
    assert!(world.provider.requests().is_empty());
    let quota = world.eve.get("/api/quota").await.body;
    assert_eq!((&quota["used"], &quota["reserved"]), (&Value::from(0), &Value::from(0)));
}
