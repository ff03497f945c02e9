//! Ways back in, and what people are told: links, codes, notices, keys that must not count any more.
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
use database::Statement;
use serde_json::{Value, json};
use support::{
    Mailbox, PASSWORD, Setup, log_in, number, send, setup_with_mail, sign_up, totp_code, visible,
};
use testing::{Client, NOW};

const ADA: &str = "ada@example.com";
const NEW: &str = "a quite different passphrase";

/// Somebody with a confirmed second factor, a minute after its confirmation, and the secret.
async fn with_second_factor(variables: &[(&str, &str)]) -> (Setup, Mailbox, Client, Value) {
    let (setup, mailbox) = setup_with_mail(variables).await;
    let (ada, _) = sign_up(&setup, ADA).await;
    let enrolment = ada.post("/api/auth/totp", &json!({"password": PASSWORD})).await.body;
    let confirmed =
        ada.post("/api/auth/totp/confirm", &json!({"code": totp_code(&enrolment, NOW)})).await;
    assert_eq!(confirmed.status, StatusCode::NO_CONTENT);
    setup.hand.advance(Duration::from_mins(1));
    (setup, mailbox, ada, enrolment)
}

async fn log_in_with(setup: &Setup, password: &str, totp: &str) -> StatusCode {
    let body = json!({"login": ADA, "password": password, "totp": totp});
    setup.client.post("/api/auth/login", &body).await.status
}

async fn reset_token(setup: &Setup, mailbox: &Mailbox) -> String {
    setup.client.post("/api/auth/password/forgot", &json!({"email": ADA})).await;
    mailbox.token()
}

