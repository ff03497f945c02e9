//! `POST /api/auth/login`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::http::StatusCode;
use database::Statement;
use serde_json::json;
use support::{PASSWORD, Setup, number, setup, visible};
use testing::Answer;

const PATH: &str = "/api/auth/login";

async fn with_ada() -> Setup {
    let setup = setup().await;
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "username": "Ada"});
    assert_eq!(setup.client.post("/api/auth/signup", &body).await.status, StatusCode::CREATED);
    setup
}

async fn login(setup: &Setup, login: &str, password: &str) -> Answer {
    setup.client.post(PATH, &json!({"login": login, "password": password})).await
}

#[tokio::test]
async fn bodies_that_are_not_the_object_it_takes_are_bad_requests() {
    let setup = setup().await;
    let bodies = [
        "null",
        "{}",
        r#"{"login":"ada"}"#,
        r#"{"login":"ada","password":["a","b"]}"#,
        r#"{"login":{"$ne":null},"password":{"$ne":null}}"#,
        r#"{"email":"ada@example.com","password":"x"}"#,
    ];
    setup.client.refuses(PATH, bodies).await;
}

#[tokio::test]
async fn a_password_longer_than_any_is_refused_before_it_is_hashed() {
    let setup = with_ada().await;
    assert_eq!(login(&setup, "ada", &"é".repeat(257)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(login(&setup, "ada", &"é".repeat(256)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_unknown_and_disabled_look_the_same() {
    let setup = with_ada().await;
    let wrong = login(&setup, "ada@example.com", "correct horse batterx").await;
    insta::assert_json_snapshot!(wrong.redacted(), @r#"
    {
      "body": {
        "code": "invalid_credentials",
        "detail": "Login and password do not fit together.",
        "request_id": "[request]",
        "status": 401,
        "title": "The credentials are wrong",
        "type": "urn:selvage:problem:invalid_credentials"
      },
      "status": 401
    }
    "#);
    assert_eq!(wrong.headers["www-authenticate"], "Bearer realm=\"selvage\"");
    for name in
        ["bob@example.com", "bob", "", " ", "@", "' OR 1=1 --", "ada\0", &"a".repeat(100_000)]
    {
        let unknown = login(&setup, name, PASSWORD).await;
        assert_eq!(visible(&unknown), visible(&wrong), "{name}");
    }
    setup.database.query(Statement::new("UPDATE user SET is_active = 0")).await.unwrap();
    let disabled = login(&setup, "ada@example.com", PASSWORD).await;
    assert_eq!(visible(&disabled), visible(&wrong));
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
}

#[tokio::test]
async fn a_person_without_a_password_cannot_sign_in_with_one() {
    let setup = with_ada().await;
    setup.database.query(Statement::new("UPDATE user SET password_hash = NULL")).await.unwrap();
    for password in ["", PASSWORD] {
        assert_eq!(login(&setup, "ada", password).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_password_counts_byte_for_byte() {
    let setup = with_ada().await;
    for password in [
        "Correct horse battery",
        "correct horse battery ",
        " correct horse battery",
        "correct horse batter",
        "",
    ] {
        assert_eq!(
            login(&setup, "ada", password).await.status,
            StatusCode::UNAUTHORIZED,
            "{password:?}"
        );
    }
}

#[tokio::test]
async fn a_damaged_hash_fits_no_password_and_tells_nobody() {
    let setup = with_ada().await;
    let unknown = visible(&login(&setup, "nobody", PASSWORD).await);
    for hash in ["$argon2id$v=19$m=4000000,t=2,p=1$x", "", "$2b$31$", &"é".repeat(30)] {
        let damage = Statement::new("UPDATE user SET password_hash = ?1").bind(hash);
        setup.database.query(damage).await.unwrap();
        assert_eq!(visible(&login(&setup, "ada", PASSWORD).await), unknown, "{hash}");
    }
}

#[tokio::test]
async fn address_and_user_name_both_sign_in_whatever_their_case() {
    let setup = with_ada().await;
    setup.hand.advance(Duration::from_mins(1));
    insta::assert_json_snapshot!(login(&setup, "ada@example.com", PASSWORD).await.redacted(), @r#"
    {
      "body": {
        "access_token": "[jwt]",
        "account": {
          "created_at": "[time]",
          "id": "[acct]",
          "kind": "personal",
          "name": "Ada",
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
          "name": null,
          "username": "Ada"
        }
      },
      "status": 200
    }
    "#);
    for name in ["ADA@EXAMPLE.com", " ada@example.com ", "ada", "ADA"] {
        assert_eq!(login(&setup, name, PASSWORD).await.status, StatusCode::OK, "{name}");
    }
    let last = number(&setup.database, "SELECT last_login_at AS n FROM user").await;
    assert_eq!(last, testing::NOW.plus(Duration::from_mins(1)).0);
}

#[tokio::test]
async fn each_login_opens_a_session_of_its_own() {
    let setup = with_ada().await;
    let one = login(&setup, "ada", PASSWORD).await;
    let two = login(&setup, "ada", PASSWORD).await;
    assert_ne!(one.body["access_token"], two.body["access_token"]);
    assert_ne!(one.body["refresh_token"], two.body["refresh_token"]);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 3);
    assert_eq!(
        number(&setup.database, "SELECT count(DISTINCT session_id) AS n FROM refresh_token").await,
        3
    );
}
