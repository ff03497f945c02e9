//! `GET /api/config`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{MODELS, instance, model, setup};
use testing::Client;

const PATH: &str = "/api/config";

#[tokio::test]
async fn only_members_are_told() {
    let setup = setup().await;
    assert_eq!(setup.anonymous.get(PATH).await.status, StatusCode::UNAUTHORIZED);
    let viewer = setup.colleague("viewer").await;
    assert_eq!(viewer.get(PATH).await.body["account"]["role"], "viewer");
}

#[tokio::test]
async fn an_empty_account_has_empty_lists_and_the_primary_model() {
    let setup = setup().await;
    let answer = setup.ada.get(PATH).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let body = answer.body;
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["account", "active_model_id", "limits", "mcp_servers", "models", "settings"]
    );
    assert_eq!(body["account"]["id"], setup.ada_person.account_id.to_string());
    assert_eq!(body["account"]["role"], "owner");
    assert_eq!(body["mcp_servers"], json!([]));
    assert_eq!(body["settings"]["flows"], json!([]));
    assert_eq!(body["models"].as_array().unwrap().len(), 1);
    assert_eq!(body["models"][0]["scope"], "system");
    assert_eq!(body["models"][0]["id"], body["active_model_id"]);
}

#[tokio::test]
async fn it_says_what_the_single_routes_say() {
    let setup = setup().await;
    setup.created(&setup.admin, "/api/system/models", &model("shared")).await;
    let own = setup.created(&setup.ada, MODELS, &model("own")).await;
    setup.created(&setup.eve, MODELS, &model("foreign")).await;
    setup.ada.post(&format!("{own}/activate"), &Value::Null).await;
    setup.ada.put("/api/settings", &json!({"theme": "dark"})).await;
    let body = setup.ada.get(PATH).await.body;
    assert_eq!(body["models"], setup.ada.get(MODELS).await.body["data"]);
    assert_eq!(body["settings"], setup.ada.get("/api/settings").await.body);
    assert_eq!(body["active_model_id"], own.rsplit('/').next().unwrap());
}

#[tokio::test]
async fn an_instance_without_the_keys_of_what_is_sealed_or_with_a_retired_one_serves_nobody() {
    let setup = setup().await;
    let key = json!({"provider": "openai", "name": "work", "value": "sk-1"});
    let path = setup.created(&setup.ada, "/api/keys", &key).await;
    let started = async || {
        let router = instance(&setup.database, setup.clock.clone(), &[]);
        let answer = Client::new(router).with_token(&setup.ada_person.token).get(PATH).await;
        (answer.status, answer.code().to_owned())
    };
    let run =
        async |sql: &'static str| drop(setup.database.query(Statement::new(sql)).await.unwrap());
    let (fine, fault) = (
        (StatusCode::OK, String::new()),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal_error".to_owned()),
    );
    assert_eq!(started().await, fine);
    run("INSERT INTO kek (id, created_at) VALUES ('service', 1)").await;
    run("UPDATE secret SET kek_id = 'service'").await;
    assert_eq!(started().await, fault, "what wraps the key is not configured");
    run("UPDATE secret SET kek_id = (SELECT id FROM kek WHERE id <> 'service')").await;
    assert_eq!(started().await, fine);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    run("UPDATE kek SET retired_at = 1 WHERE id <> 'service'").await;
    assert_eq!(started().await, fault, "what would wrap is retired");
}
