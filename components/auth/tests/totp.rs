//! `POST /api/auth/totp`, `…/confirm`, `DELETE /api/auth/totp`, and signing in with a second factor.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use ambient::UnixMillis;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, log_in, number, send, setup, sign_up, totp_code, visible};
use testing::{Answer, Client, NOW};

const PATH: &str = "/api/auth/totp";
const CONFIRM: &str = "/api/auth/totp/confirm";

async fn enrol(ada: &Client) -> Value {
    let answer = ada.post(PATH, &json!({"password": PASSWORD})).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.body
}

/// Somebody with a confirmed second factor, a minute after the confirmation.
async fn with_ada() -> (Setup, Client, Value, UnixMillis) {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let enrolment = enrol(&ada).await;
    let answer = ada.post(CONFIRM, &json!({"code": totp_code(&enrolment, NOW)})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    setup.hand.advance(Duration::from_mins(1));
    (setup, ada, enrolment, NOW.plus(Duration::from_mins(1)))
}

async fn log_in_with(client: &Client, totp: &str) -> Answer {
    let body = json!({"login": "ada@example.com", "password": PASSWORD, "totp": totp});
    client.post("/api/auth/login", &body).await
}

#[tokio::test]
async fn without_credential_or_password_nothing_happens() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let good = json!({"password": PASSWORD});
    for (method, path, body) in [
        (Method::POST, PATH, &good),
        (Method::POST, CONFIRM, &json!({"code": "123456"})),
        (Method::DELETE, PATH, &good),
    ] {
        let answer = send(&setup.client, method, path, body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for method in [Method::POST, Method::DELETE] {
        let answer = send(&ada, method.clone(), PATH, &json!({"password": "wrong"})).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::FORBIDDEN, "reauthentication_failed")
        );
        for body in
            [json!({}), json!({"password": null}), json!({"password": PASSWORD, "user_id": "x"})]
        {
            let answer = send(&ada, method.clone(), PATH, &body).await;
            assert_eq!(answer.code(), "invalid_request", "{method} {body}");
        }
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM totp").await, 0);
    assert_eq!(send(&ada, Method::DELETE, PATH, &good).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_enrolment_shows_its_secret_once_and_stores_it_sealed() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let enrolment = enrol(&ada).await;
    let secret = enrolment["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    let url = enrolment["otpauth_url"].as_str().unwrap();
    assert!(
        url.starts_with(&format!("otpauth://totp/Selvage:ada%40example.com?secret={secret}&")),
        "{url}"
    );
    let codes = enrolment["recovery_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    let bytes = totp_rs::Secret::try_from_base32(secret).unwrap();
    let rows =
        setup.database.query(Statement::new("SELECT sealed_secret FROM totp")).await.unwrap();
    let sealed: Vec<u8> = rows.first().unwrap().get("sealed_secret").unwrap();
    assert_eq!(sealed.len(), 12 + 20 + 16);
    assert!(!sealed.windows(20).any(|window| window == bytes.as_bytes()));
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM recovery_code").await, 10);
    // Until it is confirmed nothing asks for a code, and it can be begun again.
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::OK);
    let again = enrol(&ada).await;
    assert_ne!(again["secret"], enrolment["secret"]);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM recovery_code").await, 10);
    let old = ada.post(CONFIRM, &json!({"code": totp_code(&enrolment, NOW)})).await;
    assert_eq!((old.status, old.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_code"));
}

#[tokio::test]
async fn a_confirmed_second_factor_is_asked_for_and_not_replaced() {
    let (setup, ada, enrolment, now) = with_ada().await;
    let answer = ada.post(PATH, &json!({"password": PASSWORD})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "totp_enrolled"));
    let wrong = log_in(&setup, "ada@example.com", "wrong password").await;
    assert_eq!(wrong.code(), "invalid_credentials", "only the password learns of it");
    let missing = log_in(&setup, "ada@example.com", PASSWORD).await;
    insta::assert_json_snapshot!(missing.redacted(), @r#"
    {
      "body": {
        "code": "totp_required",
        "detail": "Send the code of your authenticator app as totp.",
        "request_id": "[request]",
        "status": 401,
        "title": "A code is needed",
        "type": "urn:selvage:problem:totp_required"
      },
      "status": 401
    }
    "#);
    for text in ["", "000000", "12345", "' OR 1=1 --", enrolment["secret"].as_str().unwrap()] {
        let answer = log_in_with(&setup.client, text).await;
        assert_eq!(visible(&answer), visible(&wrong), "{text}");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    assert_eq!(
        log_in_with(&setup.client, &totp_code(&enrolment, now)).await.status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_of_one_code_at_once_one_signs_in() {
    let (setup, _, enrolment, now) = with_ada().await;
    let code = totp_code(&enrolment, now);
    let logins: Vec<_> = (0..64)
        .map(|_| {
            let (client, code) = (setup.client.clone(), code.clone());
            tokio::spawn(async move { log_in_with(&client, &code).await.status })
        })
        .collect();
    let mut signed_in = 0;
    for login in logins {
        signed_in += usize::from(login.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(signed_in, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 2);
}

#[tokio::test]
async fn a_code_counts_around_its_time_and_never_after_a_later_one() {
    let (setup, _, enrolment, now) = with_ada().await;
    let step = Duration::from_secs(30);
    assert_eq!(
        log_in_with(&setup.client, &totp_code(&enrolment, now.plus(step))).await.status,
        StatusCode::OK
    );
    assert_eq!(
        log_in_with(&setup.client, &totp_code(&enrolment, now)).await.status,
        StatusCode::UNAUTHORIZED
    );
    setup.hand.advance(step * 4);
    let late = totp_code(&enrolment, now.plus(step * 2));
    assert_eq!(log_in_with(&setup.client, &late).await.status, StatusCode::UNAUTHORIZED);
    let just = totp_code(&enrolment, now.plus(step * 3));
    assert_eq!(log_in_with(&setup.client, &just).await.status, StatusCode::OK);
}

#[tokio::test]
async fn each_recovery_code_signs_in_once_however_it_is_typed() {
    let (setup, _, enrolment, _) = with_ada().await;
    let codes = enrolment["recovery_codes"].as_array().unwrap();
    let first = codes[0].as_str().unwrap();
    assert_eq!(log_in_with(&setup.client, first).await.status, StatusCode::OK);
    assert_eq!(log_in_with(&setup.client, first).await.status, StatusCode::UNAUTHORIZED);
    let second = codes[1].as_str().unwrap().replace('-', " ").to_uppercase();
    assert_eq!(log_in_with(&setup.client, &second).await.status, StatusCode::OK);
    let left = "SELECT count(*) AS n FROM recovery_code WHERE used_at IS NULL";
    assert_eq!(number(&setup.database, left).await, 8);
    // Those of another person open nothing.
    let (bob, _) = sign_up(&setup, "bob@example.com").await;
    let theirs = bob.post(PATH, &json!({"password": PASSWORD})).await.body;
    let code = theirs["recovery_codes"][0].as_str().unwrap();
    assert_eq!(log_in_with(&setup.client, code).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn removing_the_second_factor_removes_its_recovery_codes() {
    let (setup, ada, enrolment, _) = with_ada().await;
    let answer = send(&ada, Method::DELETE, PATH, &json!({"password": PASSWORD})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM recovery_code").await, 0);
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::OK);
    let again = enrol(&ada).await;
    assert_ne!(again["secret"], enrolment["secret"]);
}

#[tokio::test]
async fn a_code_confirms_once_and_is_not_a_code_to_sign_in_with() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let answer = ada.post(CONFIRM, &json!({"code": "123456"})).await;
    assert_eq!(answer.code(), "invalid_code", "there is no enrolment");
    let enrolment = enrol(&ada).await;
    let code = totp_code(&enrolment, NOW);
    assert_eq!(ada.post(CONFIRM, &json!({"code": code})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.post(CONFIRM, &json!({"code": code})).await.code(), "invalid_code");
    assert_eq!(log_in_with(&setup.client, &code).await.status, StatusCode::UNAUTHORIZED);
}
