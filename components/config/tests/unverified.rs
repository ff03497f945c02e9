//! `verify_ssl`: hosts that need not prove who they are, which are the operator's and the platform's affair alone.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};
use support::{MODELS, assert_broken_rules, instance, model, setup, setup_with, with};
use testing::{Client, HttpServer};

const SYSTEM: &str = "/api/system/models";

/// A provider whose certificate nobody can verify.
async fn provider() -> HttpServer {
    HttpServer::start_self_signed(|_| {
        let models = json!({"data": [{"id": "m"}]}).to_string();
        Some(Response::new(Bytes::from(models)))
    })
    .await
}

fn lab(url: &str, verify_ssl: bool) -> Value {
    let name = format!("lab {verify_ssl}");
    json!({"name": name, "provider": "openai-compatible", "model": "m", "base_url": url, "verify_ssl": verify_ssl})
}

#[tokio::test]
async fn certificates_go_unverified_where_the_operator_says_so_and_nowhere_else() {
    let url = "https://lab.example/v1";
    let setup = setup().await;
    let refused = [
        (lab(url, false), "/verify_ssl"),
        (with(&model("m"), "verify_ssl", json!(false)), "/verify_ssl"),
    ];
    assert_broken_rules(&setup.ada, Method::POST, MODELS, &refused).await;
    assert_broken_rules(&setup.admin, Method::POST, SYSTEM, &refused).await;

    let setup = setup_with(&[("egress_unverified", "https://lab.example")]).await;
    let mine = setup.ada.post(MODELS, &refused[0].0).await;
    assert_eq!(mine.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(mine.pointers(), ["/base_url", "/verify_ssl"]);
    let elsewhere = [
        (lab("https://lab.example:8443/v1", false), "/verify_ssl"),
        (lab("https://lab.example.org/v1", false), "/verify_ssl"),
        (lab("http://lab.example/v1", false), "/base_url"),
        (lab("https://127.0.0.1/v1", false), "/base_url"),
        // Nobody's key goes to a host that may be anyone unless the platform has said so of this very model.
        (lab(url, true), "/base_url"),
    ];
    assert_broken_rules(&setup.admin, Method::POST, SYSTEM, &elsewhere).await;
    assert_broken_rules(&setup.ada, Method::POST, MODELS, &elsewhere[4..]).await;
    let key = json!({"provider": "openai", "name": "k", "value": "sk-1", "base_url": url});
    assert_broken_rules(&setup.ada, Method::POST, "/api/keys", &[(key, "/base_url")]).await;
    let server = json!({"name": "s", "transport": "sse", "url": url});
    for (client, path) in [(&setup.ada, ""), (&setup.admin, "/system")] {
        let path = format!("/api{path}/mcp-servers");
        let refused = [(server.clone(), "/url")];
        assert_broken_rules(client, Method::POST, &path, &refused).await;
    }
    let path = setup.created(&setup.admin, SYSTEM, &lab(url, false)).await;
    assert_eq!(setup.admin.get(&path).await.body["verify_ssl"], false);
    let verified = [(json!({"verify_ssl": true}), "/base_url")];
    assert_broken_rules(&setup.admin, Method::PATCH, &path, &verified).await;
}

#[tokio::test]
async fn a_host_without_a_proof_is_reached_by_what_says_so_and_by_nothing_else() {
    let provider = provider().await;
    let origin = provider.origin();
    let url = format!("{origin}/v1");
    let setup = setup_with(&[("egress_allow", &origin), ("egress_unverified", &origin)]).await;
    let path = setup.created(&setup.admin, SYSTEM, &lab(&url, false)).await;
    let tested = setup.admin.post(&format!("{path}/test"), &Value::Null).await;
    assert_eq!(
        (tested.status, &tested.body["ok"]),
        (StatusCode::OK, &json!(true)),
        "{}",
        tested.body
    );
    assert_eq!(tested.body["models"], json!(["m"]));
    // Whoever sees it uses it.
    let shared = path.replace(SYSTEM, MODELS);
    assert_eq!(setup.ada.post(&format!("{shared}/test"), &Value::Null).await.body["ok"], true);

    let router = instance(&setup.database, setup.clock.clone(), &[("egress_allow", &origin)]);
    let admin = Client::new(router).with_token(&setup.admin_person.token);
    let closed = admin.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!((&closed["ok"], &closed["error"]), (&json!(false), &json!("url_refused")));
    let renamed = admin.patch(&path, &json!({"name": "b"})).await;
    assert_eq!(renamed.status, StatusCode::OK, "what stays as it was is not checked again");
    let verified = setup_with(&[("egress_allow", &origin)]).await;
    let path = verified.created(&verified.admin, SYSTEM, &lab(&url, true)).await;
    let tested = verified.admin.post(&format!("{path}/test"), &Value::Null).await.body;
    assert_eq!((&tested["ok"], &tested["error"]), (&json!(false), &json!("unreachable")));
}
