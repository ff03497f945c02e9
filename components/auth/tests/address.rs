//! `PATCH /api/me` with another e-mail address, and `POST /api/auth/email/verify`, which makes it one's own.
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
use support::{Mailbox, PASSWORD, Setup, log_in, number, setup, setup_with_mail, sign_up, visible};
use testing::{Answer, Client};

const OLD: &str = "ada@example.com";
const NEW: &str = "ada@new.example";

async fn ask(client: &Client, email: &str) -> Answer {
    client.patch("/api/me", &json!({"email": email, "current_password": PASSWORD})).await
}

async fn verify(setup: &Setup, token: &str) -> Answer {
    setup.client.post("/api/auth/email/verify", &json!({"token": token})).await
}

/// The token in the mail to the new address; the other mail is the notice to the old one.
fn token(mailbox: &Mailbox, new: &str) -> String {
    let mails = mailbox.take();
    let [notice, link] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((&notice["to"], &notice["link"]), (&json!(OLD), &Value::Null));
    assert!(
        !notice.to_string().contains(new),
        "nobody who reads mail at the old one learns the new one"
    );
    assert_eq!(link["to"], new);
    link["link"].as_str().unwrap().split_once("?token=").unwrap().1.to_owned()
}

#[tokio::test]
async fn another_address_needs_a_session_the_password_and_a_mailer() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    assert_eq!(ask(&setup.client, NEW).await.status, StatusCode::UNAUTHORIZED);
    let answer = ada.patch("/api/me", &json!({"email": NEW})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.pointers(), ["/current_password"]);
    let answer = ada.patch("/api/me", &json!({"email": NEW, "current_password": "wrong"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "reauthentication_failed"));
    for email in ["", "ada", "a@b@c", "a@b.com\r\nBcc: eve@example.com", "ada@bücher.example"] {
        assert_eq!(ask(&ada, email).await.pointers(), ["/email"], "{email}");
    }
    for body in [json!({"email": [NEW]}), json!({"email": {"$ne": null}}), json!({"email": 0})] {
        assert_eq!(ada.patch("/api/me", &body).await.code(), "invalid_request");
    }
    assert_eq!(mailbox.take(), [Value::Null; 0]);
    let database = testing::database().await;
    let variables = [("master_key", testing::MASTER_KEY), ("mailer", "off")];
    let (client, hand) = support::client_with(&database, &variables);
    let mute = Setup { client, database, hand };
    let (bob, _) = sign_up(&mute, "bob@example.com").await;
    assert_eq!(ask(&bob, NEW).await.code(), "mailer_missing");
}

#[tokio::test]
async fn an_address_is_another_one_when_its_link_was_followed_and_not_before() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    let forgotten = json!({"email": OLD});
    setup.client.post("/api/auth/password/forgot", &forgotten).await;
    let reset = mailbox.token();
    let answer = ask(&ada, " Ada@NEW.example ").await;
    assert_eq!((answer.status, &answer.body["email"]), (StatusCode::OK, &json!(OLD)));
    let token = token(&mailbox, NEW);
    assert_eq!(log_in(&setup, NEW, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let used_to_reset = json!({"token": token, "new_password": "a quite different passphrase"});
    let answer = setup.client.post("/api/auth/password/reset", &used_to_reset).await;
    assert_eq!(answer.code(), "invalid_token", "it is for the address alone");
    let answer = verify(&setup, &token).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    let me = ada.get("/api/me").await.body;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!(NEW), &json!(true)));
    assert_eq!(log_in(&setup, NEW, PASSWORD).await.status, StatusCode::OK);
    assert_eq!(log_in(&setup, OLD, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    let mails = mailbox.take();
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &json!(OLD)), "{mails:?}");
    assert_eq!(mails[0]["subject"], "Your account has another address now");
    assert_eq!(verify(&setup, &token).await.code(), "invalid_token", "once");
    let body = json!({"token": reset, "new_password": "a quite different passphrase"});
    let answer = setup.client.post("/api/auth/password/reset", &body).await;
    assert_eq!(answer.code(), "invalid_token", "what was sent before is void");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM one_time_token").await, 0);
    let actions = "SELECT count(*) AS n FROM audit_entry WHERE action IN ('email.change_requested', 'email.changed')";
    assert_eq!(number(&setup.database, actions).await, 2);
}

