//! `POST /api/auth/refresh`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use database::Statement;
use serde_json::json;
use support::{PASSWORD, Setup, client, number, setup, signup, visible};
use testing::{Answer, MASTER_KEY, OTHER_MASTER_KEY};

const PATH: &str = "/api/auth/refresh";

/// Someone who has just signed up, with the refresh token.
async fn with_ada() -> (Setup, String) {
    let setup = setup().await;
    let answer = setup.client.post("/api/auth/signup", &signup("ada@example.com")).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = refresh_token(&answer);
    (setup, token)
}

fn refresh_token(answer: &Answer) -> String {
    answer.body["refresh_token"].as_str().unwrap().to_owned()
}

async fn refresh(setup: &Setup, token: &str) -> Answer {
    setup.client.post(PATH, &json!({"refresh_token": token})).await
}

async fn status_of_access(setup: &Setup, answer: &Answer) -> StatusCode {
    let token = answer.body["access_token"].as_str().unwrap();
    setup.client.with_token(token).get("/api/me/sessions").await.status
}

#[tokio::test]
async fn bodies_that_are_not_the_object_it_takes_are_bad_requests() {
    let (setup, token) = with_ada().await;
    let bodies = [
        String::new(),
        "{}".into(),
        r#"{"refresh_token":null}"#.into(),
        r#"{"refresh_token":7}"#.into(),
        format!(r#"{{"refresh_token":["{token}"]}}"#),
        format!(r#"{{"refresh_token":"{token}","account_id":"x"}}"#),
        format!(r#"{{"token":"{token}"}}"#),
    ];
    setup.client.refuses(PATH, bodies).await;
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::OK, "none of these spent it");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_alike() {
    let (setup, token) = with_ada().await;
    let unknown = refresh(&setup, &"x".repeat(43)).await;
    insta::assert_json_snapshot!(unknown.redacted(), @r#"
    {
      "body": {
        "code": "unauthorized",
        "detail": "The refresh token does not count. Sign in again.",
        "request_id": "[request]",
        "status": 401,
        "title": "Authentication is needed",
        "type": "urn:selvage:problem:unauthorized"
      },
      "status": 401
    }
    "#);
    let access = setup
        .client
        .post("/api/auth/login", &json!({"login": "ada@example.com", "password": PASSWORD}))
        .await;
    let access = access.body["access_token"].as_str().unwrap().to_owned();
    let upper = token.to_uppercase();
    let padded = format!(" {token}");
    for text in
        ["", " ", "\0", "' OR 1=1 --", &access, &upper, &padded, &token[..42], &"x".repeat(100_000)]
    {
        assert_eq!(visible(&refresh(&setup, text).await), visible(&unknown), "{text:?}");
    }
    // A refresh token opens nothing but the next one.
    let answer = setup.client.with_token(&token).get("/api/me/sessions").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_whose_session_or_person_does_not_count_is_refused_and_revives_nothing() {
    for sql in [
        "UPDATE session SET revoked_at = 1",
        "UPDATE session SET expires_at = 1",
        "UPDATE user SET is_active = 0",
        "DELETE FROM membership",
        "DELETE FROM user",
        "UPDATE refresh_token SET expires_at = 1",
    ] {
        let (setup, token) = with_ada().await;
        setup.database.query(Statement::new(sql)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED, "{sql}");
        }
        let spent = "SELECT count(*) AS n FROM refresh_token WHERE spent_at IS NOT NULL";
        assert_eq!(number(&setup.database, spent).await, 0, "{sql}");
    }
}

#[tokio::test]
async fn a_refresh_gives_new_tokens_of_the_same_session() {
    let (setup, token) = with_ada().await;
    setup.hand.advance(Duration::from_hours(24));
    let answer = refresh(&setup, &token).await;
    assert_eq!(answer.status, StatusCode::OK);
    let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["access_token", "account", "expires_in", "refresh_token", "token_type", "user"]
    );
    assert_eq!(answer.body["user"]["email"], "ada@example.com");
    assert_ne!(refresh_token(&answer), token);
    assert_eq!(status_of_access(&setup, &answer).await, StatusCode::OK);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    let used = number(&setup.database, "SELECT last_used_at AS n FROM session").await;
    assert_eq!(used, testing::NOW.plus(Duration::from_hours(24)).0);
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_however_often_it_is_refreshed_and_a_token_after_seven() {
    let (setup, mut token) = with_ada().await;
    for _ in 0..5 {
        setup.hand.advance(Duration::from_hours(6 * 24));
        let answer = refresh(&setup, &token).await;
        if answer.status == StatusCode::OK {
            token = refresh_token(&answer);
        }
    }
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED, "the thirtieth day");
    let (setup, token) = with_ada().await;
    setup.hand.advance(Duration::from_hours(7 * 24));
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED, "the seventh day");
}

#[tokio::test]
async fn within_ten_seconds_a_spent_token_gives_the_same_unused_successor_again() {
    let (setup, token) = with_ada().await;
    let first = refresh(&setup, &token).await;
    setup.hand.advance(Duration::from_secs(10));
    let again = refresh(&setup, &token).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(refresh_token(&again), refresh_token(&first));
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM refresh_token").await, 2);
    // Even after the master key got a successor of its own.
    let ring = format!("new:{OTHER_MASTER_KEY},1:{MASTER_KEY}");
    let (rotated, hand) = client(&setup.database, &ring);
    hand.advance(Duration::from_secs(10));
    let again = rotated.post(PATH, &json!({"refresh_token": token})).await;
    assert_eq!(refresh_token(&again), refresh_token(&first));
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_session_and_its_access_tokens() {
    let (setup, token) = with_ada().await;
    let first = refresh(&setup, &token).await;
    setup.hand.advance(Duration::from_millis(10_001));
    assert_eq!(status_of_access(&setup, &first).await, StatusCode::OK);
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(status_of_access(&setup, &first).await, StatusCode::UNAUTHORIZED);
    let successor = refresh_token(&first);
    assert_eq!(refresh(&setup, &successor).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn reuse_after_the_successor_was_used_ends_the_session_even_within_the_grace() {
    let (setup, token) = with_ada().await;
    let first = refresh(&setup, &token).await;
    let second = refresh(&setup, &refresh_token(&first)).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED);
    let last = refresh_token(&second);
    assert_eq!(refresh(&setup, &last).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(status_of_access(&setup, &second).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_thief_s_reuse_ends_one_session_and_no_other() {
    let (setup, token) = with_ada().await;
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let other = setup.client.post("/api/auth/login", &login).await;
    refresh(&setup, &token).await;
    setup.hand.advance(Duration::from_secs(11));
    assert_eq!(refresh(&setup, &token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refresh(&setup, &refresh_token(&other)).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_at_once_one_lineage_remains() {
    let (setup, token) = with_ada().await;
    let uses: Vec<_> = (0..64)
        .map(|_| {
            let (client, _) = client(&setup.database, MASTER_KEY);
            let body = json!({"refresh_token": token});
            tokio::spawn(async move { client.post(PATH, &body).await })
        })
        .collect();
    let mut successors = BTreeSet::new();
    for answer in uses {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        successors.insert(refresh_token(&answer));
    }
    assert_eq!(successors.len(), 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM refresh_token").await, 2);
    let live = "SELECT count(*) AS n FROM refresh_token WHERE spent_at IS NULL";
    assert_eq!(number(&setup.database, live).await, 1);
    let successor = successors.pop_first().unwrap();
    assert_eq!(refresh(&setup, &successor).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chain_under_constant_reuse_never_has_two_living_tokens() {
    let (setup, mut token) = with_ada().await;
    for _ in 0..10 {
        let uses: Vec<_> = (0..4)
            .map(|_| {
                let (client, body) = (setup.client.clone(), json!({"refresh_token": token}));
                tokio::spawn(async move { client.post(PATH, &body).await })
            })
            .collect();
        for answer in uses {
            token = refresh_token(&answer.await.unwrap());
        }
        let live = "SELECT count(*) AS n FROM refresh_token WHERE spent_at IS NULL";
        assert_eq!(number(&setup.database, live).await, 1);
    }
}
