//! `/api/tokens`, and what an API key opens.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{Someone, number, setup};
use testing::{Answer, Client};

const PATH: &str = "/api/tokens";

async fn create(someone: &Someone, body: Value) -> Answer {
    someone.client.post(PATH, &body).await
}

/// A request with the key in the header that is made for keys.
async fn with_x_api_key(client: &Client, key: &str, path: &str) -> Answer {
    let request = client.request(Method::GET, path).header("x-api-key", key);
    client.send(request.body(Body::empty()).unwrap()).await
}

async fn key(someone: &Someone, scopes: Value) -> String {
    let answer = create(someone, json!({"name": "test", "scopes": scopes})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.body["token"].as_str().unwrap().to_owned()
}

fn own_account(someone: &Someone) -> String {
    format!("/api/accounts/{}", someone.person.account_id)
}

#[tokio::test]
async fn nobody_makes_or_ends_keys_without_being_signed_in() {
    let setup = setup().await;
    let ada = setup.someone().await;
    let answer = create(&ada, json!({"name": "one"})).await;
    let (id, token) = (answer.body["id"].as_str().unwrap(), answer.body["token"].as_str().unwrap());
    let by_key = setup.client.with_token(token);
    for (client, status) in
        [(&setup.client, StatusCode::UNAUTHORIZED), (&by_key, StatusCode::FORBIDDEN)]
    {
        assert_eq!(client.get(PATH).await.status, status);
        assert_eq!(client.post(PATH, &json!({"name": "two"})).await.status, status);
        assert_eq!(client.delete(&format!("{PATH}/{id}")).await.status, status);
    }
    assert_eq!(by_key.get(PATH).await.code(), "insufficient_scope");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM api_key").await, 1);
}

#[tokio::test]
async fn a_key_of_someone_else_is_not_there() {
    let setup = setup().await;
    let (ada, eve) = (setup.someone().await, setup.someone().await);
    let answer = create(&ada, json!({"name": "one"})).await;
    let path = format!("{PATH}/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(eve.client.get(PATH).await.body["data"], json!([]));
    for path in [&path, "/api/tokens/key_01h455vb4pex5vsknk084sn02q", "/api/tokens/x"] {
        assert_eq!(eve.client.delete(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(ada.client.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.client.delete(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_key_cannot_be_made_with_is_named() {
    let setup = setup().await;
    let ada = setup.someone().await;
    for (body, pointers) in [
        (json!({"name": ""}), vec!["/name"]),
        (json!({"name": "a\nb"}), vec!["/name"]),
        (json!({"name": "x".repeat(101)}), vec!["/name"]),
        (json!({"name": "x", "scopes": []}), vec!["/scopes"]),
        (json!({"name": "x", "scopes": ["root"]}), vec!["/scopes/0"]),
        (json!({"name": "x", "expires_in_days": 0}), vec!["/expires_in_days"]),
        (json!({"name": "x", "expires_in_days": 366}), vec!["/expires_in_days"]),
        (
            json!({"name": "", "scopes": [], "expires_in_days": 0}),
            vec!["/name", "/expires_in_days", "/scopes"],
        ),
    ] {
        let answer = create(&ada, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.pointers(), pointers, "{body}");
    }
    for body in [
        json!({}),
        json!({"name": "x", "token": "slv_x"}),
        json!({"name": "x", "account_id": "acct_01h455vb4pex5vsknk084sn02q"}),
        json!({"name": "x", "expires_in_days": -1}),
        json!({"name": "x", "scopes": "chat"}),
    ] {
        let answer = create(&ada, body.clone()).await;
        assert!(answer.status.is_client_error(), "{body}");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM api_key").await, 0);
}

#[tokio::test]
async fn a_key_can_be_made_for_no_more_than_the_role_of_its_maker() {
    let setup = setup().await;
    let team = setup.team().await;
    let viewer = setup.member(&team, "viewer").await;
    let body = json!({"name": "x", "scopes": ["conversations:read", "conversations:write", "account:admin"]});
    assert_eq!(create(&viewer, body).await.pointers(), ["/scopes/1", "/scopes/2"]);
    let answer = create(&viewer, json!({"name": "x"})).await;
    assert_eq!(
        answer.body["scopes"],
        json!(["conversations:read", "memory:read", "files:read", "config:read", "account:read"])
    );
    let member = setup.member(&team, "member").await;
    let body = json!({"name": "x", "scopes": ["account:admin"]});
    assert_eq!(create(&member, body).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_token_is_shown_once_and_stored_as_a_hash() {
    let setup = setup().await;
    let ada = setup.someone().await;
    let answer = create(&ada, json!({"name": " CI ", "scopes": ["chat", "account:read"]})).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "created_at": "[time]",
        "expires_at": "[time]",
        "id": "[key]",
        "last_used_at": null,
        "name": "CI",
        "prefix": "[api key prefix]",
        "scopes": [
          "chat",
          "account:read"
        ],
        "token": "[api key]"
      },
      "status": 201
    }
    "#);
    let token = answer.body["token"].as_str().unwrap();
    assert!(token.starts_with(answer.body["prefix"].as_str().unwrap()));
    let list = ada.client.get(PATH).await;
    assert!(!list.body.to_string().contains(token));
    assert_eq!(list.body["data"][0]["prefix"], answer.body["prefix"]);
    let row = setup
        .database
        .query(Statement::new(
            "SELECT token_hash, expires_at - created_at AS lifetime FROM api_key",
        ))
        .await
        .unwrap();
    let row = row.first().unwrap();
    assert_eq!(row.get::<Vec<u8>>("token_hash").unwrap(), credentials::ApiKeyToken::hash_of(token));
    assert_eq!(row.get::<i64>("lifetime").unwrap(), 90 * 24 * 3600 * 1000);
}

#[tokio::test]
async fn a_key_means_the_same_in_both_headers_and_two_are_refused() {
    let setup = setup().await;
    let ada = setup.someone().await;
    let key = key(&ada, json!(["account:read"])).await;
    let path = own_account(&ada);
    let bearer = setup.client.with_token(&key);
    assert_eq!(bearer.get(&path).await.status, StatusCode::OK);
    assert_eq!(with_x_api_key(&setup.client, &key, &path).await.body, bearer.get(&path).await.body);
    // The scope is missing in both, and both say so alike.
    let one = bearer.get(&format!("{path}/audit")).await;
    let two = with_x_api_key(&setup.client, &key, &format!("{path}/audit")).await;
    assert_eq!((one.status, one.code()), (StatusCode::FORBIDDEN, "insufficient_scope"));
    assert_eq!((two.status, two.code()), (one.status, one.code()));
    for client in [&bearer, &ada.client] {
        let answer = with_x_api_key(client, &key, &path).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "ambiguous_credentials")
        );
    }
    // An access token is no API key.
    let answer = with_x_api_key(&setup.client, &ada.person.token, &path).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_opens_its_account_and_no_other_of_its_maker() {
    let setup = setup().await;
    let team = setup.team().await;
    let key = setup.client.with_token(key(&team.owner, json!(["account:read"])).await);
    assert_eq!(team.owner.client.get(&team.path).await.status, StatusCode::OK);
    // It was made in the owner's personal account.
    assert_eq!(key.get(&team.path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(key.get(&own_account(&team.owner)).await.status, StatusCode::OK);
    let list = key.get("/api/accounts").await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let list = team.owner.client.get("/api/accounts").await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_ends_a_key_acts_on_the_next_request() {
    for (why, sql) in [
        ("over", "UPDATE api_key SET expires_at = 1"),
        ("disabled", "UPDATE user SET is_active = 0"),
        ("left the account", "DELETE FROM membership"),
        ("user deleted", "DELETE FROM user"),
        ("account deleted", "DELETE FROM account"),
        ("deleted", "DELETE FROM api_key"),
    ] {
        let setup = setup().await;
        let ada = setup.someone().await;
        let key = setup.client.with_token(key(&ada, json!(["account:read"])).await);
        assert_eq!(key.get("/api/accounts").await.status, StatusCode::OK);
        setup.database.query(Statement::new(sql)).await.unwrap();
        let answer = key.get("/api/accounts").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::UNAUTHORIZED, "unauthorized"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_key_may_no_more_than_its_maker_at_that_moment() {
    let setup = setup().await;
    let team = setup.team().await;
    let admin = setup.member(&team, "admin").await;
    let key = setup.client.with_token(key(&admin, json!(["account:admin", "account:read"])).await);
    let log = format!("{}/audit", team.path);
    assert_eq!(key.get(&log).await.status, StatusCode::OK);
    let demoted =
        team.owner.client.patch(&team.member_path(&admin), &json!({"role": "viewer"})).await;
    assert_eq!(demoted.status, StatusCode::OK);
    let answer = key.get(&log).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden"));
    assert_eq!(key.get(&team.path).await.body["role"], "viewer");
}

#[tokio::test]
async fn the_last_use_is_noted_to_the_minute() {
    let setup = setup().await;
    let ada = setup.someone().await;
    let key = setup.client.with_token(key(&ada, json!(["account:read"])).await);
    let last = async || ada.client.get(PATH).await.body["data"][0]["last_used_at"].clone();
    assert_eq!(last().await, Value::Null);
    key.get("/api/accounts").await;
    let first = last().await;
    assert_eq!(first, testing::NOW.to_string());
    setup.hand.advance(Duration::from_secs(59));
    key.get("/api/accounts").await;
    assert_eq!(last().await, first);
    setup.hand.advance(Duration::from_secs(1));
    key.get("/api/accounts").await;
    assert_eq!(last().await, testing::NOW.plus(Duration::from_mins(1)).to_string());
}

#[tokio::test]
async fn a_list_of_keys_has_pages_and_an_end() {
    let setup = setup().await;
    let ada = setup.someone().await;
    for n in 0..50 {
        setup.hand.advance(Duration::from_millis(1));
        assert_eq!(create(&ada, json!({"name": format!("{n}")})).await.status, StatusCode::CREATED);
    }
    let answer = create(&ada, json!({"name": "one too many"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "limit_reached"));
    let mut names = Vec::new();
    let mut path = format!("{PATH}?limit=20");
    loop {
        let page = ada.client.get(&path).await.body;
        names.extend(page["data"].as_array().unwrap().iter().map(|key| key["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{PATH}?limit=20&cursor={cursor}");
    }
    assert_eq!(names, (0..50).rev().map(|n| json!(n.to_string())).collect::<Vec<_>>());
    for query in ["limit=0", "limit=201", "cursor=x", "cursor=conv_01h455vb4pex5vsknk084sn02q"] {
        let answer = ada.client.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}