#[tokio::test]
async fn a_token_ends_with_half_an_hour_a_newer_one_and_a_new_password() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    ask(&ada, "first@new.example").await;
    let first = token(&mailbox, "first@new.example");
    ask(&ada, NEW).await;
    let second = token(&mailbox, NEW);
    let unknown = visible(&verify(&setup, "x").await);
    assert_eq!(visible(&verify(&setup, &first).await), unknown);
    setup.hand.advance(Duration::from_mins(30));
    assert_eq!(visible(&verify(&setup, &second).await), unknown);
    let (ada, _) = {
        let answer = log_in(&setup, OLD, PASSWORD).await;
        (setup.client.with_token(answer.body["access_token"].as_str().unwrap()), answer)
    };
    ask(&ada, NEW).await;
    let third = token(&mailbox, NEW);
    let body =
        json!({"current_password": PASSWORD, "new_password": "a quite different passphrase"});
    assert_eq!(ada.post("/api/auth/password", &body).await.status, StatusCode::NO_CONTENT);
    assert_eq!(visible(&verify(&setup, &third).await), unknown);
    let disable = "UPDATE user SET is_active = 0";
    setup.database.query(Statement::new(disable)).await.unwrap();
    assert_eq!(visible(&verify(&setup, &third).await), unknown);
    assert_eq!(
        number(&setup.database, "SELECT count(*) AS n FROM user WHERE email = 'ada@example.com'")
            .await,
        1
    );
}

#[tokio::test]
async fn an_address_that_somebody_has_goes_to_nobody_else() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    sign_up(&setup, "bob@example.com").await;
    let free = visible(&ask(&ada, NEW).await);
    let token = token(&mailbox, NEW);
    // The answer is the one of an address that is free, and its owner learns of it.
    assert_eq!(visible(&ask(&ada, "BOB@example.com").await), free);
    let mails = mailbox.take();
    assert_eq!(
        mails.iter().map(|mail| mail["to"].as_str().unwrap()).collect::<Vec<_>>(),
        [OLD, "bob@example.com"]
    );
    assert!(mails.iter().all(|mail| mail["link"] == Value::Null), "{mails:?}");
    // One's own address is no change.
    assert_eq!(visible(&ask(&ada, OLD).await), free);
    assert_eq!(mailbox.take(), [Value::Null; 0]);
    // Somebody signs up with it while the mail is on its way.
    sign_up(&setup, NEW).await;
    let answer = verify(&setup, &token).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "email_taken"));
    assert_eq!(ada.get("/api/me").await.body["email"], OLD);
}

#[tokio::test]
async fn of_many_who_follow_a_link_at_once_one_changes_the_address() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    ask(&ada, NEW).await;
    let token = token(&mailbox, NEW);
    let uses: Vec<_> = (0..16)
        .map(|_| {
            let (client, body) = (setup.client.clone(), json!({"token": token}));
            tokio::spawn(async move { client.post("/api/auth/email/verify", &body).await.status })
        })
        .collect();
    let mut done = 0;
    for status in uses {
        done += usize::from(status.await.unwrap() == StatusCode::NO_CONTENT);
    }
    assert_eq!(done, 1);
    let changes = "SELECT count(*) AS n FROM audit_entry WHERE action = 'email.changed'";
    assert_eq!(number(&setup.database, changes).await, 1);
}

#[tokio::test]
async fn mails_to_one_address_are_limited() {
    let (setup, _mailbox) = setup_with_mail(&[("limit_mail", "3/3600s")]).await;
    let (ada, _) = sign_up(&setup, OLD).await;
    for _ in 0..3 {
        assert_eq!(ask(&ada, NEW).await.status, StatusCode::OK);
    }
    let refused = ask(&ada, NEW).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(ask(&ada, "other@new.example").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_user_name_is_changed_at_once_and_the_old_one_is_free() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, OLD).await;
    let (bob, _) = sign_up(&setup, "bob@example.com").await;
    for name in ["Ada", "Countess"] {
        assert_eq!(ada.patch("/api/me", &json!({"username": name})).await.status, StatusCode::OK);
        assert_eq!(log_in(&setup, name, PASSWORD).await.status, StatusCode::OK);
    }
    assert_eq!(log_in(&setup, "ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bob.patch("/api/me", &json!({"username": "ada"})).await.status, StatusCode::OK);
}
