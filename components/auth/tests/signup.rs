//! `POST /api/auth/signup`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};
use support::{PASSWORD, client, number, setup, signup};
use testing::MASTER_KEY;

const PATH: &str = "/api/auth/signup";

#[tokio::test]
async fn bodies_that_are_not_the_object_it_takes_are_bad_requests() {
    let setup = setup().await;
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "7",
        "{}",
        r#"{"email":"a@b.com"}"#,
        r#"{"email":"a@b.com","password":null}"#,
        r#"{"email":["a@b.com"],"password":"correct horse battery"}"#,
        r#"{"email":"a@b.com","password":"correct horse battery","is_admin":true}"#,
        r#"{"email":"a@b.com","password":"correct horse battery","id":"user_01h455vb4pex5vsknk084sn02q"}"#,
        r#"{"email":"a@b.com","email":"a@b.com","password":"correct horse battery"}"#,
        r#"{"email":"a@b.com","password":"\ud800 lone surrogate"}"#,
        r#"{"email":"a@b.com","password":"correct horse battery"} x"#,
    ];
    setup.client.refuses(PATH, bodies).await;
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 0);
}

#[tokio::test]
async fn no_answer_quotes_what_was_sent() {
    let setup = setup().await;
    for body in [
        json!({"email": "hunter2-canary", "password": "hunter2-canary"}),
        json!({"email": "a@b.com", "password": 7, "name": "hunter2-canary"}),
        json!({"email": "a@b.com", "password": {"x": "hunter2-canary"}}),
        json!({"email": "a@b.com", "password": "hunter2-canary".repeat(100)}),
        json!({"email": "a@b.com", "password": ["hunter2-canary"]}),
    ] {
        let answer = setup.client.post(PATH, &body).await;
        assert!(answer.status.is_client_error());
        assert!(!answer.body.to_string().contains("canary"), "{}", answer.body);
    }
}

#[tokio::test]
async fn every_rule_that_is_broken_is_named_at_once() {
    let setup = setup().await;
    let body = json!({"email": "ada", "password": "short", "username": "-", "name": ""});
    insta::assert_json_snapshot!(setup.client.post(PATH, &body).await.redacted(), @r#"
    {
      "body": {
        "code": "validation_failed",
        "detail": "Values in the request break rules; see errors.",
        "errors": [
          {
            "detail": "This is no e-mail address.",
            "pointer": "/email"
          },
          {
            "detail": "The user name must have 2 to 64 characters.",
            "pointer": "/username"
          },
          {
            "detail": "The name must have 1 to 100 characters, none of them control characters.",
            "pointer": "/name"
          },
          {
            "detail": "The password must have at least 12 characters.",
            "pointer": "/password"
          }
        ],
        "request_id": "[request]",
        "status": 422,
        "title": "A value breaks a rule",
        "type": "urn:selvage:problem:validation_failed"
      },
      "status": 422
    }
    "#);
}

#[tokio::test]
async fn passwords_are_checked_by_length_list_and_context() {
    let setup = setup().await;
    let check = async |password: String, status: u16| {
        let body =
            json!({"email": "ada.lovelace@example.com", "password": password, "name": "Countess"});
        let answer = setup.client.post(PATH, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{password}");
        if status == 422 {
            assert_eq!(answer.pointers(), ["/password"], "{password}");
        }
    };
    check("kX9#mQ2$vL7".to_owned(), 422).await;
    check("Password1234".to_owned(), 422).await;
    check("ada.lovelace1815".to_owned(), 422).await;
    check("Countess-2026".to_owned(), 422).await;
    check("kX9#".repeat(64) + "!", 400).await;
}

#[tokio::test]
async fn a_body_must_be_plain_json_of_a_bearable_size() {
    let setup = setup().await;
    let body = signup("ada@example.com").to_string();
    let request = |name: header::HeaderName, value: &'static str| {
        setup.client.request(Method::POST, PATH).header(name, value)
    };
    let missing = setup.client.request(Method::POST, PATH).body(body.clone().into()).unwrap();
    assert_eq!(setup.client.send(missing).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/jsonx",
    ] {
        let request =
            request(header::CONTENT_TYPE, content_type).body(body.clone().into()).unwrap();
        let answer = setup.client.send(request).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
    }
    let encoded = request(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_ENCODING, "gzip")
        .body(body.into())
        .unwrap();
    assert_eq!(setup.client.send(encoded).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!("{{\"email\":\"{}\"}}", "a".repeat(1024 * 1024));
    assert_eq!(setup.client.post_text(PATH, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let deep = "[".repeat(100_000);
    let answer = setup.client.post_text(PATH, deep).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, "invalid_request"));
}

#[tokio::test]
async fn an_address_or_user_name_that_is_taken_is_a_conflict_whatever_its_case() {
    let setup = setup().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "username": "Ada"});
    assert_eq!(setup.client.post(PATH, &body).await.status, StatusCode::CREATED);
    let answer = setup.client.post(PATH, &signup(" ADA@Example.COM ")).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "code": "email_taken",
        "detail": "Someone has signed up with this address. Sign in instead.",
        "request_id": "[request]",
        "status": 409,
        "title": "The address is taken",
        "type": "urn:selvage:problem:email_taken"
      },
      "status": 409
    }
    "#);
    let body = json!({"email": "other@example.com", "password": PASSWORD, "username": "aDA"});
    insta::assert_json_snapshot!(setup.client.post(PATH, &body).await.redacted(), @r#"
    {
      "body": {
        "code": "username_taken",
        "detail": "Someone has this user name. Choose another one.",
        "request_id": "[request]",
        "status": 409,
        "title": "The user name is taken",
        "type": "urn:selvage:problem:username_taken"
      },
      "status": 409
    }
    "#);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM account").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
}

