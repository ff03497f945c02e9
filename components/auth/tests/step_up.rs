//! `POST /api/auth/reauthenticate`, and what needs it.
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
use serde_json::{Value, json};
use support::{PASSWORD, Setup, Team, log_in, number, send, setup, sign_up};
use testing::{Answer, Client};

const PATH: &str = "/api/auth/reauthenticate";

async fn again(client: &Client, password: &str) -> Answer {
    client.post(PATH, &json!({"password": password})).await
}

/// Someone with a password, signed in eleven minutes ago, and a token of now.
async fn stale(setup: &Setup) -> Client {
    let (_, answer) = sign_up(setup, "ada@example.com").await;
    setup.hand.advance(Duration::from_mins(11));
    let refresh = json!({"refresh_token": answer.body["refresh_token"]});
    let answer = setup.client.post("/api/auth/refresh", &refresh).await;
    assert_eq!(answer.status, StatusCode::OK);
    setup.client.with_token(answer.body["access_token"].as_str().unwrap())
}

/// A team of this person.
async fn team(client: &Client) -> String {
    let answer = client.post("/api/accounts", &json!({"name": "Team"})).await;
    format!("/api/accounts/{}", answer.body["id"].as_str().unwrap())
}

fn refused(answer: &Answer) {
    let seen = (answer.status, answer.code());
    assert_eq!(seen, (StatusCode::FORBIDDEN, "reauthentication_required"));
}

#[tokio::test]
async fn refusals_come_first() {
    let setup = setup().await;
    assert_eq!(again(&setup.client, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let (client, _) = sign_up(&setup, "ada@example.com").await;
    for body in [json!({}), json!({"password": 1}), json!({"password": PASSWORD, "x": 1})] {
        assert_eq!(client.post(PATH, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let long = "p".repeat(257);
    assert_eq!(again(&client, &long).await.status, StatusCode::BAD_REQUEST);
    let answer = again(&client, "not the right password").await;
    let seen = (answer.status, answer.code());
    assert_eq!(seen, (StatusCode::FORBIDDEN, "reauthentication_failed"));
    let failures = "SELECT count(*) AS n FROM audit_entry WHERE action = 'auth.reauthenticated' AND outcome = 'failure'";
    assert_eq!(number(&setup.database, failures).await, 1);
    // Someone without a password has none to show.
    let someone = setup.someone().await;
    assert_eq!(again(&someone.client, PASSWORD).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_api_key_may_step_up_or_do_what_needs_it() {
    let setup = setup().await;
    let Team { id, path, owner } = setup.team().await;
    let mut person = owner.person.clone();
    person.account_id = id;
    let key = person.api_key(&setup.database, "account:admin account:read", testing::NOW).await;
    let client = setup.client.with_token(key);
    let member = format!("{path}/members/{}", person.user_id);
    let invitation = json!({"email": "eve@example.com", "role": "owner"});
    for (method, path, body) in [
        (Method::POST, PATH.to_owned(), json!({"password": PASSWORD})),
        (Method::DELETE, path.clone(), Value::Null),
        (Method::PATCH, member, json!({"role": "owner"})),
        (Method::POST, format!("{path}/invitations"), invitation),
        (Method::DELETE, "/api/me".to_owned(), json!({"password": PASSWORD})),
        (Method::DELETE, "/api/auth/totp".to_owned(), json!({"password": PASSWORD})),
    ] {
        let answer = send(&client, method, &path, &body).await;
        let seen = (answer.status, answer.code());
        assert_eq!(seen, (StatusCode::FORBIDDEN, "insufficient_scope"), "{path}");
    }
}

#[tokio::test]
async fn an_old_session_does_nothing_that_cannot_be_undone_until_the_password_is_shown() {
    let setup = setup().await;
    let client = stale(&setup).await;
    let path = team(&client).await;
    let grant = json!({"email": "eve@example.com", "role": "owner"});
    refused(&client.delete(&path).await);
    refused(&client.post(&format!("{path}/invitations"), &grant).await);
    let member = format!("{path}/members/user_01h455vb4pex5vsknk084sn02q");
    refused(&client.patch(&member, &json!({"role": "owner"})).await);
    // Refreshing makes no session younger, and neither does going to another account.
    let account = path.rsplit('/').next().unwrap();
    let switched = client.post("/api/auth/switch", &json!({"account_id": account})).await;
    assert_eq!(switched.status, StatusCode::OK);
    let other = setup.client.with_token(switched.body["access_token"].as_str().unwrap());
    refused(&other.delete(&path).await);
    assert_eq!(again(&client, PASSWORD).await.status, StatusCode::NO_CONTENT);
    refused(&other.delete(&path).await);
    assert_eq!(client.delete(&path).await.status, StatusCode::NO_CONTENT);
    let entries = "SELECT count(*) AS n FROM audit_entry WHERE action = 'auth.reauthenticated' AND outcome = 'success'";
    assert_eq!(number(&setup.database, entries).await, 1);
}

#[tokio::test]
async fn it_lasts_ten_minutes_and_a_clock_that_is_set_back_makes_nothing_fresh() {
    let setup = setup().await;
    let client = stale(&setup).await;
    assert_eq!(again(&client, PASSWORD).await.status, StatusCode::NO_CONTENT);
    let paths = [team(&client).await, team(&client).await];
    setup.hand.advance(Duration::from_secs(9 * 60 + 59));
    assert_eq!(client.delete(&paths[0]).await.status, StatusCode::NO_CONTENT);
    setup
        .database
        .query(database::Statement::new(
            "UPDATE session SET authenticated_at = authenticated_at + 86400000",
        ))
        .await
        .unwrap();
    refused(&client.delete(&paths[1]).await);
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_is_not_enough_and_each_code_counts_once() {
    let setup = setup().await;
    let (client, _) = sign_up(&setup, "ada@example.com").await;
    let enrolled = client.post("/api/auth/totp", &json!({"password": PASSWORD})).await;
    let code = |minutes: u64| {
        support::totp_code(&enrolled.body, testing::NOW.plus(Duration::from_mins(minutes)))
    };
    let confirmed = client.post("/api/auth/totp/confirm", &json!({"code": code(0)})).await;
    assert_eq!(confirmed.status, StatusCode::NO_CONTENT);
    let answer = again(&client, PASSWORD).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "totp_required"));
    setup.hand.advance(Duration::from_mins(1));
    let body = |code: &str| json!({"password": PASSWORD, "totp": code});
    assert_eq!(client.post(PATH, &body("000000")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(client.post(PATH, &body(&code(1))).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.post(PATH, &body(&code(1))).await.status, StatusCode::FORBIDDEN);
    let recovery = enrolled.body["recovery_codes"][0].as_str().unwrap();
    assert_eq!(client.post(PATH, &body(recovery)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.post(PATH, &body(recovery)).await.status, StatusCode::FORBIDDEN);
    // The codes that were spent here open no session either.
    let login = json!({"login": "ada@example.com", "password": PASSWORD, "totp": recovery});
    let answer = setup.client.post("/api/auth/login", &login).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.code(), "totp_required");
}

#[tokio::test]
async fn guesses_are_limited() {
    let setup = support::setup_with(&[("limit_login", "3/60s")]).await;
    let (client, _) = sign_up(&setup, "ada@example.com").await;
    for _ in 0..3 {
        assert_eq!(again(&client, "wrong wrong wrong").await.status, StatusCode::FORBIDDEN);
    }
    let answer = again(&client, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key("retry-after"));
}
