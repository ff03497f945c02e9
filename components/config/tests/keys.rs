//! `/api/keys`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures::future::join_all;
use serde_json::{Value, json};
use support::{
    MODELS, STRANGE_IDS, Setup, assert_bad_requests, assert_broken_rules, instance, model, send,
    setup, setup_with, with,
};
use testing::{Client, hostile_urls};

const KEYS: &str = "/api/keys";
const VALUE: &str = "sk-proj-0123456789abcdefWXYZ";

fn key(name: &str) -> Value {
    json!({"provider": "openai", "name": name, "value": VALUE})
}

/// The names of the keys that are active.
async fn active(client: &Client) -> Vec<String> {
    let answer = client.get(KEYS).await;
    let keys = answer.body["data"].as_array().unwrap().iter();
    let active = keys.filter(|key| key["is_active"] == true);
    let mut names: Vec<_> = active.map(|key| key["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_done() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, KEYS, &key("a")).await;
    let member = setup.colleague("member").await;
    for (method, path) in
        [(Method::POST, KEYS), (Method::PATCH, path.as_str()), (Method::DELETE, path.as_str())]
    {
        let anonymous = send(&setup.anonymous, method.clone(), path, &key("b")).await;
        assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let low = send(&member, method.clone(), path, &key("b")).await;
        assert_eq!(low.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    assert_eq!(setup.anonymous.get(KEYS).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(member.get(KEYS).await.status, StatusCode::OK);
    assert_eq!(setup.count("SELECT count(*) AS n FROM provider_key").await, 1);
}

#[tokio::test]
async fn changes_need_the_password_shown_lately() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, KEYS, &key("a")).await;
    setup.hand.advance(Duration::from_mins(9));
    assert_eq!(setup.ada.patch(&path, &json!({"name": "b"})).await.status, StatusCode::OK);
    let sql = "UPDATE session SET authenticated_at = 0";
    setup.database.query(database::Statement::new(sql)).await.unwrap();
    for (method, path) in
        [(Method::POST, KEYS), (Method::PATCH, path.as_str()), (Method::DELETE, path.as_str())]
    {
        let answer = send(&setup.ada, method.clone(), path, &key("b")).await;
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (StatusCode::FORBIDDEN, "reauthentication_required"), "{method}");
    }
}

#[tokio::test]
async fn what_is_not_the_account_s_is_not_there() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, KEYS, &key("a")).await;
    let foreign = path.rsplit('/').next().unwrap();
    for id in STRANGE_IDS.into_iter().chain([foreign, "pkey_01h455vb4pex5vsknk084sn02q"]) {
        let path = format!("{KEYS}/{id}");
        for method in [Method::PATCH, Method::DELETE] {
            let answer = send(&setup.eve, method.clone(), &path, &json!({"name": "b"})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    assert_eq!(setup.eve.get(KEYS).await.body["data"], json!([]));
    let body = with(&model("m"), "key_id", json!(foreign));
    assert_broken_rules(&setup.eve, Method::POST, MODELS, &[(body, "/key_id")]).await;
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_no_value_comes_back() {
    let setup = setup().await;
    let fine = key("a");
    let bodies = [
        json!(null),
        json!({}),
        json!({"provider": "openai", "name": "a"}),
        with(&fine, "value", json!(["sk-1"])),
        with(&fine, "value", json!(null)),
        with(&fine, "last_four", json!("WXYZ")),
        with(&fine, "kek_id", json!("1")),
        with(&fine, "account_id", json!("platform")),
    ];
    assert_bad_requests(&setup.ada, Method::POST, KEYS, &bodies).await;
    let rules = [
        (with(&fine, "name", json!("")), "/name"),
        (with(&fine, "value", json!("")), "/value"),
        (with(&fine, "value", json!("sk 1")), "/value"),
        (with(&fine, "value", json!("sk-\u{fc}")), "/value"),
        (with(&fine, "value", json!("sk-1\r\nx-evil: 1")), "/value"),
        (with(&fine, "value", json!("x".repeat(8 * 1024 + 1))), "/value"),
        (with(&fine, "provider", json!("openai-compatible")), "/base_url"),
        (with(&fine, "base_url", json!("https://api.example.com/v1?x")), "/base_url"),
    ];
    assert_broken_rules(&setup.ada, Method::POST, KEYS, &rules).await;
    let path = setup.created(&setup.ada, KEYS, &fine).await;
    let bodies = [json!({"provider": "gemini"}), json!({"last_used_at": null})];
    assert_bad_requests(&setup.ada, Method::PATCH, &path, &bodies).await;
    let rules = [
        (json!({"base_url": "https://evil.example/v1"}), "/value"),
        (json!({"base_url": "https://evil.example/v1", "value": ""}), "/value"),
        (json!({"name": "\u{7f}"}), "/name"),
    ];
    assert_broken_rules(&setup.ada, Method::PATCH, &path, &rules).await;
}

#[tokio::test]
async fn no_hostile_url_is_taken() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, KEYS, &key("a")).await;
    for url in hostile_urls() {
        let body = with(&key("b"), "base_url", json!(url));
        let created = setup.ada.post(KEYS, &body).await;
        assert_eq!(created.pointers(), ["/base_url"], "{url:?}");
        let body = json!({"base_url": url, "value": VALUE});
        assert_eq!(setup.ada.patch(&path, &body).await.pointers(), ["/base_url"], "{url:?}");
    }
    assert_eq!(setup.count("SELECT count(*) AS n FROM provider_key").await, 1);
}

#[tokio::test]
async fn a_key_is_kept_shown_by_its_end_changed_and_forgotten() {
    let setup = setup().await;
    let created = setup.ada.post(KEYS, &key("work")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let expected = json!({
        "id": created.body["id"], "provider": "openai", "name": "work", "base_url": null, "last_four": "WXYZ",
        "kek_id": created.body["kek_id"], "is_active": true, "last_used_at": null,
        "created_at": "2026-11-22T02:33:09.250Z", "updated_at": "2026-11-22T02:33:09.250Z",
    });
    assert_eq!(created.body, expected);
    assert!(created.body["kek_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(setup.ada.get(KEYS).await.body, json!({"data": [expected], "next_cursor": null}));
    let path = format!("{KEYS}/{}", created.body["id"].as_str().unwrap());
    let before = sealed(&setup).await;
    let short = json!({"value": "short-one", "base_url": "https://proxy.example/v1"});
    let changed = setup.ada.patch(&path, &short).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!((&changed.body["last_four"], &changed.body["name"]), (&Value::Null, &json!("work")));
    assert_ne!(sealed(&setup).await, before, "a new value is sealed under a new key");
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 0);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NOT_FOUND);
    let audited = "SELECT count(*) AS n FROM audit_entry WHERE action LIKE 'provider_key.%'";
    assert_eq!(setup.count(audited).await, 3);
}

async fn sealed(setup: &Setup) -> Vec<u8> {
    let sql = "SELECT wrapped_dek FROM secret";
    let rows = setup.database.query(database::Statement::new(sql)).await.unwrap();
    rows.first().unwrap().get("wrapped_dek").unwrap()
}

#[tokio::test]
async fn one_key_is_active_for_each_place() {
    let setup = setup().await;
    let at = |name: &str, url: &str| with(&key(name), "base_url", json!(url));
    let first = setup.created(&setup.ada, KEYS, &key("first")).await;
    setup.created(&setup.ada, KEYS, &at("proxy", "https://proxy.example/v1")).await;
    assert_eq!(active(&setup.ada).await, ["first", "proxy"]);
    setup.created(&setup.ada, KEYS, &key("second")).await;
    assert_eq!(active(&setup.ada).await, ["proxy", "second"]);
    setup.created(&setup.ada, KEYS, &at("other path", "https://proxy.example/v2")).await;
    assert_eq!(active(&setup.ada).await, ["other path", "second"]);
    setup.ada.patch(&first, &json!({"is_active": true})).await;
    assert_eq!(active(&setup.ada).await, ["first", "other path"]);
    setup.ada.patch(&first, &json!({"is_active": false})).await;
    assert_eq!(active(&setup.ada).await, ["other path"]);
    let calls = (0..16).map(|n| {
        let client = setup.ada.clone();
        async move { client.post(KEYS, &key(&format!("k{n}"))).await.status }
    });
    assert!(join_all(calls).await.into_iter().all(|status| status == StatusCode::CREATED));
    assert_eq!(active(&setup.ada).await.len(), 2);
}

#[tokio::test]
async fn a_model_has_a_key_when_one_may_be_sent_to_where_it_is() {
    let setup = setup_with(&[("openai_api_key", "sk-operator")]).await;
    let has_key = async |body: Value| {
        let path = setup.created(&setup.ada, MODELS, &body).await;
        let model = setup.ada.get(&path).await.body;
        setup.ada.delete(&path).await;
        model["has_key"].as_bool().unwrap()
    };
    let of = |provider: &str| with(&model("m"), "provider", json!(provider));
    let at = |body: &Value, url: &str| with(body, "base_url", json!(url));
    assert!(has_key(of("openai")).await, "the operator's");
    assert!(!has_key(of("anthropic")).await);
    assert!(!has_key(at(&of("openai"), "https://api.openai.com/v1")).await, "a URL needs a key");
    let anthropic = json!({"provider": "anthropic", "name": "a", "value": VALUE});
    setup.created(&setup.ada, KEYS, &anthropic).await;
    assert!(has_key(of("anthropic")).await);
    assert!(has_key(at(&of("anthropic"), "https://api.anthropic.com/v2")).await);
    assert!(!has_key(at(&of("anthropic"), "https://proxy.example/v1")).await);
    let proxy =
        at(&with(&key("p"), "provider", json!("openai-compatible")), "https://llm.example/v1");
    let proxy = setup.created(&setup.ada, KEYS, &proxy).await;
    assert!(has_key(at(&of("openai-compatible"), "https://llm.example/other")).await);
    assert!(!has_key(at(&of("openai-compatible"), "https://llm.example:8443/v1")).await);
    setup.ada.patch(&proxy, &json!({"is_active": false})).await;
    assert!(!has_key(at(&of("openai-compatible"), "https://llm.example/v1")).await);
    let id = proxy.rsplit('/').next().unwrap();
    let named = with(&at(&of("openai-compatible"), "https://llm.example/v1"), "key_id", json!(id));
    assert!(has_key(named.clone()).await, "a key that a model names need not be active");
    let elsewhere = with(&named, "base_url", json!("https://evil.example/v1"));
    assert_broken_rules(&setup.ada, Method::POST, MODELS, &[(elsewhere, "/key_id")]).await;
    let path = setup.created(&setup.ada, MODELS, &named).await;
    for url in [json!("https://evil.example/v1"), json!("https://llm.example/v2")] {
        let moved = [(json!({"base_url": url}), "/key_id")];
        assert_broken_rules(&setup.ada, Method::PATCH, &path, &moved).await;
    }
    let again = json!({"base_url": "https://llm.example/v2", "key_id": id});
    assert_eq!(setup.ada.patch(&path, &again).await.status, StatusCode::OK);
    assert_eq!(setup.ada.delete(&proxy).await.status, StatusCode::NO_CONTENT);
    let model = setup.ada.get(&path).await.body;
    assert_eq!((&model["key_id"], &model["has_key"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn an_account_has_at_most_a_hundred_keys() {
    let setup = setup().await;
    for n in 0..100 {
        setup.created(&setup.ada, KEYS, &key(&format!("k{n}"))).await;
    }
    let answer = setup.ada.post(KEYS, &key("one more")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "limit_reached"));
    assert_eq!(setup.count("SELECT count(*) AS n FROM secret").await, 100);
    let page = setup.ada.get(&format!("{KEYS}?limit=60")).await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = setup.ada.get(&format!("{KEYS}?limit=60&cursor={cursor}")).await.body;
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (40, &Value::Null));
}

#[tokio::test]
async fn what_the_operator_has_closed_meanwhile_can_still_be_renamed() {
    let origin = "http://127.0.0.1:11434";
    let setup = setup_with(&[("egress_allow", origin)]).await;
    let body = with(&key("a"), "base_url", json!(format!("{origin}/v1")));
    let path = setup.created(&setup.ada, KEYS, &body).await;
    let router = instance(&setup.database, setup.clock.clone(), &[]);
    let ada = Client::new(router).with_token(&setup.ada_person.token);
    let change = json!({"name": "b", "is_active": false, "base_url": format!("{origin}/v1")});
    let changed = ada.patch(&path, &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    let stored = "SELECT count(*) AS n FROM provider_key WHERE name = 'b' AND origin = 'http://127.0.0.1:11434' AND is_active = 0";
    assert_eq!(setup.count(stored).await, 1, "it still goes where it was given for");
    let moved = json!({"base_url": format!("{origin}/v2"), "value": VALUE});
    assert_eq!(ada.patch(&path, &moved).await.pointers(), ["/base_url"]);
}
