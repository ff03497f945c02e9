use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

use crate::calls::{get, send, with};
use crate::messages::{MESSAGES, ask, message, question, refusal};
use crate::provider::strangers;
use crate::world::World;

async fn world() -> World {
    World::saying(ProviderReply::text("Fine.")).await
}

fn said(kind: &str, status: StatusCode, code: &str) -> (StatusCode, String, String) {
    (status, kind.to_owned(), code.to_owned())
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_asked() {
    let world = world().await;
    let [nobody, key, viewer] = strangers(&world).await;
    let unauthorized = said("authentication_error", StatusCode::UNAUTHORIZED, "unauthorized");
    for (client, expected) in [
        (&nobody.0, &unauthorized),
        (&key.0, &said("permission_error", StatusCode::FORBIDDEN, "insufficient_scope")),
        (&viewer.0, &said("permission_error", StatusCode::FORBIDDEN, "forbidden")),
    ] {
        assert_eq!(refusal(&ask(client, &question("Primary")).await), *expected);
    }
    let wrong = [("x-api-key", "slv_wrong")];
    let body = question("Primary");
    let refused = send(&world.anonymous, Method::POST, MESSAGES, &wrong, Some(&body)).await;
    assert_eq!(refusal(&refused), unauthorized);
    let key = world.ada_person.api_key(&world.database, "chat", world.clock.now()).await;
    let both = [("x-api-key", key.as_str()), ("authorization", "Bearer x")];
    let refused = send(&world.anonymous, Method::POST, MESSAGES, &both, Some(&body)).await;
    let ambiguous = said("invalid_request_error", StatusCode::BAD_REQUEST, "ambiguous_credentials");
    assert_eq!(refusal(&refused), ambiguous);
    assert!(world.provider.requests().is_empty());
    // The same key alone is taken, in either header.
    let bearer = format!("Bearer {key}");
    for header in [("x-api-key", key.as_str()), ("authorization", &bearer)] {
        let answer = send(&world.anonymous, Method::POST, MESSAGES, &[header], Some(&body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
}

#[tokio::test]
async fn what_stands_before_the_handler_speaks_anthropics_form_too() {
    let provider = ProviderServer::start(|_| ProviderReply::text("Fine.")).await;
    let world = World::with(provider, &[("limit_api", "3/60s")]).await;
    let refused = get(&world.ada, MESSAGES).await;
    let no_method =
        said("invalid_request_error", StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    assert_eq!(refusal(&refused), no_method);
    // Nobody here counts tokens as providers do.
    for path in ["/v1/messages/count_tokens", "/v1/messages/batches"] {
        let refused = send(&world.ada, Method::POST, path, &[], Some(&question("Primary"))).await;
        assert_eq!(refusal(&refused), said("not_found_error", StatusCode::NOT_FOUND, "not_found"));
    }
    // Other paths keep the form that their clients know.
    assert!(get(&world.ada, "/v1/messages_of_others").await.json()["error"]["code"].is_string());
    let long = with(&question("Primary"), "system", json!("x".repeat(8 * 1024 * 1024)));
    let refused = ask(&world.ada, &long).await;
    let too_large = said("request_too_large", StatusCode::PAYLOAD_TOO_LARGE, "content_too_large");
    assert_eq!(refusal(&refused), too_large);
    let url = format!("{MESSAGES}?api_key=slv_secret");
    let refused = send(&world.ada, Method::POST, &url, &[], Some(&question("Primary"))).await;
    assert_eq!(
        refusal(&refused),
        said("invalid_request_error", StatusCode::BAD_REQUEST, "credential_in_url")
    );
    for _ in 0..2 {
        assert_eq!(ask(&world.ada, &question("Primary")).await.status, StatusCode::OK);
    }
    let refused = ask(&world.ada, &question("Primary")).await;
    let limited = said("rate_limit_error", StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    assert_eq!(refusal(&refused), limited);
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn what_steers_elsewhere_or_is_malformed_is_refused_and_named() {
    let world = world().await;
    let plain = question("Primary");
    let said = |block: Value| json!([{"role": "user", "content": [block]}]);
    for (name, value, place) in [
        ("base_url", json!("https://evil.example/v1"), "base_url"),
        ("api_key", json!("sk-1"), "api_key"),
        ("headers", json!({"authorization": "Bearer x"}), "headers"),
        ("extra_body", json!({}), "extra_body"),
        ("mcp_servers", json!([{"type": "url", "url": "https://evil.example"}]), "mcp_servers"),
        ("container", json!({"id": "x"}), "container"),
        ("output_config", json!({"effort": "low"}), "output_config"),
        ("metadata", json!({"conversation_id": "x"}), "metadata"),
        ("service_tier", json!("priority"), "service_tier"),
        ("messages", json!("hello"), "messages"),
        ("messages", json!([{"role": "user"}]), "messages.0"),
        ("messages", json!([{"role": "owner", "content": "x"}]), "messages.0.role"),
        ("messages", json!([{"role": "user", "content": 7}]), "messages.0.content"),
        ("messages", json!([{"role": "user", "content": "x", "name": "x"}]), "messages.0"),
        ("messages", said(json!({"type": "text"})), "messages.0.content.0"),
        ("messages", said(json!({"type": "document", "source": {}})), "messages.0.content.0"),
        ("messages", said(json!({"type": "tool_result", "content": "x"})), "messages.0.content.0"),
        ("messages", said(json!({"type": "text", "text": "x", "more": 1})), "messages.0.content.0"),
        (
            "messages",
            said(json!({"type": "image", "source": {"type": "file", "file_id": "file_1"}})),
            "messages.0.content.0",
        ),
        ("model", json!(7), "model"),
        ("stream", json!("yes"), "stream"),
        ("system", json!({"type": "text", "text": "x"}), "system"),
        ("tools", json!([{"type": "web_search_20250305", "name": "web_search"}]), "tools.0"),
        ("tools", json!([{"name": "x"}]), "tools.0"),
        ("tool_choice", json!("auto"), "tool_choice"),
        ("tool_choice", json!({"type": "tool"}), "tool_choice"),
    ] {
        let refused = ask(&world.ada, &with(&plain, name, value.clone())).await;
        let (status, kind, _) = refusal(&refused);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name} {value} {}", refused.text);
        assert_eq!(kind, "invalid_request_error");
        assert!(message(&refused).contains(place), "{name} {value} {}", refused.text);
    }
    for name in ["model", "messages", "max_tokens"] {
        let mut body = plain.clone();
        body.as_object_mut().unwrap().remove(name);
        let refused = ask(&world.ada, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(message(&refused), format!("Missing field `{name}`."));
    }
    for text in ["", "[]", "{", "null"] {
        let refused = world.ada.request(Method::POST, MESSAGES);
        let refused = refused.header("content-type", "application/json");
        let refused = refused.body(axum::body::Body::from(text)).unwrap();
        let router = world.ada.router();
        let refused = tower::ServiceExt::oneshot(router, refused).await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{text}");
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn what_breaks_a_rule_is_named() {
    let world = world().await;
    let claude = world.model("anthropic", "claude-test").await;
    let image =
        |source: Value| json!([{"role": "user", "content": [{"type": "image", "source": source}]}]);
    let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
    let url = |url: &str| image(json!({"type": "url", "url": url}));
    let html = image(json!({"type": "base64", "media_type": "text/html", "data": "AA=="}));
    let prefilled =
        json!([{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]);
    let strict = json!([{"name": "x", "input_schema": {}, "strict": true}]);
    for (model, name, value, place) in [
        ("Primary", "max_tokens", json!(0), "max_tokens"),
        ("Primary", "max_tokens", json!("many"), "max_tokens"),
        ("Primary", "max_tokens", Value::Null, "max_tokens"),
        ("Primary", "messages", json!([]), "messages"),
        ("Primary", "messages", json!([{"role": "user", "content": []}]), "messages.0.content"),
        ("Primary", "messages", json!([{"role": "user", "content": ""}]), "messages.0.content"),
        ("Primary", "messages", prefilled, "messages.1"),
        (
            "Primary",
            "messages",
            url("https://evil.example/x.png"),
            "messages.0.content.0.source.url",
        ),
        (
            "Primary",
            "messages",
            url("data:text/html;base64,AA=="),
            "messages.0.content.0.source.url",
        ),
        ("Primary", "messages", html, "messages.0.content.0.source.media_type"),
        ("Primary", "temperature", json!(3), "temperature"),
        (&claude, "temperature", json!(1.5), "temperature"),
        ("Primary", "top_p", json!(2), "top_p"),
        ("Primary", "top_k", json!(5), "top_k"),
        ("Primary", "stop_sequences", json!(["a", "b", "c", "d", "e"]), "stop_sequences"),
        (&claude, "stop_sequences", json!("a"), "stop_sequences"),
        ("Primary", "thinking", json!({"type": "enabled", "budget_tokens": 1024}), "thinking"),
        (&claude, "thinking", json!({"type": "adaptive"}), "thinking"),
        (
            "Primary",
            "system",
            json!([{"type": "image", "source": {"type": "url", "url": "x"}}]),
            "system.0",
        ),
        ("Primary", "tools", json!([tool("no name")]), "tools.0.name"),
        ("Primary", "tools", json!([tool("x"), tool("x")]), "tools.1.name"),
        ("Primary", "tools", strict, "tools.0.strict"),
        ("Primary", "tool_choice", json!({"type": "any"}), "tool_choice"),
        ("Primary", "tool_choice", json!({"type": "tool", "name": "x"}), "tool_choice.name"),
    ] {
        let refused = ask(&world.ada, &with(&question(model), name, value.clone())).await;
        let expected = said("invalid_request_error", StatusCode::BAD_REQUEST, "validation_failed");
        assert_eq!(refusal(&refused), expected, "{name} {value}");
        assert!(message(&refused).starts_with(&format!("{place}: ")), "{name} {}", refused.text);
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn calls_and_results_belong_together() {
    let world = world().await;
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "x", "input": {}});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "y"});
    let text = json!({"type": "text", "text": "So?"});
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}});
    let user = |blocks: Vec<Value>| json!({"role": "user", "content": blocks});
    let model = |blocks: Vec<Value>| json!({"role": "assistant", "content": blocks});
    let hello = json!({"role": "user", "content": "Hello."});
    let cited = json!({"type": "text", "text": "x", "citations": [{"type": "char_location"}]});
    let mut seen = result("a");
    seen["content"] = json!([image]);
    for (turns, place) in [
        (vec![user(vec![result("a")])], "messages.0.content.0.tool_use_id"),
        (vec![user(vec![call("a")])], "messages.0.content.0"),
        (vec![hello.clone(), model(vec![result("a")])], "messages.1.content.0"),
        (vec![hello.clone(), model(vec![image.clone()])], "messages.1.content.0"),
        (vec![hello.clone(), model(vec![cited])], "messages.1.content.0.citations"),
        (vec![model(vec![call("a")]), user(vec![text.clone()])], "messages.1.content.0"),
        (
            vec![model(vec![call("a")]), user(vec![text.clone(), result("a")])],
            "messages.1.content.0",
        ),
        (
            vec![model(vec![call("a"), call("b")]), user(vec![result("a"), text.clone()])],
            "messages.1.content.1",
        ),
        (
            vec![model(vec![call("a")]), user(vec![result("a"), result("a")])],
            "messages.1.content.1.tool_use_id",
        ),
        (vec![model(vec![call("a")]), user(vec![seen])], "messages.1.content.0.content.0"),
        (vec![hello, model(vec![call("a")])], "messages"),
    ] {
        let body = with(&question("Primary"), "messages", json!(turns));
        let refused = ask(&world.ada, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body} {}", refused.text);
        assert!(message(&refused).starts_with(&format!("{place}: ")), "{body} {}", refused.text);
    }
    assert!(world.provider.requests().is_empty());
}

#[tokio::test]
async fn models_and_conversations_of_others_are_not_there() {
    let world = world().await;
    let model = world.model("openai", "small-1").await;
    let missing = said("not_found_error", StatusCode::NOT_FOUND, "model_not_found");
    for name in [&model, "small-1", "claude-unheard-of", "model_01h455vb4pex5vsknk084sn02q", ""] {
        assert_eq!(refusal(&ask(&world.eve, &question(name)).await), missing, "{name}");
    }
    let conversation = world.conversation().await;
    let header = [("x-conversation-id", conversation.as_str())];
    let body = question("Primary");
    let refused = send(&world.eve, Method::POST, MESSAGES, &header, Some(&body)).await;
    let not_there = said("not_found_error", StatusCode::NOT_FOUND, "not_found");
    assert_eq!(refusal(&refused), not_there);
    let nonsense = [("x-conversation-id", "1")];
    let refused = send(&world.ada, Method::POST, MESSAGES, &nonsense, Some(&body)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(message(&refused).starts_with("x-conversation-id: "));
    // A conversation keeps what a person said last.
    let claude = world.model("anthropic", "claude-test").await;
    let last =
        json!([{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Well,"}]);
    let body = with(&question(&claude), "messages", last);
    let refused = send(&world.ada, Method::POST, MESSAGES, &header, Some(&body)).await;
    assert!(message(&refused).starts_with("messages: "));
    assert!(world.messages(&conversation).await.is_empty());
    assert!(world.provider.requests().is_empty());
    let quota = world.eve.get("/api/quota").await.body;
    assert_eq!((&quota["used"], &quota["reserved"]), (&Value::from(0), &Value::from(0)));
}
