//! `GET /api/auth/providers`, `POST /api/auth/exchange`, `GET /api/auth/oidc/{provider}/start` and `…/callback`.
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

use axum::http::{StatusCode, header};
use database::Statement;
use identity_provider::{APP, Browser, IdentityProvider, START};
use oidc::code_challenge;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, number, setup, sign_up};
use testing::{Answer, Client};

const EXCHANGE: &str = "/api/auth/exchange";
const VERIFIER: &str = "a verifier that only the application has";

async fn exchange(client: &Client, token: &str) -> Answer {
    client.post(EXCHANGE, &json!({"provider": "acme", "token": token})).await
}

/// The actions in all logs, sorted.
async fn actions(setup: &Setup) -> Vec<String> {
    let sql = "SELECT action || ' ' || outcome AS entry FROM audit_entry ORDER BY entry";
    let rows = setup.database.query(Statement::new(sql)).await.unwrap();
    rows.iter().map(|row| row.get("entry").unwrap()).collect()
}

/// The query that sends a browser on to the application afterwards.
fn to_app() -> String {
    let address = form_urlencoded::byte_serialize(APP.as_bytes()).collect::<String>();
    format!("?return_to={address}&code_challenge={}", code_challenge(VERIFIER))
}

/// What stands behind `#` when a browser is sent on.
fn fragment(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    let location = answer.headers[header::LOCATION].to_str().unwrap();
    location.strip_prefix(APP).unwrap().strip_prefix('#').unwrap().to_owned()
}

/// Fetches what a browser has brought.
async fn fetch(client: &Client, code: &str, verifier: &str, totp: Option<&str>) -> Answer {
    let mut body = json!({"provider": "acme", "code": code, "code_verifier": verifier});
    if let Some(totp) = totp {
        body["totp"] = json!(totp);
    }
    client.post(EXCHANGE, &body).await
}

#[tokio::test]
async fn what_no_provider_is_configured_for_is_not_there() {
    let setup = setup().await;
    let providers = setup.client.get("/api/auth/providers").await;
    assert_eq!(providers.body, json!({"data": [], "next_cursor": null}));
    for path in
        [START, "/api/auth/oidc/acme/callback?state=x&code=y", "/api/auth/oidc/%2e%2e/start"]
    {
        assert_eq!(setup.client.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let answer = exchange(&setup.client, "a.b.c").await;
    assert_eq!((answer.code(), answer.pointers()), ("validation_failed", vec!["/provider"]));
}

#[tokio::test]
async fn bodies_and_queries_are_checked() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    for body in [
        json!({}),
        json!({"token": "x"}),
        json!({"provider": null, "token": "x"}),
        json!({"provider": "acme", "token": 1}),
        json!({"provider": "acme", "token": "x", "email": "ada@example.com"}),
        json!({"provider": "acme", "token": "x", "user_id": "user_1"}),
    ] {
        assert_eq!(setup.client.post(EXCHANGE, &body).await.code(), "invalid_request", "{body}");
    }
    for body in [
        json!({"provider": "acme"}),
        json!({"provider": "acme", "code": "x"}),
        json!({"provider": "acme", "code_verifier": "x"}),
        json!({"provider": "acme", "token": "x", "code": "x", "code_verifier": "x"}),
    ] {
        assert_eq!(setup.client.post(EXCHANGE, &body).await.code(), "validation_failed", "{body}");
    }
    let challenge = code_challenge(VERIFIER);
    for (return_to, challenge) in [
        ("https://evil.example", challenge.as_str()),
        ("https://app.example.com/signed-in/", &challenge),
        ("https://app.example.com/signed-in?x", &challenge),
        ("HTTPS://app.example.com/signed-in", &challenge),
        ("https://app.example.com@evil.example/signed-in", &challenge),
        ("//app.example.com/signed-in", &challenge),
        ("/\\app.example.com/signed-in", &challenge),
        ("https://app.example.com/signed-in%0d%0aset-cookie:x", &challenge),
        ("https://app.example.com/%73igned-in", &challenge),
        ("https://app.example.com/x/../signed-in", &challenge),
        (" https://app.example.com/signed-in", &challenge),
        ("javascript:alert(1)", &challenge),
        ("", &challenge),
        (APP, ""),
        (APP, "short"),
        (APP, &"=".repeat(43)),
    ] {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("return_to", return_to)
            .append_pair("code_challenge", challenge)
            .finish();
        let answer = setup.client.get(&format!("{START}?{query}")).await;
        assert_eq!(answer.code(), "validation_failed", "{query}");
    }
    for query in ["?return_to=x&return_to=y", "?x=y"] {
        assert_eq!(setup.client.get(&format!("{START}{query}")).await.code(), "invalid_request");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM oidc_flow").await, 0);
}

#[tokio::test]
async fn attempts_are_limited_before_anybody_is_asked() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[("limit_login", "3/60s")]).await;
    for limited in [false, false, false, true] {
        let answer = exchange(&setup.client, "a.b.c").await;
        assert_eq!(answer.status == StatusCode::TOO_MANY_REQUESTS, limited);
        let answer = setup.client.get(START).await;
        assert_eq!(answer.status == StatusCode::TOO_MANY_REQUESTS, limited);
        let answer = setup.client.get("/api/auth/oidc/acme/callback?state=x&code=y").await;
        assert_eq!(answer.status == StatusCode::TOO_MANY_REQUESTS, limited);
    }
}

