//! `POST /api/auth/logout`, `POST /api/auth/switch`, `GET /api/me/sessions`, `DELETE /api/me/sessions/{id}`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use database::Statement;
use serde_json::{Value, json};
use support::{PASSWORD, setup, sign_up, visible};
use testing::{Answer, Client, NOW, Person};

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
}

async fn post_empty(client: &Client, path: &str) -> Answer {
    client.send(client.request(Method::POST, path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_a_credential_nothing_is_shown_or_done() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let sessions = ada.get("/api/me/sessions").await;
    let id = sessions.body["data"][0]["id"].as_str().unwrap().to_owned();
    for answer in [
        post_empty(&setup.client, "/api/auth/logout").await,
        setup.client.post("/api/auth/switch", &json!({"account_id": "x"})).await,
        setup.client.get("/api/me/sessions").await,
        delete(&setup.client, &format!("/api/me/sessions/{id}")).await,
    ] {
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "unauthorized"));
    }
    assert_eq!(ada.get("/api/me/sessions").await.body, sessions.body);
}

#[tokio::test]
async fn sessions_and_accounts_of_others_do_not_exist() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let (bob, bobs) = sign_up(&setup, "bob@example.com").await;
    let session = bob.get("/api/me/sessions").await.body["data"][0]["id"].clone();
    let unknown = delete(&ada, "/api/me/sessions/sess_01h455vb4pex5vsknk084sn02q").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    for id in [session.as_str().unwrap(), "x", "user_01h455vb4pex5vsknk084sn02q", "%00", "sess_"] {
        let answer = delete(&ada, &format!("/api/me/sessions/{id}")).await;
        assert_eq!(visible(&answer), visible(&unknown), "{id}");
    }
    let account = bobs.body["account"]["id"].clone();
    for account_id in [account, json!("acct_01h455vb4pex5vsknk084sn02q"), json!("x"), json!("")] {
        let answer = ada.post("/api/auth/switch", &json!({"account_id": account_id})).await;
        assert_eq!(visible(&answer), visible(&unknown), "{account_id}");
    }
    assert_eq!(bob.get("/api/me/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn malformed_bodies_and_queries_are_refused() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    for body in ["", "{}", "[]", r#"{"account_id":null}"#, r#"{"account_id":"x","role":"owner"}"#] {
        let answer = ada.post_text("/api/auth/switch", body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid_request"));
    }
    for (query, status) in [
        ("limit=0", StatusCode::UNPROCESSABLE_ENTITY),
        ("limit=201", StatusCode::UNPROCESSABLE_ENTITY),
        ("cursor=x", StatusCode::UNPROCESSABLE_ENTITY),
        ("limit=x", StatusCode::BAD_REQUEST),
        ("user_id=x", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(ada.get(&format!("/api/me/sessions?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn logging_out_kills_access_and_refresh_token_with_the_next_request() {
    let setup = setup().await;
    let (ada, signed_in) = sign_up(&setup, "ada@example.com").await;
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let other = setup.client.post("/api/auth/login", &login).await;
    let answer = post_empty(&ada, "/api/auth/logout").await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ada.get("/api/me/sessions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(post_empty(&ada, "/api/auth/logout").await.status, StatusCode::UNAUTHORIZED);
    let body = json!({"refresh_token": signed_in.body["refresh_token"]});
    assert_eq!(
        setup.client.post("/api/auth/refresh", &body).await.status,
        StatusCode::UNAUTHORIZED
    );
    let body = json!({"refresh_token": other.body["refresh_token"]});
    assert_eq!(setup.client.post("/api/auth/refresh", &body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_list_shows_one_s_devices_and_pages() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let login = json!({"login": "ada@example.com", "password": PASSWORD}).to_string();
    let request = setup
        .client
        .request(Method::POST, "/api/auth/login")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, format!("Mozilla/5.0 {}", "x".repeat(300)))
        .body(login.into())
        .unwrap();
    setup.hand.advance(std::time::Duration::from_secs(1));
    assert_eq!(setup.client.send(request).await.status, StatusCode::OK);
    let list = ada.get("/api/me/sessions").await;
    let agent = list.body["data"][0]["user_agent"].as_str().unwrap().to_owned();
    assert!(agent.starts_with("Mozilla/5.0 x") && agent.len() == 200, "{agent}");
    insta::assert_json_snapshot!(list.redacted()["body"]["data"][1], @r#"
    {
      "account_id": "[acct]",
      "account_name": "ada",
      "created_at": "[time]",
      "current": true,
      "expires_at": "[time]",
      "id": "[sess]",
      "ip": null,
      "last_used_at": "[time]",
      "user_agent": null
    }
    "#);
    assert_eq!(list.body["data"][0]["current"], false);
    let first = ada.get("/api/me/sessions?limit=1").await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = ada.get(&format!("/api/me/sessions?limit=1&cursor={cursor}")).await.body;
    assert_eq!(first["data"][0], list.body["data"][0]);
    assert_eq!(second["data"][0], list.body["data"][1]);
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_revoked_session_is_gone_at_once() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    setup.hand.advance(std::time::Duration::from_secs(1));
    let phone = setup.client.post("/api/auth/login", &login).await;
    let phone = setup.client.with_token(phone.body["access_token"].as_str().unwrap());
    let list = ada.get("/api/me/sessions").await.body;
    let path = format!("/api/me/sessions/{}", list["data"][0]["id"].as_str().unwrap());
    assert_eq!(phone.get("/api/me/sessions").await.status, StatusCode::OK);
    assert_eq!(delete(&ada, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(phone.get("/api/me/sessions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(delete(&ada, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/api/me/sessions").await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn switching_gives_tokens_for_the_other_account_while_one_is_a_member() {
    let setup = setup().await;
    let (ada, signed_in) = sign_up(&setup, "ada@example.com").await;
    let team = Person::new(&setup.database, "owner", NOW).await.account_id.to_string();
    let user = signed_in.body["user"]["id"].as_str().unwrap();
    let join = "INSERT INTO membership (account_id, user_id, role, created_at) VALUES (?1, ?2, 'viewer', 1)";
    let join = Statement::new(join).bind(team.as_str()).bind(user);
    setup.database.query(join).await.unwrap();
    let body = json!({"account_id": team});
    let answer = ada.post("/api/auth/switch", &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["account"]["id"], team);
    assert_eq!(answer.body["account"]["role"], "viewer");
    assert_eq!(answer.body["user"]["id"], user);
    let there = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let list = there.get("/api/me/sessions").await.body;
    let accounts: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|s| s["account_id"].clone()).collect();
    assert!(accounts.contains(&json!(team)) && accounts.len() == 2, "{accounts:?}");
    // It does not live longer than the one that it was made from.
    assert_eq!(list["data"][0]["expires_at"], list["data"][1]["expires_at"]);
    let refreshed = setup
        .client
        .post("/api/auth/refresh", &json!({"refresh_token": answer.body["refresh_token"]}))
        .await;
    assert_eq!(refreshed.body["account"]["id"], team);
    setup
        .database
        .query(Statement::new("DELETE FROM membership WHERE role = 'viewer'"))
        .await
        .unwrap();
    assert_eq!(there.get("/api/me/sessions").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.post("/api/auth/switch", &body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/api/me/sessions").await.status, StatusCode::OK);
}