#[tokio::test]
async fn looking_at_a_link_consumes_nothing() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    sign_up(&setup, ADA).await;
    let token = reset_token(&setup, &mailbox).await;
    for path in ["/api/auth/password/reset", "/api/auth/email/verify", "/api/invitations/accept"] {
        for method in [Method::GET, Method::HEAD] {
            let request = setup.client.request(method, &format!("{path}?token={token}"));
            let answer = tower::ServiceExt::oneshot(
                setup.client.router(),
                request.body(axum::body::Body::empty()).unwrap(),
            );
            let status = answer.await.unwrap().status();
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    let body = json!({"token": token, "new_password": NEW});
    let answer = setup.client.post("/api/auth/password/reset", &body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn somebody_who_never_asked_has_no_state_that_takes_any_token() {
    let (setup, _mailbox) = setup_with_mail(&[]).await;
    let (_, signed_in) = sign_up(&setup, ADA).await;
    let refused = json!({"token": "x", "new_password": NEW});
    let unknown = visible(&setup.client.post("/api/auth/password/reset", &refused).await);
    assert_eq!(unknown.0, StatusCode::UNPROCESSABLE_ENTITY);
    for name in ["access_token", "refresh_token"] {
        let body = json!({"token": signed_in.body[name], "new_password": NEW});
        let answer = setup.client.post("/api/auth/password/reset", &body).await;
        assert_eq!(visible(&answer), unknown, "{name}");
    }
    for token in [json!(null), json!([]), json!({}), json!(0), json!(false), json!([""])] {
        for path in ["/api/auth/password/reset", "/api/auth/email/verify"] {
            let mut body = json!({"token": token});
            if path.ends_with("reset") {
                body["new_password"] = json!(NEW);
            }
            let answer = setup.client.post(path, &body).await;
            assert_eq!(answer.code(), "invalid_request", "{path} {token}");
        }
    }
    assert_eq!(log_in(&setup, ADA, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_token_of_one_person_does_nothing_for_another() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    sign_up(&setup, ADA).await;
    sign_up(&setup, "bob@example.com").await;
    let token = reset_token(&setup, &mailbox).await;
    let body = json!({"token": token, "new_password": NEW});
    assert_eq!(
        setup.client.post("/api/auth/password/reset", &body).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(log_in(&setup, "bob@example.com", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(log_in(&setup, ADA, NEW).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_passes_by_no_second_factor() {
    let (setup, mailbox, _, enrolment) = with_second_factor(&[("limit_totp", "off")]).await;
    mailbox.take();
    let token = reset_token(&setup, &mailbox).await;
    let body = json!({"token": token, "new_password": NEW});
    let answer = setup.client.post("/api/auth/password/reset", &body).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(log_in(&setup, ADA, NEW).await.code(), "totp_required");
    assert_eq!(log_in_with(&setup, NEW, "000000").await, StatusCode::UNAUTHORIZED);
    let now = NOW.plus(Duration::from_mins(1));
    assert_eq!(log_in_with(&setup, NEW, &totp_code(&enrolment, now)).await, StatusCode::OK);
}

#[tokio::test]
async fn five_wrong_codes_end_the_trying_and_time_begins_it_again() {
    let (setup, _mailbox, _, enrolment) = with_second_factor(&[]).await;
    // The confirmation was one of the five, a minute ago.
    setup.hand.advance(Duration::from_mins(10));
    let now = NOW.plus(Duration::from_mins(11));
    let right = totp_code(&enrolment, now);
    let wrong = if right == "123456" { "654321" } else { "123456" };
    for _ in 0..5 {
        assert_eq!(log_in_with(&setup, PASSWORD, wrong).await, StatusCode::UNAUTHORIZED);
    }
    for totp in [wrong, right.as_str()] {
        assert_eq!(log_in_with(&setup, PASSWORD, totp).await, StatusCode::TOO_MANY_REQUESTS);
    }
    setup.hand.advance(Duration::from_mins(1));
    let later = totp_code(&enrolment, now.plus(Duration::from_mins(1)));
    assert_eq!(log_in_with(&setup, PASSWORD, &later).await, StatusCode::OK);
}

#[tokio::test]
async fn whoever_is_concerned_is_told_by_mail() {
    let (setup, mailbox, ada, _) = with_second_factor(&[("limit_totp", "off")]).await;
    let subjects = || -> Vec<String> {
        let mails = mailbox.take();
        assert!(
            mails.iter().all(|mail| mail["to"] == ADA && mail["link"] == Value::Null),
            "{mails:?}"
        );
        mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(subjects(), ["A second factor was set up for your account"]);
    let body = json!({"password": PASSWORD});
    assert_eq!(
        send(&ada, Method::DELETE, "/api/auth/totp", &body).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(subjects(), ["The second factor of your account was removed"]);
    let first = log_in(&setup, ADA, PASSWORD).await.body["refresh_token"].clone();
    for (after, status) in [(0, StatusCode::OK), (11, StatusCode::UNAUTHORIZED)] {
        setup.hand.advance(Duration::from_secs(after));
        let answer = setup.client.post("/api/auth/refresh", &json!({"refresh_token": first})).await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(subjects(), ["A copied token ended one of your sessions"]);
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    assert_eq!(ada.post("/api/auth/password", &body).await.status, StatusCode::NO_CONTENT);
    assert_eq!(subjects(), ["Your password was changed"]);
}

/// What is remembered of tokens that were verified outlives no key (SECURITY R26).
#[tokio::test]
async fn a_key_that_is_retired_ends_tokens_that_were_used_before_with_the_next_request() {
    let (setup, _mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, ADA).await;
    for _ in 0..3 {
        assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
    }
    let retire = Statement::new("UPDATE signing_key SET retired_at = ?1").bind(NOW.0);
    setup.database.query(retire).await.unwrap();
    assert_eq!(ada.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&setup, ADA, PASSWORD).await.status, StatusCode::OK);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM signing_key").await, 2);
}

/// A flood of tokens that name keys nobody has made: each is refused alike, nothing is written and no key is made.
#[tokio::test]
async fn a_flood_of_unknown_keys_changes_nothing() {
    let (setup, _mailbox) = setup_with_mail(&[]).await;
    let (ada, signed_in) = sign_up(&setup, ADA).await;
    let token = signed_in.body["access_token"].as_str().unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    let refused = visible(&setup.client.with_token("x").get("/api/me").await);
    for n in 0..200 {
        use base64::Engine as _;
        let header =
            json!({"alg": "EdDSA", "typ": "at+jwt", "kid": format!("{n:043}")}).to_string();
        let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
        let answer = setup.client.with_token(format!("{header}.{rest}")).get("/api/me").await;
        assert_eq!(visible(&answer), refused, "{n}");
    }
    assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM signing_key").await, 1);
}