#[tokio::test]
async fn unknown_keys_are_asked_for_at_most_every_half_minute() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    provider.with(|script| script.header = json!({"kid": "unknown"}));
    for seconds in 0..60 {
        for _ in 0..4 {
            let answer = exchange(&setup.client, &provider.id_token()).await;
            assert_eq!(answer.code(), "external_sign_in_refused", "{seconds}");
        }
        setup.hand.advance(Duration::from_secs(1));
    }
    assert_eq!(
        (provider.count("/jwks"), provider.count("/.well-known/openid-configuration")),
        (2, 2)
    );
    // A key that is published meanwhile counts with the next question.
    setup.hand.advance(Duration::from_secs(30));
    provider.with(|script| script.header = json!({}));
    assert_eq!(exchange(&setup.client, &provider.id_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn known_keys_outlive_an_absence_of_the_provider_for_an_hour() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let late = json!({"exp": testing::NOW.as_seconds() + 7200});
    provider.with(|script| script.claims = late);
    assert_eq!(exchange(&setup.client, &provider.id_token()).await.status, StatusCode::OK);
    provider.with(|script| script.answers.insert("/jwks", None));
    setup.hand.advance(Duration::from_mins(59));
    assert_eq!(exchange(&setup.client, &provider.id_token()).await.status, StatusCode::OK);
    setup.hand.advance(Duration::from_mins(2));
    let answer = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::BAD_GATEWAY, "identity_provider_unavailable")
    );
}

#[tokio::test]
async fn the_first_time_makes_a_person_and_later_ones_find_it() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let providers = setup.client.get("/api/auth/providers").await;
    assert_eq!(
        providers.body["data"][0],
        json!({"name": "acme", "label": "Acme", "start_url": format!("http://localhost:3000{START}")})
    );
    let first = exchange(&setup.client, &provider.id_token()).await;
    insta::assert_json_snapshot!(first.redacted());
    let ada = setup.client.with_token(first.body["access_token"].as_str().unwrap());
    assert_eq!(ada.get("/api/me").await.body["auth_provider"], "acme");
    // The address and the name of the first time stay, whatever the provider says later.
    provider.with(|script| script.claims = json!({"email": "eve@example.com", "name": "Eve"}));
    let again = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!(again.status, StatusCode::OK);
    for pointer in ["/user/id", "/user/email", "/user/name", "/account/id"] {
        assert_eq!(again.body.pointer(pointer), first.body.pointer(pointer), "{pointer}");
    }
    provider.with(|script| script.claims = json!({"sub": "bob", "email_verified": false}));
    let bob = exchange(&setup.client, &provider.id_token()).await;
    assert_ne!(bob.body["user"]["id"], first.body["user"]["id"]);
    let id = bob.body["user"]["id"].as_str().unwrap();
    assert_eq!(bob.body["user"]["email"], format!("{id}@external.invalid"));
    assert_eq!(bob.body["user"]["email_verified"], false);
    assert_eq!(
        actions(&setup).await,
        ["auth.login success", "auth.signup success", "auth.signup success"]
    );
    let refreshed = json!({"refresh_token": first.body["refresh_token"]});
    let refreshed = setup.client.post("/api/auth/refresh", &refreshed).await;
    assert_eq!(refreshed.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_never_leads_to_somebody_who_is_here() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (_, ada) = sign_up(&setup, "ada@example.com").await;
    let answer = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "email_taken"));
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    // An address that the provider has not verified says nothing, and so is no reason to refuse.
    provider.with(|script| script.claims = json!({"email_verified": false}));
    let other = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_ne!(other.body["user"]["id"], ada.body["user"]["id"]);
}

