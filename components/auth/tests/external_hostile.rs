//! A hostile identity provider: whatever it does, there is no session and no person afterwards.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod identity_provider;
mod support;

use std::net::TcpListener;

use axum::http::StatusCode;
use identity_provider::faults::{AWAY, DOCUMENTS, EXCHANGES, Fault, REFUSED, TOKENS};
use identity_provider::{Browser, IdentityProvider, Script};
use serde_json::{Value, json};
use support::{Setup, number};
use testing::{Answer, NOW};

fn now_s() -> u64 {
    NOW.as_seconds()
}

async fn assert_nobody(setup: &Setup, name: &str) {
    for sql in [
        "SELECT count(*) AS n FROM user",
        "SELECT count(*) AS n FROM session",
        "SELECT count(*) AS n FROM external_identity",
        "SELECT count(*) AS n FROM oidc_ticket",
    ] {
        assert_eq!(number(&setup.database, sql).await, 0, "{name}: {sql}");
    }
}

fn assert_refused(answer: &Answer, code: &str, name: &str) {
    let status = if code == AWAY { 502 } else { 401 };
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{name}");
    let text = answer.body.to_string();
    for word in ["127.0.0.1", "10.0.0.1", "hunter2", "signature", "audience"] {
        assert!(!text.contains(word), "{name}: {text}");
    }
}

/// The fault occurs while a browser is at the provider.
async fn in_the_browser(provider: &IdentityProvider, setup: &Setup, (name, fault, code): &Fault) {
    let browser = Browser::depart(&setup.client, "").await;
    provider.with(fault);
    let answer = browser.sign_in(&setup.client, provider).await;
    provider.with(Script::repent);
    assert_refused(&answer, code, name);
    assert_nobody(setup, name).await;
    // And it was the fault, not the way there.
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM oidc_flow").await, 0, "{name}");
}

/// A client brings the token itself.
async fn in_an_exchange(provider: &IdentityProvider, setup: &Setup, (name, fault, code): &Fault) {
    provider.with(fault);
    let body = json!({"provider": "acme", "token": provider.id_token()});
    let answer = setup.client.post("/api/auth/exchange", &body).await;
    provider.with(Script::repent);
    assert_refused(&answer, code, name);
    assert_nobody(setup, name).await;
}

#[tokio::test]
async fn nothing_that_a_hostile_provider_does_signs_anybody_in() {
    let mut count = 0;
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    for fault in TOKENS.iter().chain(EXCHANGES) {
        in_the_browser(&provider, &setup, fault).await;
        count += 1;
    }
    for fault in TOKENS {
        in_an_exchange(&provider, &setup, fault).await;
        count += 1;
    }
    // What was published before would count, so each of these meets a deployment that knows nothing yet.
    for fault in DOCUMENTS {
        let setup = provider.setup(&[]).await;
        in_an_exchange(&provider, &setup, fault).await;
        count += 1;
    }
    let distinct = TOKENS.len() + EXCHANGES.len() + DOCUMENTS.len();
    println!("hostile provider: {distinct} faults, {count} sign-ins, 0 sessions, 0 people");
    assert!(25 <= distinct);
    let browser = Browser::depart(&setup.client, "").await;
    let honest = browser.sign_in(&setup.client, &provider).await;
    assert_eq!(honest.status, StatusCode::OK, "it was the faults: {}", honest.body);
}

/// What a provider says of an opaque token, and the code of the answer.
#[tokio::test]
async fn opaque_tokens_count_only_if_the_provider_says_so_of_us() {
    let good = json!({"active": true, "sub": "ada", "client_id": "us", "exp": now_s() + 60});
    let with = |name: &str, value: Value| {
        let mut answer = good.clone();
        answer[name] = value;
        answer
    };
    for (introspection, code) in [
        (json!({"active": false}), REFUSED),
        (with("active", json!(false)), REFUSED),
        (with("active", json!("true")), REFUSED),
        (with("client_id", json!("them")), REFUSED),
        (with("client_id", Value::Null), REFUSED),
        (with("iss", json!("https://evil.example")), REFUSED),
        (with("exp", json!(now_s())), REFUSED),
        (with("nbf", json!(now_s() + 31)), REFUSED),
        (with("sub", Value::Null), REFUSED),
        (with("sub", json!("")), REFUSED),
        (json!([]), REFUSED),
    ] {
        let provider = IdentityProvider::start().await;
        let setup = provider.setup(&[]).await;
        let name = introspection.to_string();
        provider.with(|script| script.introspection = introspection);
        let body = json!({"provider": "acme", "token": "opaque"});
        let answer = setup.client.post("/api/auth/exchange", &body).await;
        assert_refused(&answer, code, &name);
        assert_nobody(&setup, &name).await;
    }
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    for token in ["", "a", "a.b", &"a".repeat(20_000)] {
        let body = json!({"provider": "other", "token": token});
        let answer = setup.client.post("/api/auth/exchange", &body).await;
        assert_refused(&answer, REFUSED, "no introspection is configured");
    }
    assert_eq!(provider.count("/introspect"), 0);
    provider.with(|script| script.introspection = good);
    let body = json!({"provider": "acme", "token": "opaque"});
    assert_eq!(setup.client.post("/api/auth/exchange", &body).await.status, StatusCode::OK);
}