#[tokio::test]
async fn signing_up_gives_a_person_a_personal_account_and_tokens() {
    let setup = setup().await;
    let body = json!({"email": "Ada@Example.com", "password": PASSWORD, "username": "Ada_L", "name": " Ada Lovelace "});
    let answer = setup.client.post(PATH, &body).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "access_token": "[jwt]",
        "account": {
          "created_at": "[time]",
          "id": "[acct]",
          "kind": "personal",
          "name": "Ada Lovelace",
          "role": "owner"
        },
        "expires_in": 600,
        "refresh_token": "[token]",
        "token_type": "Bearer",
        "user": {
          "auth_provider": "local",
          "created_at": "[time]",
          "email": "ada@example.com",
          "email_verified": false,
          "id": "[user]",
          "last_login_at": "[time]",
          "name": "Ada Lovelace",
          "username": "Ada_L"
        }
      },
      "status": 201
    }
    "#);
    assert_eq!(answer.body["user"]["created_at"], testing::NOW.to_string());
}

#[tokio::test]
async fn an_account_is_named_after_what_is_known() {
    let setup = setup().await;
    let answer = setup.client.post(PATH, &signup("grace.hopper@example.com")).await;
    assert_eq!(answer.body["account"]["name"], "grace.hopper");
    assert_eq!(answer.body["user"]["username"], Value::Null);
}

#[tokio::test]
async fn the_database_holds_hashes_and_no_secret() {
    let setup = setup().await;
    let answer = setup.client.post(PATH, &signup("ada@example.com")).await;
    let refresh_token = answer.body["refresh_token"].as_str().unwrap();
    let rows = setup
        .database
        .query(database::Statement::new(
            "SELECT u.password_hash, r.token_hash, s.expires_at - s.created_at AS lifetime, r.expires_at - r.created_at AS idle \
             FROM user AS u, refresh_token AS r JOIN session AS s ON s.account_id = r.account_id AND s.id = r.session_id",
        ))
        .await
        .unwrap();
    let row = rows.first().unwrap();
    let hash: String = row.get("password_hash").unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(!hash.contains(PASSWORD));
    let token_hash: Vec<u8> = row.get("token_hash").unwrap();
    assert_eq!(token_hash, credentials::OpaqueToken::hash_of(refresh_token));
    assert_eq!(row.get::<i64>("lifetime").unwrap(), 30 * 24 * 3600 * 1000);
    assert_eq!(row.get::<i64>("idle").unwrap(), 7 * 24 * 3600 * 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_sign_ups_with_one_address_exactly_one_succeeds() {
    let setup = setup().await;
    let attempts: Vec<_> = (0..32)
        .map(|n| {
            // Several instances, none of which has made a signing key yet.
            let (client, _) = client(&setup.database, MASTER_KEY);
            let email = if n % 2 == 0 { "ada@example.com" } else { "ADA@example.com" };
            tokio::spawn(async move { client.post(PATH, &signup(email)).await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap());
    }
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(StatusCode::CREATED), count(StatusCode::CONFLICT)), (1, 31));
    for sql in [
        "SELECT count(*) AS n FROM user",
        "SELECT count(*) AS n FROM account",
        "SELECT count(*) AS n FROM membership",
        "SELECT count(*) AS n FROM session",
        "SELECT count(*) AS n FROM refresh_token",
        "SELECT count(*) AS n FROM signing_key",
        "SELECT count(*) AS n FROM root_key",
    ] {
        assert_eq!(number(&setup.database, sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn a_wrong_master_key_is_a_fault_of_ours_and_writes_nothing() {
    let setup = setup().await;
    assert_eq!(
        setup.client.post(PATH, &signup("ada@example.com")).await.status,
        StatusCode::CREATED
    );
    let (other, _) = client(&setup.database, testing::OTHER_MASTER_KEY);
    let answer = other.post(PATH, &signup("bob@example.com")).await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "code": "internal_error",
        "detail": "The server failed. Its log names the cause under this request id.",
        "request_id": "[request]",
        "status": 500,
        "title": "The server failed",
        "type": "urn:selvage:problem:internal_error"
      },
      "status": 500
    }
    "#);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 1);
}
