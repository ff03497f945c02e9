//! `POST /api/auth/password`, `…/forgot`, `…/reset`, `POST /api/auth/email/verify`, and signing up where addresses must be proven.
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
use serde_json::{Value, json};
use support::{PASSWORD, Setup, log_in, number, setup, setup_with_mail, sign_up, signup, visible};
use testing::Answer;

const NEW: &str = "a quite different passphrase";
const VERIFY: [(&str, &str); 1] = [("require_email_verification", "true")];

async fn forgot(setup: &Setup, email: &str) -> Answer {
    setup.client.post("/api/auth/password/forgot", &json!({"email": email})).await
}

async fn reset(setup: &Setup, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    setup.client.post("/api/auth/password/reset", &body).await
}

async fn verify(setup: &Setup, token: &str) -> Answer {
    setup.client.post("/api/auth/email/verify", &json!({"token": token})).await
}

#[tokio::test]
async fn bodies_that_are_not_the_object_they_take_are_bad_requests() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    for (path, bodies) in [
        ("/api/auth/password", ["{}", r#"{"current_password":null,"new_password":"x"}"#]),
        ("/api/auth/password/forgot", [r#"{"email":null}"#, r#"{"email":["a@b.com"]}"#]),
        (
            "/api/auth/password/reset",
            [r#"{"token":null,"new_password":"x"}"#, r#"{"token":0,"new_password":"x"}"#],
        ),
        ("/api/auth/email/verify", [r#"{"token":null}"#, r#"{"token":{"$ne":null}}"#]),
    ] {
        ada.refuses(path, bodies).await;
    }
}

#[tokio::test]
async fn without_a_mailer_what_needs_one_says_so() {
    let database = testing::database().await;
    let variables = [("master_key", testing::MASTER_KEY), ("mailer", "off")];
    let (client, hand) = support::client_with(&database, &variables);
    let setup = Setup { client, database, hand };
    insta::assert_json_snapshot!(forgot(&setup, "ada@example.com").await.redacted(), @r#"
    {
      "body": {
        "code": "mailer_missing",
        "detail": "This deployment cannot send mails; its operator has to set the variable mailer.",
        "request_id": "[request]",
        "status": 503,
        "title": "No mails can be sent",
        "type": "urn:selvage:problem:mailer_missing"
      },
      "status": 503
    }
    "#);
}

#[tokio::test]
async fn changing_a_password_needs_the_current_one_and_a_good_new_one() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        ada.post("/api/auth/password", &body).await
    };
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let answer = setup.client.post("/api/auth/password", &body).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = change("wrong", NEW).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "reauthentication_failed"));
    for new in ["short", "Password1234", "Example-2026!"] {
        let answer = change(PASSWORD, new).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert_eq!(answer.pointers(), ["/new_password"], "{new}");
    }
    assert_eq!(change(PASSWORD, &"é".repeat(257)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_changed_password_ends_every_other_session_at_once() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let other = log_in(&setup, "ada@example.com", PASSWORD).await;
    let phone = setup.client.with_token(other.body["access_token"].as_str().unwrap());
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let answer = ada.post("/api/auth/password", &body).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
    assert_eq!(phone.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    let body = json!({"refresh_token": other.body["refresh_token"]});
    assert_eq!(
        setup.client.post("/api/auth/refresh", &body).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&setup, "ada@example.com", NEW).await.status, StatusCode::OK);
    let mails = mailbox.take();
    assert_eq!((mails.len(), &mails[0]["subject"]), (1, &json!("Your password was changed")));
}

#[tokio::test]
async fn asking_for_a_new_password_tells_nobody_who_is_here() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    sign_up(&setup, "ada@example.com").await;
    sign_up(&setup, "off@example.com").await;
    let disable = "UPDATE user SET is_active = 0 WHERE email = 'off@example.com'";
    setup.database.query(Statement::new(disable)).await.unwrap();
    let known = forgot(&setup, " Ada@Example.com ").await;
    assert_eq!((known.status, &known.body), (StatusCode::ACCEPTED, &Value::Null));
    assert_eq!(mailbox.take().len(), 1);
    for email in ["nobody@example.com", "off@example.com", "ada@example.co"] {
        assert_eq!(visible(&forgot(&setup, email).await), visible(&known), "{email}");
    }
    assert_eq!(mailbox.take(), [Value::Null; 0]);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM one_time_token").await, 1);
}

#[tokio::test]
async fn links_begin_with_the_configured_url_whatever_the_request_says() {
    let (setup, mailbox) = setup_with_mail(&[("public_url", "https://chat.example/base")]).await;
    sign_up(&setup, "ada@example.com").await;
    let mut request = setup
        .client
        .request(axum::http::Method::POST, "/api/auth/password/forgot")
        .header("content-type", "application/json");
    for name in [
        "host",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-original-url",
        "forwarded",
        "origin",
        "referer",
    ] {
        request = request.header(name, "evil.example");
    }
    let request = request.body(r#"{"email":"ada@example.com"}"#.into()).unwrap();
    assert_eq!(setup.client.send(request).await.status, StatusCode::ACCEPTED);
    let mail = mailbox.take()[0].clone();
    let link = mail["link"].as_str().unwrap();
    assert!(link.starts_with("https://chat.example/base/reset-password?token="), "{link}");
    assert!(!mail.to_string().contains("evil"), "{mail}");
    assert!(mail["text"].as_str().unwrap().contains(link));
    assert_eq!(mail["to"], "ada@example.com");
}

#[tokio::test]
async fn a_reset_token_that_does_not_count_changes_nothing() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    sign_up(&setup, "ada@example.com").await;
    forgot(&setup, "ada@example.com").await;
    let old = mailbox.token();
    forgot(&setup, "ada@example.com").await;
    let token = mailbox.token();
    let unknown = reset(&setup, "x", NEW).await;
    insta::assert_json_snapshot!(unknown.redacted(), @r#"
    {
      "body": {
        "code": "invalid_token",
        "detail": "The token does not count: it was used, replaced by a newer one, or is too old.",
        "request_id": "[request]",
        "status": 422,
        "title": "The token does not count",
        "type": "urn:selvage:problem:invalid_token"
      },
      "status": 422
    }
    "#);
    let padded = format!("{token} ");
    for text in ["", "null", "0", "' OR 1=1 --", &old, &padded, &token.to_lowercase()] {
        assert_eq!(visible(&reset(&setup, text, NEW).await), visible(&unknown), "{text}");
    }
    // A token to choose a password proves no address, and the other way round.
    assert_eq!(verify(&setup, &token).await.code(), "invalid_token");
    assert_eq!(reset(&setup, &token, "short").await.pointers(), ["/new_password"]);
    setup.hand.advance(Duration::from_mins(30));
    assert_eq!(reset(&setup, &token, NEW).await.code(), "invalid_token");
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_changes_the_person_voids_what_was_mailed() {
    for sql in [
        "UPDATE user SET email = 'other@example.com'",
        "UPDATE user SET is_active = 0",
        "DELETE FROM user",
    ] {
        let (setup, mailbox) = setup_with_mail(&[]).await;
        sign_up(&setup, "ada@example.com").await;
        forgot(&setup, "ada@example.com").await;
        let token = mailbox.token();
        setup.database.query(Statement::new(sql)).await.unwrap();
        assert_eq!(reset(&setup, &token, NEW).await.code(), "invalid_token", "{sql}");
    }
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    forgot(&setup, "ada@example.com").await;
    let token = mailbox.token();
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    assert_eq!(ada.post("/api/auth/password", &body).await.status, StatusCode::NO_CONTENT);
    assert_eq!(reset(&setup, &token, PASSWORD).await.code(), "invalid_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reset_works_once_ends_every_session_and_opens_none() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    forgot(&setup, "ada@example.com").await;
    let token = mailbox.token();
    let uses: Vec<_> = (0..8)
        .map(|n| {
            let (client, token) = (setup.client.clone(), token.clone());
            tokio::spawn(async move {
                let body = json!({"token": token, "new_password": format!("{NEW} {n}")});
                client.post("/api/auth/password/reset", &body).await
            })
        })
        .collect();
    let mut done = 0;
    for answer in uses {
        let answer = answer.await.unwrap();
        done += usize::from(answer.status == StatusCode::NO_CONTENT && answer.body == Value::Null);
    }
    assert_eq!(done, 1);
    assert_eq!(ada.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    let living = "SELECT count(*) AS n FROM session WHERE revoked_at IS NULL";
    assert_eq!(number(&setup.database, living).await, 0);
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(number(&setup.database, "SELECT email_verified AS n FROM user").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM one_time_token").await, 0);
}

#[tokio::test]
async fn where_addresses_must_be_proven_signing_up_tells_nobody_who_is_here() {
    let (setup, mailbox) = setup_with_mail(&VERIFY).await;
    let new = setup.client.post("/api/auth/signup", &signup("ada@example.com")).await;
    assert_eq!((new.status, &new.body), (StatusCode::ACCEPTED, &Value::Null));
    let token = mailbox.token();
    let unverified = setup.client.post("/api/auth/signup", &signup("ADA@example.com")).await;
    assert_eq!(visible(&unverified), visible(&new));
    assert_eq!(verify(&setup, &token).await.code(), "invalid_token", "replaced by the newer");
    let token = mailbox.token();
    assert_eq!(verify(&setup, &token).await.status, StatusCode::NO_CONTENT);
    assert_eq!(verify(&setup, &token).await.code(), "invalid_token", "used");
    let verified = setup.client.post("/api/auth/signup", &signup("ada@example.com")).await;
    assert_eq!(visible(&verified), visible(&new));
    let mails = mailbox.take();
    assert_eq!(mails[0]["subject"], "You have an account already");
    assert_eq!((mails.len(), &mails[0]["link"]), (1, &Value::Null));
    // Nor does a user name that is taken tell, whichever address comes with it.
    let mut bob = signup("bob@example.com");
    bob["username"] = json!("taken");
    assert_eq!(setup.client.post("/api/auth/signup", &bob).await.status, StatusCode::ACCEPTED);
    let mut answers = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        bob["email"] = json!(email);
        answers.push(visible(&setup.client.post("/api/auth/signup", &bob).await));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn only_the_right_password_learns_that_the_address_is_not_proven() {
    let (setup, mailbox) = setup_with_mail(&VERIFY).await;
    setup.client.post("/api/auth/signup", &signup("ada@example.com")).await;
    mailbox.take();
    let unknown = log_in(&setup, "nobody@example.com", PASSWORD).await;
    let wrong = log_in(&setup, "ada@example.com", "wrong password").await;
    assert_eq!(visible(&wrong), visible(&unknown));
    assert_eq!(mailbox.take(), [Value::Null; 0]);
    let right = log_in(&setup, "ada@example.com", PASSWORD).await;
    assert_eq!((right.status, right.code()), (StatusCode::FORBIDDEN, "email_unverified"));
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 0);
    let token = mailbox.token();
    setup.hand.advance(Duration::from_hours(24));
    assert_eq!(verify(&setup, &token).await.code(), "invalid_token", "too old");
    log_in(&setup, "ada@example.com", PASSWORD).await;
    assert_eq!(verify(&setup, &mailbox.token()).await.status, StatusCode::NO_CONTENT);
    let answer = log_in(&setup, "ada@example.com", PASSWORD).await;
    assert_eq!(
        (answer.status, &answer.body["user"]["email_verified"]),
        (StatusCode::OK, &json!(true))
    );
}

#[tokio::test]
async fn a_mailer_that_fails_changes_no_answer() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    sign_up(&setup, "ada@example.com").await;
    let good = forgot(&setup, "ada@example.com").await;
    drop(mailbox);
    assert_eq!(visible(&forgot(&setup, "ada@example.com").await), visible(&good));
}