#[tokio::test]
async fn one_subject_at_two_issuers_is_two_people() {
    let (one, two) = (IdentityProvider::start().await, IdentityProvider::start().await);
    let setup = one.setup(&[]).await;
    for provider in [&one, &two] {
        provider.with(|script| script.claims = json!({"email": null}));
    }
    let ada = exchange(&setup.client, &one.id_token()).await;
    // Another instance on the same database, whose provider is another issuer.
    let (client, _) = two.client(&setup.database, &[]);
    let other = exchange(&client, &two.id_token()).await;
    assert_eq!((ada.status, other.status), (StatusCode::OK, StatusCode::OK));
    assert_ne!(ada.body["user"]["id"], other.body["user"]["id"]);
}

#[tokio::test]
async fn where_addresses_must_be_proven_the_provider_must_have_done_it() {
    let provider = IdentityProvider::start().await;
    let variables = [("require_email_verification", "true")];
    let setup = provider.setup(&variables).await;
    provider.with(|script| script.claims = json!({"email_verified": null}));
    let answer = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "email_unverified"));
    provider.with(|script| script.claims = json!({}));
    assert_eq!(exchange(&setup.client, &provider.id_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn somebody_who_is_shut_out_stays_out() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    assert_eq!(exchange(&setup.client, &provider.id_token()).await.status, StatusCode::OK);
    setup.database.query(Statement::new("UPDATE user SET is_active = 0")).await.unwrap();
    let token = exchange(&setup.client, &provider.id_token()).await;
    let browser = Browser::depart(&setup.client, "").await;
    let browser = browser.sign_in(&setup.client, &provider).await;
    for answer in [token, browser] {
        assert_eq!(answer.code(), "external_sign_in_refused");
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    assert_eq!(actions(&setup).await[..2], ["auth.login denied", "auth.login denied"]);
}

#[tokio::test]
async fn a_browser_without_an_application_gets_the_tokens() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let start = setup.client.get(START).await;
    let cookie = start.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(pair.len(), "selvage_oidc=".len() + 43);
    assert_eq!(attributes, " Path=/; Max-Age=600; HttpOnly; SameSite=Lax");
    let browser = Browser::depart(&setup.client, "").await;
    assert_eq!(browser.sent["scope"], "openid email profile");
    assert_eq!(browser.sent["code_challenge_method"], "S256");
    let answer = browser.sign_in(&setup.client, &provider).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["user"]["email"], "ada@example.com");
    let forgotten = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(forgotten.starts_with("selvage_oidc=; Path=/; Max-Age=0;"), "{forgotten}");
    let again = browser.sign_in(&setup.client, &provider).await;
    assert_eq!(again.code(), "external_sign_in_refused", "a state counts once");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
}

