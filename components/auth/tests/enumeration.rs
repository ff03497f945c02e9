//! Nothing tells who is here: for each flow, people of every kind get one answer, to the last header (SECURITY R11).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{Mailbox, PASSWORD, Setup, setup_with_mail, visible};
use testing::Answer;

/// Who may be behind an address. The first is nobody.
const PEOPLE: [&str; 4] = [
    "unknown@example.com",
    "verified@example.com",
    "disabled@example.com",
    "unverified@example.com",
];

/// A deployment where addresses must be proven, with one of each kind of person.
async fn people() -> (Setup, Mailbox) {
    let variables = [("require_email_verification", "true"), ("limit_totp", "off")];
    let (setup, mailbox) = setup_with_mail(&variables).await;
    for email in &PEOPLE[1..] {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = setup.client.post("/api/auth/signup", &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
    }
    for sql in [
        "UPDATE user SET email_verified = 1 WHERE email <> 'unverified@example.com'",
        "UPDATE user SET is_active = 0 WHERE email = 'disabled@example.com'",
    ] {
        setup.database.query(Statement::new(sql)).await.unwrap();
    }
    mailbox.take();
    (setup, mailbox)
}

/// Sends a request about each person and holds the answers against the first.
async fn compare(status: StatusCode, ask: impl AsyncFn(&'static str) -> Answer) {
    let mut first = None;
    for email in PEOPLE {
        let answer = visible(&ask(email).await);
        assert_eq!(answer.0, status, "{email}: {:?}", answer.2);
        assert_eq!(first.get_or_insert_with(|| answer.clone()), &answer, "{email}");
    }
}

/// To whom mails went, sorted.
fn recipients(mailbox: &Mailbox) -> Vec<String> {
    let mut all: Vec<_> =
        mailbox.take().iter().map(|mail| mail["to"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn signing_in() {
    let (setup, mailbox) = people().await;
    compare(StatusCode::UNAUTHORIZED, async |email| {
        let body = json!({"login": email, "password": "wrong", "totp": "123456"});
        setup.client.post("/api/auth/login", &body).await
    })
    .await;
    compare(StatusCode::UNAUTHORIZED, async |email| {
        setup.client.post("/api/auth/login", &json!({"login": email, "password": "wrong"})).await
    })
    .await;
    assert_eq!(recipients(&mailbox), [""; 0]);
}

#[tokio::test]
async fn asking_for_a_new_password() {
    let (setup, mailbox) = people().await;
    compare(StatusCode::ACCEPTED, async |email| {
        setup.client.post("/api/auth/password/forgot", &json!({"email": email})).await
    })
    .await;
    assert_eq!(recipients(&mailbox), ["unverified@example.com", "verified@example.com"]);
}

#[tokio::test]
async fn signing_up_once_more_which_is_how_a_mail_is_sent_again() {
    let (setup, mailbox) = people().await;
    for _ in 0..2 {
        compare(StatusCode::ACCEPTED, async |email| {
            let body = json!({"email": email, "password": PASSWORD});
            setup.client.post("/api/auth/signup", &body).await
        })
        .await;
    }
    // Whoever is shut out hears nothing that would be a credential.
    let mails = mailbox.take();
    let links = mails.iter().filter(|mail| mail["link"] != Value::Null);
    assert!(links.clone().all(|mail| mail["to"] != "disabled@example.com"), "{mails:?}");
    assert_eq!(links.count(), 4);
}

#[tokio::test]
async fn proving_an_address_with_a_token_that_is_not_the_person_s() {
    let (setup, _) = people().await;
    for path in ["/api/auth/email/verify", "/api/auth/password/reset"] {
        compare(StatusCode::UNPROCESSABLE_ENTITY, async |email| {
            let mut body = json!({"token": email});
            if path.ends_with("reset") {
                body["new_password"] = json!("a quite different passphrase");
            }
            setup.client.post(path, &body).await
        })
        .await;
    }
}

#[tokio::test]
async fn inviting_somebody() {
    let (setup, mailbox) = people().await;
    let team = setup.team().await;
    let mut first = None;
    for email in PEOPLE {
        let body = json!({"email": email, "role": "viewer"});
        let path = format!("{}/invitations", team.path);
        let answer = team.owner.client.post(&path, &body).await;
        let (status, mut headers, mut body) = visible(&answer);
        assert_eq!(body["email"], email);
        // What was sent comes back, and with it its length; an id is an id.
        headers.remove("content-length");
        body["email"] = Value::Null;
        testing::redact(&mut body);
        let seen = (status, headers, body);
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{email}");
    }
    assert_eq!(first.unwrap().0, StatusCode::CREATED);
    assert_eq!(recipients(&mailbox).len(), PEOPLE.len(), "everybody gets the same mail");
}

#[tokio::test]
async fn choosing_an_address() {
    let (setup, mailbox) = people().await;
    let body = json!({"login": "verified@example.com", "password": PASSWORD});
    let signed_in = setup.client.post("/api/auth/login", &body).await;
    let ada = setup.client.with_token(signed_in.body["access_token"].as_str().unwrap());
    let mut first = None;
    for email in PEOPLE.into_iter().filter(|email| *email != "verified@example.com") {
        let body = json!({"email": email, "current_password": PASSWORD});
        let seen = visible(&ada.patch("/api/me", &body).await);
        assert_eq!(seen.0, StatusCode::OK, "{:?}", seen.2);
        assert_eq!(seen.2["email"], "verified@example.com");
        assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{email}");
    }
    // One notice each time to the address that is to be left, and a link to nobody who is here already.
    let mails = mailbox.take();
    let linked: Vec<_> = mails.iter().filter(|mail| mail["link"] != Value::Null).collect();
    assert_eq!((linked.len(), &linked[0]["to"]), (1, &json!("unknown@example.com")));
    let notices = mails.iter().filter(|mail| mail["to"] == "verified@example.com");
    assert_eq!(notices.count(), 3);
}
