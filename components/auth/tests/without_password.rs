//! People who have no password, since a provider vouches for them: what others prove with it they prove by having signed in lately.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod identity_provider;
mod support;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use identity_provider::IdentityProvider;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, log_in, number, send, sign_up, totp_code};
use testing::{Answer, Client, NOW};

/// An ID token with these claims in place of the usual ones.
fn token(provider: &IdentityProvider, claims: &Value) -> String {
    provider.with(|script| {
        let usual = std::mem::replace(&mut script.claims, claims.clone());
        let token = script.id_token(None);
        script.claims = usual;
        token
    })
}

/// What asks for the password of those who have one, without it.
fn requests(provider: &IdentityProvider) -> [(Method, &'static str, Value); 5] {
    let other = token(provider, &json!({"sub": "another"}));
    [
        (Method::POST, "/api/me/identities", json!({"provider": "acme", "token": other})),
        (Method::POST, "/api/auth/totp", json!({})),
        (Method::DELETE, "/api/auth/totp", json!({})),
        (Method::POST, "/api/auth/password", json!({"new_password": PASSWORD})),
        (Method::DELETE, "/api/me", json!({})),
    ]
}

/// Signs in at the provider; the answer, and a client with its token.
async fn sign_in(setup: &Setup, provider: &IdentityProvider) -> (Client, Value) {
    let now_s = setup.hand.now().as_seconds();
    let token = token(provider, &json!({"iat": now_s, "exp": now_s + 600}));
    let body = json!({"provider": "acme", "token": token});
    let answer = setup.client.post("/api/auth/exchange", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    (setup.client.with_token(answer.body["access_token"].as_str().unwrap()), answer.body)
}

/// Eleven minutes later, with a token of then.
async fn later(setup: &Setup, body: &Value) -> Client {
    setup.hand.advance(Duration::from_mins(11));
    let refresh = json!({"refresh_token": body["refresh_token"]});
    let answer = setup.client.post("/api/auth/refresh", &refresh).await;
    setup.client.with_token(answer.body["access_token"].as_str().unwrap())
}

fn seen(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn a_session_that_is_not_fresh_is_not_enough_and_neither_is_any_password() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (_, body) = sign_in(&setup, &provider).await;
    let person = later(&setup, &body).await;
    for (method, path, body) in requests(&provider) {
        let answer = send(&setup.client, method.clone(), path, &body).await;
        assert_eq!(seen(&answer), (401, "unauthorized"), "{method} {path}");
        let answer = send(&person, method.clone(), path, &body).await;
        assert_eq!(seen(&answer), (403, "reauthentication_required"), "{method} {path}");
        let mut body = body.clone();
        let member = if path.ends_with("/password") { "current_password" } else { "password" };
        body[member] = json!(PASSWORD);
        let answer = send(&person, method.clone(), path, &body).await;
        assert_eq!(seen(&answer), (403, "reauthentication_failed"), "{method} {path}");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM external_identity").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM totp").await, 0);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 1);
}

#[tokio::test]
async fn whoever_has_a_password_cannot_leave_it_out_however_fresh_the_session() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    for (method, path, body) in requests(&provider) {
        let answer = send(&ada, method.clone(), path, &body).await;
        assert_eq!(seen(&answer), (400, "invalid_request"), "{method} {path}");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM totp").await, 0);
}

#[tokio::test]
async fn a_fresh_sign_in_links_another_identity_sets_a_factor_and_a_password_and_deletes() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (person, _) = sign_in(&setup, &provider).await;
    let [link, enrol, _, password, _] = requests(&provider);
    let linked = send(&person, link.0, link.1, &link.2).await;
    assert_eq!(linked.status, StatusCode::CREATED, "{}", linked.body);
    let enrolment = send(&person, enrol.0, enrol.1, &enrol.2).await;
    assert_eq!(enrolment.status, StatusCode::OK, "{}", enrolment.body);
    let code = json!({"code": totp_code(&enrolment.body, NOW)});
    let confirmed = person.post("/api/auth/totp/confirm", &code).await;
    assert_eq!(confirmed.status, StatusCode::NO_CONTENT);
    let removed = send(&person, Method::DELETE, "/api/auth/totp", &json!({})).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);

    let email = person.get("/api/me").await.body["email"].as_str().unwrap().to_owned();
    let set = send(&person, password.0, password.1, &password.2).await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.body);
    assert_eq!(log_in(&setup, &email, PASSWORD).await.status, StatusCode::OK);
    // From now on there is a password to show.
    let answer = send(&person, Method::DELETE, "/api/me", &json!({})).await;
    assert_eq!(seen(&answer), (400, "invalid_request"));
    let gone = send(&person, Method::DELETE, "/api/me", &json!({"password": PASSWORD})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 0);
}

#[tokio::test]
async fn a_fresh_sign_in_deletes_the_person_and_a_later_one_makes_another() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (_, body) = sign_in(&setup, &provider).await;
    let person = later(&setup, &body).await;
    let answer = send(&person, Method::DELETE, "/api/me", &json!({})).await;
    assert_eq!(seen(&answer), (403, "reauthentication_required"));
    let (person, again) = sign_in(&setup, &provider).await;
    assert_eq!(again["user"]["id"], body["user"]["id"]);
    let gone = send(&person, Method::DELETE, "/api/me", &json!({})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    assert_eq!(person.get("/api/me").await.status, StatusCode::UNAUTHORIZED);
    let (_, new) = sign_in(&setup, &provider).await;
    assert_ne!(new["user"]["id"], body["user"]["id"]);
}
