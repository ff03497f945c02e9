//! `/api/models` and `/api/system/models`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode};
use futures::future::join_all;
use serde_json::{Value, json};
use support::{
    MODELS, STRANGE_IDS, Setup, assert_bad_requests, assert_broken_rules, instance, model, send,
    setup, setup_with, with,
};
use testing::{Client, hostile_urls};

const SYSTEM: &str = "/api/system/models";

async fn list(client: &Client, path: &str) -> Vec<Value> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["data"].as_array().unwrap().clone()
}

/// The names of the models that are active.
async fn active(client: &Client) -> Vec<String> {
    let models = list(client, MODELS).await.into_iter();
    let active = models.filter(|model| model["active"] == true);
    active.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_done() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, MODELS, &model("a")).await;
    let viewer = setup.colleague("viewer").await;
    for (method, path) in [
        (Method::POST, MODELS),
        (Method::PATCH, &path),
        (Method::DELETE, &path),
        (Method::POST, &format!("{path}/activate")),
        (Method::POST, &format!("{path}/test")),
    ] {
        let anonymous = send(&setup.anonymous, method.clone(), path, &model("b")).await;
        assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let low = send(&viewer, method.clone(), path, &model("b")).await;
        assert_eq!(low.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    for path in [SYSTEM.to_owned(), format!("{SYSTEM}/model_01h455vb4pex5vsknk084sn02q")] {
        assert_eq!(setup.ada.get(&path).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(
        setup.count("SELECT count(*) AS n FROM model WHERE account_id <> 'platform'").await,
        1
    );
}

#[tokio::test]
async fn what_is_not_the_account_s_is_not_there() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, MODELS, &model("a")).await;
    let foreign = path.rsplit('/').next().unwrap();
    for id in STRANGE_IDS.into_iter().chain([foreign]) {
        let path = format!("{MODELS}/{id}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/activate")),
            (Method::POST, format!("{path}/test")),
        ] {
            let answer = send(&setup.eve, method.clone(), &path, &json!({"name": "b"})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    assert_eq!(list(&setup.eve, MODELS).await.len(), 1);
}

#[tokio::test]
async fn what_is_no_model_is_refused() {
    let setup = setup().await;
    let fine = model("a");
    let bodies = [
        json!(null),
        json!([]),
        json!({}),
        with(&fine, "name", json!(7)),
        with(&fine, "parameters", json!([])),
        with(&fine, "context_window", json!("8k")),
        with(&fine, "context_window", json!(1.5)),
        with(&fine, "verify_ssl", json!("false")),
        with(&fine, "id", json!("model_01h455vb4pex5vsknk084sn02q")),
        with(&fine, "scope", json!("system")),
        with(&fine, "account_id", json!("platform")),
        with(&fine, "origin", json!("https://api.openai.com")),
        with(&fine, "api_key", json!("sk-1")),
        with(&fine, "headers", json!({"authorization": "Bearer x"})),
        with(&fine, "active", json!(true)),
    ];
    assert_bad_requests(&setup.ada, Method::POST, MODELS, &bodies).await;
    let compatible = with(&fine, "provider", json!("openai-compatible"));
    let rules = [
        (with(&fine, "name", json!("")), "/name"),
        (with(&fine, "name", json!("  ")), "/name"),
        (with(&fine, "name", json!("x".repeat(101))), "/name"),
        (with(&fine, "name", json!("a\nb")), "/name"),
        (with(&fine, "provider", json!("azure")), "/provider"),
        (with(&fine, "model", json!("")), "/model"),
        (with(&fine, "model", json!("gpt 4")), "/model"),
        (with(&fine, "model", json!("x".repeat(201))), "/model"),
        (with(&fine, "context_window", json!(0)), "/context_window"),
        (with(&fine, "context_window", json!(100_000_001)), "/context_window"),
        (with(&fine, "parameters", json!({"temperature": 2.1})), "/parameters/temperature"),
        (with(&fine, "parameters", json!({"a/b": 1})), "/parameters/a~1b"),
        (
            with(&fine, "parameters", json!({"api_base": "https://evil.example"})),
            "/parameters/api_base",
        ),
        (with(&fine, "verify_ssl", json!(false)), "/verify_ssl"),
        (with(&fine, "base_url", json!("https://api.example.com/v1?x=1")), "/base_url"),
        (with(&fine, "key_id", json!("pkey_01h455vb4pex5vsknk084sn02q")), "/key_id"),
        (compatible.clone(), "/base_url"),
        (with(&fine, "provider", json!("ollama")), "/base_url"),
    ];
    assert_broken_rules(&setup.ada, Method::POST, MODELS, &rules).await;
    let path = setup.created(&setup.ada, MODELS, &fine).await;
    let rules = [
        (json!({"name": ""}), "/name"),
        (json!({"provider": "openai-compatible"}), "/base_url"),
        (json!({"parameters": {"top_k": 1}}), "/parameters/top_k"),
        (json!({"verify_ssl": false}), "/verify_ssl"),
        (json!({"base_url": "http://api.example.com"}), "/base_url"),
    ];
    assert_broken_rules(&setup.ada, Method::PATCH, &path, &rules).await;
    assert_eq!(setup.ada.get(&path).await.body["name"], "a");
}

#[tokio::test]
async fn no_hostile_url_is_taken() {
    let setup = setup().await;
    let path = setup.created(&setup.ada, MODELS, &model("a")).await;
    let urls = hostile_urls();
    assert!(600 <= urls.len());
    for url in urls {
        let body = with(&model("b"), "base_url", json!(url));
        for (client, path) in [(&setup.ada, MODELS), (&setup.admin, SYSTEM)] {
            let answer = client.post(path, &body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{url:?}");
            assert_eq!(answer.pointers(), ["/base_url"], "{url:?}");
        }
        let answer = setup.ada.patch(&path, &json!({"base_url": url})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{url:?}");
    }
}

#[tokio::test]
async fn a_model_is_made_read_changed_and_deleted() {
    let setup = setup().await;
    let body = json!({
        "name": " Sonnet ", "provider": "anthropic", "model": "claude-sonnet-4-5", "context_window": 200_000,
        "base_url": "https://gateway.example:8443/v1/", "parameters": {"temperature": 0.5, "stop": ["END"]},
    });
    let created = setup.ada.post(MODELS, &body).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let path = format!("{MODELS}/{}", created.body["id"].as_str().unwrap());
    let expected = json!({
        "id": created.body["id"], "scope": "account", "active": false, "has_key": false, "key_required": true,
        "name": "Sonnet", "provider": "anthropic", "model": "claude-sonnet-4-5",
        "base_url": "https://gateway.example:8443/v1", "context_window": 200_000, "verify_ssl": true,
        "parameters": {"temperature": 0.5, "stop": ["END"]}, "key_id": null,
        "created_at": "2026-11-22T02:33:09.250Z", "updated_at": "2026-11-22T02:33:09.250Z",
    });
    assert_eq!(created.body, expected);
    assert_eq!(setup.ada.get(&path).await.body, expected);
    assert_eq!(list(&setup.ada, MODELS).await[0], expected);
    let change =
        json!({"name": "Haiku", "base_url": null, "context_window": null, "parameters": {}});
    let changed = setup.ada.patch(&path, &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(changed.body["name"], "Haiku");
    assert_eq!(changed.body["base_url"], Value::Null);
    assert_eq!(changed.body["context_window"], Value::Null);
    assert_eq!(changed.body["model"], "claude-sonnet-4-5");
    assert_eq!(setup.ada.get(&path).await.body, changed.body);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.ada.get(&path).await.status, StatusCode::NOT_FOUND);
    let audited = "SELECT count(*) AS n FROM audit_entry WHERE action IN ('model.created', 'model.updated', 'model.deleted')";
    assert_eq!(setup.count(audited).await, 3);
}

#[tokio::test]
async fn names_are_unique_in_an_account_and_in_no_larger_circle() {
    let setup = setup().await;
    let first = setup.created(&setup.ada, MODELS, &model("a")).await;
    let second = setup.created(&setup.ada, MODELS, &model("b")).await;
    setup.created(&setup.eve, MODELS, &model("a")).await;
    setup.created(&setup.admin, SYSTEM, &model("a")).await;
    for answer in [
        setup.ada.post(MODELS, &model("a")).await,
        setup.ada.patch(&second, &json!({"name": "a"})).await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "name_taken"));
    }
    assert_eq!(setup.ada.patch(&first, &json!({"name": "a"})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn everyone_sees_the_primary_model_and_it_follows_the_environment() {
    let setup = setup().await;
    let models = list(&setup.ada, MODELS).await;
    assert_eq!(models.len(), 1);
    let primary = &models[0];
    assert_eq!((&primary["provider"], &primary["model"]), (&json!("openai"), &json!("gpt-4o")));
    assert_eq!((&primary["scope"], &primary["active"]), (&json!("system"), &json!(true)));
    assert_eq!(primary["has_key"], false);
    let path = format!("{SYSTEM}/{}", primary["id"].as_str().unwrap());
    for body in [json!({"model": "x"}), json!({"provider": "gemini"}), json!({"base_url": null})] {
        let answer = setup.admin.patch(&path, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::CONFLICT, "primary_model"),
            "{body}"
        );
    }
    assert_eq!(setup.admin.delete(&path).await.code(), "primary_model");
    let body = json!({"name": "House model", "parameters": {"temperature": 1}});
    assert_eq!(setup.admin.patch(&path, &body).await.status, StatusCode::OK);
    let version = "SELECT version AS n FROM model";
    let before = setup.count(version).await;
    for (variables, model, parameters) in [
        (vec![("openai_api_key", "sk-1")], "gpt-4o", json!({"temperature": 1})),
        (vec![("primary_model", "gpt-5")], "gpt-5", json!({"temperature": 1})),
        (
            vec![("primary_provider", "gemini"), ("primary_model", "gemini-2.5-pro")],
            "gemini-2.5-pro",
            json!({}),
        ),
    ] {
        for _ in 0..2 {
            let router = instance(&setup.database, setup.clock.clone(), &variables);
            let ada = Client::new(router).with_token(&setup.ada_person.token);
            let models = list(&ada, MODELS).await;
            assert_eq!(models.len(), 1);
            assert_eq!(
                (&models[0]["model"], &models[0]["parameters"]),
                (&json!(model), &parameters)
            );
            assert_eq!(
                (&models[0]["name"], &models[0]["active"]),
                (&json!("House model"), &json!(true))
            );
            assert_eq!(models[0]["has_key"], variables[0].0 == "openai_api_key");
        }
    }
    assert_eq!(setup.count(version).await, before + 2, "only changes are written");
}

#[tokio::test]
async fn the_platform_s_models_are_seen_by_all_and_changed_by_its_administrators() {
    let setup = setup().await;
    let path = setup.created(&setup.admin, SYSTEM, &model("shared")).await;
    let id = path.rsplit('/').next().unwrap();
    let seen = setup.ada.get(&format!("{MODELS}/{id}")).await;
    assert_eq!((seen.status, &seen.body["scope"]), (StatusCode::OK, &json!("system")));
    for (method, body) in [(Method::PATCH, json!({"name": "mine"})), (Method::DELETE, json!({}))] {
        let answer = send(&setup.ada, method, &format!("{MODELS}/{id}"), &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let own = setup.created(&setup.ada, MODELS, &model("own")).await;
    let own = own.rsplit('/').next().unwrap();
    for path in [format!("{SYSTEM}/{own}"), format!("{SYSTEM}/{own}/activate")] {
        let answer = send(&setup.admin, Method::PATCH, &path, &json!({"name": "x"})).await;
        assert!([404, 405].contains(&answer.status.as_u16()), "{path}");
    }
    assert_eq!(setup.admin.get(&format!("{SYSTEM}/{own}")).await.status, StatusCode::NOT_FOUND);
    let audited = "SELECT count(*) AS n FROM audit_entry WHERE account_id = 'platform' AND action = 'model.created'";
    assert_eq!(setup.count(audited).await, 1);
}

#[tokio::test]
async fn an_account_s_choice_comes_before_the_platform_s_and_falls_back_to_it() {
    let setup = setup().await;
    assert_eq!(active(&setup.ada).await, ["Primary"]);
    let shared = setup.created(&setup.admin, SYSTEM, &model("shared")).await;
    let activated = setup.admin.post(&format!("{shared}/activate"), &json!(null)).await;
    assert_eq!((activated.status, &activated.body["active"]), (StatusCode::OK, &json!(true)));
    assert_eq!(active(&setup.ada).await, ["shared"]);
    let own = setup.created(&setup.ada, MODELS, &model("own")).await;
    assert_eq!(active(&setup.ada).await, ["shared"], "a new model is not active by itself");
    setup.ada.post(&format!("{own}/activate"), &json!(null)).await;
    assert_eq!(active(&setup.ada).await, ["own"]);
    assert_eq!(active(&setup.eve).await, ["shared"]);
    let shared_here = shared.replace(SYSTEM, MODELS);
    setup.ada.post(&format!("{shared_here}/activate"), &json!(null)).await;
    assert_eq!(active(&setup.ada).await, ["shared"]);
    setup.ada.post(&format!("{own}/activate"), &json!(null)).await;
    setup.ada.delete(&own).await;
    assert_eq!(active(&setup.ada).await, ["shared"]);
    setup.admin.delete(&shared).await;
    assert_eq!(active(&setup.ada).await, ["Primary"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_that_activate_at_once_exactly_one_model_is_active() {
    let setup = setup().await;
    let mut paths = Vec::new();
    for n in 0..8 {
        paths.push(setup.created(&setup.ada, MODELS, &model(&format!("m{n}"))).await);
    }
    let calls = (0..64).map(|n| {
        let (client, path) = (setup.ada.clone(), format!("{}/activate", paths[n % 8]));
        tokio::spawn(async move { client.post(&path, &json!(null)).await.status })
    });
    for status in join_all(calls).await {
        assert_eq!(status.unwrap(), StatusCode::OK);
    }
    assert_eq!(active(&setup.ada).await.len(), 1);
    assert_eq!(setup.count("SELECT count(*) AS n FROM active_model").await, 1);
}

#[tokio::test]
async fn lists_come_in_pages_and_end_at_the_limit() {
    let setup = setup().await;
    for n in 0..3 {
        setup.created(&setup.ada, MODELS, &model(&format!("m{n}"))).await;
    }
    let mut names = Vec::new();
    let mut path = format!("{MODELS}?limit=3");
    loop {
        let page = setup.ada.get(&path).await.body;
        names.extend(page["data"].as_array().unwrap().iter().map(|model| model["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{MODELS}?limit=3&cursor={cursor}");
    }
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["Primary", "m0", "m1", "m2"]);
    for query in ["limit=0", "limit=201", "cursor=x"] {
        let answer = setup.ada.get(&format!("{MODELS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
    assert_eq!(setup.ada.get(&format!("{MODELS}?x=1")).await.status, StatusCode::BAD_REQUEST);
    fill(&setup).await;
    let answer = setup.ada.post(MODELS, &model("one more")).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "limit_reached"));
    setup.created(&setup.eve, MODELS, &model("another's")).await;
}

/// As many models as an account may have.
async fn fill(setup: &Setup) {
    for n in 3..200 {
        setup.created(&setup.ada, MODELS, &model(&format!("m{n}"))).await;
    }
}

#[tokio::test]
async fn ollama_is_where_the_operator_has_opened_it() {
    let setup = setup_with(&[("egress_allow", "http://127.0.0.1:11434")]).await;
    let body = json!({"name": "Llama", "provider": "ollama", "model": "llama3:8b", "parameters": {"num_ctx": 8192}});
    let created = setup.ada.post(MODELS, &body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(
        (&created.body["has_key"], &created.body["key_required"]),
        (&json!(false), &json!(false))
    );
}