#[tokio::test]
async fn a_code_counts_once_for_the_application_that_has_the_verifier() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let land = async || {
        let browser = Browser::depart(&setup.client, &to_app()).await;
        let answer = browser.sign_in(&setup.client, &provider).await;
        fragment(&answer).strip_prefix("code=").unwrap().to_owned()
    };
    let code = land().await;
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 0);
    let wrong = fetch(&setup.client, &code, "another verifier", None).await;
    assert_eq!(wrong.code(), "external_sign_in_refused");
    let burnt = fetch(&setup.client, &code, VERIFIER, None).await;
    assert_eq!(burnt.code(), "external_sign_in_refused", "somebody else had it");
    let code = land().await;
    setup.hand.advance(Duration::from_mins(5));
    let late = fetch(&setup.client, &code, VERIFIER, None).await;
    assert_eq!(late.code(), "external_sign_in_refused");
    let now_s = testing::NOW.as_seconds() + 300;
    provider.with(|script| script.claims = json!({"iat": now_s}));
    let code = land().await;
    let good = fetch(&setup.client, &code, VERIFIER, None).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
    let again = fetch(&setup.client, &code, VERIFIER, None).await;
    assert_eq!(again.code(), "external_sign_in_refused");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_16_uses_of_one_code_at_once_one_signs_in() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let browser = Browser::depart(&setup.client, &to_app()).await;
    let answer = browser.sign_in(&setup.client, &provider).await;
    let code = fragment(&answer).strip_prefix("code=").unwrap().to_owned();
    let uses: Vec<_> = (0..16)
        .map(|_| {
            let (client, code) = (setup.client.clone(), code.clone());
            tokio::spawn(async move { fetch(&client, &code, VERIFIER, None).await.status })
        })
        .collect();
    let mut signed_in = 0;
    for one in uses {
        signed_in += usize::from(one.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(signed_in, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM user").await, 1);
}

#[tokio::test]
async fn an_application_is_told_what_went_wrong() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let browser = Browser::depart(&setup.client, &to_app()).await;
    let (state, issuer) = (&browser.sent["state"], provider.with(|script| script.origin.clone()));
    let query = [("error", "access_denied"), ("state", state), ("iss", &issuer)];
    let answer = browser.arrive(&setup.client, &query).await;
    assert_eq!(fragment(&answer), "error=external_sign_in_refused");
    let browser = Browser::depart(&setup.client, &to_app()).await;
    provider.with(|script| script.answers.insert("/token", None));
    let answer = browser.sign_in(&setup.client, &provider).await;
    assert_eq!(fragment(&answer), "error=identity_provider_unavailable");
}

#[tokio::test]
async fn a_provider_s_word_does_not_replace_the_second_factor() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let link = json!({"provider": "acme", "token": provider.id_token(), "password": PASSWORD});
    assert_eq!(ada.post("/api/me/identities", &link).await.status, StatusCode::CREATED);
    let enrolment = ada.post("/api/auth/totp", &json!({"password": PASSWORD})).await.body;
    let code = |at| support::totp_code(&enrolment, at);
    let confirmed = ada.post("/api/auth/totp/confirm", &json!({"code": code(testing::NOW)})).await;
    assert_eq!(confirmed.status, StatusCode::NO_CONTENT);
    setup.hand.advance(Duration::from_mins(1));
    let now = testing::NOW.plus(Duration::from_mins(1));
    let missing = exchange(&setup.client, &provider.id_token()).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::UNAUTHORIZED, "totp_required"));
    let tokens = Browser::depart(&setup.client, "").await;
    let tokens = tokens.sign_in(&setup.client, &provider).await;
    assert_eq!(tokens.code(), "totp_required");
    let browser = Browser::depart(&setup.client, &to_app()).await;
    let answer = browser.sign_in(&setup.client, &provider).await;
    let fetched = fragment(&answer).strip_prefix("code=").unwrap().to_owned();
    let missing = fetch(&setup.client, &fetched, VERIFIER, None).await;
    assert_eq!(missing.code(), "totp_required");
    let wrong = fetch(&setup.client, &fetched, VERIFIER, Some("000000")).await;
    assert_eq!(wrong.code(), "external_sign_in_refused");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM session").await, 1);
    let right = fetch(&setup.client, &fetched, VERIFIER, Some(&code(now))).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.body);
    let body = json!({"provider": "acme", "token": provider.id_token(), "totp": code(now)});
    let replayed = setup.client.post(EXCHANGE, &body).await;
    assert_eq!(replayed.code(), "external_sign_in_refused", "a code counts once");
    assert_eq!(replayed.body["user"], Value::Null);
}