/// Each way back that is not that of the browser that left. The one that is comes last, to show that it was that.
#[tokio::test]
async fn only_the_browser_that_left_comes_back() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let issuer = provider.with(|script| script.origin.clone());
    let depart = async || {
        let browser = Browser::depart(&setup.client, "").await;
        let code = provider.with(|script| script.code(&browser));
        let state = browser.sent["state"].clone();
        (browser, code, state)
    };
    let (victim, _, _) = depart().await;
    for (name, cookie) in [
        ("no cookie", None),
        ("another browser's cookie", victim.cookie.clone()),
        ("an empty cookie", Some("selvage_oidc=".to_owned())),
        ("the cookie of TLS", Some("__Host-selvage_oidc=x".to_owned())),
    ] {
        let (browser, code, state) = depart().await;
        let stranger = Browser { cookie, ..browser.clone() };
        let query = [("code", code.as_str()), ("state", &state), ("iss", &issuer)];
        assert_refused(&stranger.arrive(&setup.client, &query).await, REFUSED, name);
        let late = browser.arrive(&setup.client, &query).await;
        assert_refused(&late, REFUSED, "a state counts once, whatever came of it");
    }
    for (name, parameters) in [
        ("another issuer", vec![("iss", "https://evil.example")]),
        ("no issuer although the provider names it", vec![]),
    ] {
        let (browser, code, state) = depart().await;
        let mut query = vec![("code", code.as_str()), ("state", state.as_str())];
        query.extend(parameters);
        let answer = browser.arrive(&setup.client, &query).await;
        assert_refused(&answer, REFUSED, name);
    }
    let (browser, _, state) = depart().await;
    let query = [("error", "access_denied"), ("state", &state), ("iss", &issuer)];
    assert_refused(&browser.arrive(&setup.client, &query).await, REFUSED, "the person declined");
    let (browser, _, state) = depart().await;
    let query = [("code", "stolen"), ("state", state.as_str()), ("iss", &issuer)];
    assert_refused(&browser.arrive(&setup.client, &query).await, REFUSED, "an unknown code");
    // The code of one sign-in in another: the verifier does not fit.
    let (mine, _, state) = depart().await;
    let (_, theirs, _) = depart().await;
    let query = [("code", theirs.as_str()), ("state", &state), ("iss", &issuer)];
    assert_refused(&mine.arrive(&setup.client, &query).await, REFUSED, "an injected code");
    let (slow, code, state) = depart().await;
    setup.hand.advance(std::time::Duration::from_mins(10));
    let query = [("code", code.as_str()), ("state", &state), ("iss", &issuer)];
    assert_refused(&slow.arrive(&setup.client, &query).await, REFUSED, "after ten minutes");
    assert_nobody(&setup, "strange browsers").await;
    let browser = Browser::depart(&setup.client, "").await;
    provider.with(|script| {
        let now_s = now_s() + 600;
        script.claims = json!({"iat": now_s, "exp": now_s + 60});
    });
    let answer = browser.sign_in(&setup.client, &provider).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// What can be read in two ways is not read.
#[tokio::test]
async fn ambiguous_ways_back_lead_nowhere() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let issuer = provider.with(|script| script.origin.clone());
    let browser = Browser::depart(&setup.client, "").await;
    let (code, state) =
        (provider.with(|script| script.code(&browser)), browser.sent["state"].clone());
    for (name, query, code) in [
        ("an unknown state", format!("code={code}&state=x&iss={issuer}"), REFUSED),
        ("an empty state", format!("code={code}&state=&iss={issuer}"), REFUSED),
        ("no state", format!("code={code}&iss={issuer}"), "invalid_request"),
        (
            "two issuers",
            format!("code={code}&state={state}&iss={issuer}&iss={issuer}"),
            "invalid_request",
        ),
        ("two states", format!("code={code}&state={state}&state={state}"), "invalid_request"),
        ("two codes", format!("code={code}&code={code}&state={state}"), "invalid_request"),
    ] {
        let answer = browser.arrive_with(&setup.client, &query).await;
        assert_eq!(answer.code(), code, "{name}");
    }
    assert_nobody(&setup, "ambiguous answers").await;
}

/// A server that takes connections and never says a word.
#[tokio::test]
async fn a_provider_that_does_not_answer_costs_seconds_and_nothing_else() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    for origin in [silent, format!("http://{closed}")] {
        let provider = IdentityProvider::start().await;
        provider.with(|script| script.origin = origin.clone());
        let setup = provider.setup(&[]).await;
        let begun = std::time::Instant::now();
        let answer = setup.client.get("/api/auth/oidc/acme/start").await;
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        assert_refused(&answer, AWAY, &origin);
        let token = provider.id_token();
        let body = json!({"provider": "acme", "token": token});
        let answer = setup.client.post("/api/auth/exchange", &body).await;
        assert_refused(&answer, AWAY, "nobody asks again at once");
        assert_nobody(&setup, &origin).await;
        // Whoever signs in here is not concerned.
        let (ada, _) = support::sign_up(&setup, "ada@example.com").await;
        assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
        let login = support::log_in(&setup, "ada@example.com", support::PASSWORD).await;
        assert_eq!(login.status, StatusCode::OK);
    }
}
