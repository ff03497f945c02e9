//! How often people may try, and what the audit log says of it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use audit::{Log, PLATFORM, PageQuery, Recorded};
use axum::http::{Method, StatusCode, header};
use database::{Database, Statement};
use serde_json::{Value, json};
use support::{PASSWORD, client_with, number, signup, visible};
use testing::{Answer, Client, MASTER_KEY};

const LOGIN: &str = "/api/auth/login";

/// A request as the host passes it on, from a client with this address.
async fn post_from(client: &Client, address: &str, path: &str, body: &Value) -> Answer {
    let request = client
        .request(Method::POST, path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("spin-client-addr", "6.6.6.6:1")
        .header("spin-client-addr", format!("{address}:5000"))
        .header("x-forwarded-for", "6.6.6.6")
        .body(body.to_string().into())
        .unwrap();
    client.send(request).await
}

async fn log_in(client: &Client, address: &str, login: &str, password: &str) -> Answer {
    post_from(client, address, LOGIN, &json!({"login": login, "password": password})).await
}

async fn entries(database: &Database, log: Log) -> Vec<Recorded> {
    audit::list(database, log, PageQuery { limit: 100, ..PageQuery::default() }).await.unwrap()
}

fn facts(entry: &Recorded) -> (&str, &str, Option<&str>) {
    (&entry.action, &entry.outcome, entry.ip.as_deref())
}

#[tokio::test]
async fn sign_ups_from_one_address_are_limited_and_others_are_not() {
    let database = testing::database().await;
    let variables = [("master_key", MASTER_KEY), ("public_url", "https://chat.example")];
    let (client, hand) = client_with(&database, &variables);
    let sign_up = async |address: &str, n: usize| {
        let body = signup(&format!("user{n}@example.com"));
        post_from(&client, address, "/api/auth/signup", &body).await
    };
    for n in 0..5 {
        assert_eq!(sign_up("192.0.2.1", n).await.status, StatusCode::CREATED);
    }
    let refused = sign_up("192.0.2.1", 6).await;
    insta::assert_json_snapshot!(refused.redacted(), @r#"
    {
      "body": {
        "code": "rate_limited",
        "detail": "This was tried too often. Try again after the seconds in Retry-After.",
        "request_id": "[request]",
        "status": 429,
        "title": "Too many requests",
        "type": "urn:selvage:problem:rate_limited"
      },
      "status": 429
    }
    "#);
    assert_eq!(refused.headers["retry-after"], "720");
    assert_eq!(sign_up("192.0.2.2", 7).await.status, StatusCode::CREATED);
    // One household has all addresses of an IPv6 network.
    for n in 10..15 {
        assert_eq!(sign_up(&format!("[2001:db8::{n}]"), n).await.status, StatusCode::CREATED);
    }
    assert_eq!(sign_up("[2001:db8::ffff]", 15).await.status, StatusCode::TOO_MANY_REQUESTS);
    hand.advance(Duration::from_mins(12));
    assert_eq!(sign_up("192.0.2.1", 6).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn wrong_passwords_are_limited_for_known_and_unknown_people_alike() {
    let database = testing::database().await;
    let (client, _) = client_with(&database, &[("master_key", MASTER_KEY)]);
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "username": "Ada"});
    let answer = post_from(&client, "192.0.2.1", "/api/auth/signup", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    // Each spelling counts for the same person.
    let known = ["ada@example.com", " ADA@example.com", "ada", "Ada", "aDa@Example.com", "ada"];
    let unknown = [
        "bob@example.com",
        " BOB@example.com",
        "bob@example.com",
        "BOB@EXAMPLE.COM",
        "bob@example.com ",
        "bob@example.com",
    ];
    for (n, (known, unknown)) in known.into_iter().zip(unknown).enumerate() {
        let one = log_in(&client, "192.0.2.1", known, "wrong").await;
        let two = log_in(&client, "192.0.2.2", unknown, "wrong").await;
        assert_eq!(visible(&one), visible(&two));
        let expected = if n < 5 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(one.status, expected, "{n}");
    }
    // The right password is not even looked at, until it is from another address.
    let right = log_in(&client, "192.0.2.1", "ada", PASSWORD).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(log_in(&client, "192.0.2.3", "ada", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_success_takes_back_what_failures_counted_and_the_address_counts_on() {
    let database = testing::database().await;
    let (client, hand) = client_with(&database, &[("master_key", MASTER_KEY)]);
    post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    for _ in 0..2 {
        for _ in 0..4 {
            let answer = log_in(&client, "192.0.2.1", "ada@example.com", "wrong").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
        let answer = log_in(&client, "192.0.2.1", "ada@example.com", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let answer = log_in(&client, "192.0.2.1", "ada@example.com", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "6");
    hand.advance(Duration::from_secs(6));
    let answer = log_in(&client, "192.0.2.1", "ada@example.com", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn sign_ups_and_sign_ins_are_in_the_log_and_no_secret_is() {
    let database = testing::database().await;
    let (client, _) = client_with(&database, &[("master_key", MASTER_KEY)]);
    let answer =
        post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    let account_id = answer.body["account"]["id"].as_str().unwrap().parse().unwrap();
    log_in(&client, "192.0.2.2", "ada@example.com", "wrong canary").await;
    log_in(&client, "192.0.2.3", "ada@example.com", PASSWORD).await;
    log_in(&client, "192.0.2.4", "canary@example.com", "wrong canary").await;
    database.query(Statement::new("UPDATE user SET is_active = 0")).await.unwrap();
    log_in(&client, "192.0.2.5", "ada@example.com", PASSWORD).await;
    let own = entries(&database, Log::Account(account_id)).await;
    assert_eq!(
        own.iter().map(facts).collect::<Vec<_>>(),
        [
            ("auth.login", "denied", Some("192.0.2.5")),
            ("auth.login", "success", Some("192.0.2.3")),
            ("auth.login", "failure", Some("192.0.2.2")),
            ("auth.signup", "success", Some("192.0.2.1")),
        ]
    );
    let platform = entries(&database, Log::Platform).await;
    assert_eq!(
        platform.iter().map(facts).collect::<Vec<_>>(),
        [("auth.login", "failure", Some("192.0.2.4"))]
    );
    for name in [PLATFORM, &format!("{}", Log::Account(account_id))] {
        audit::verify(&database, name).await.unwrap();
    }
    let text = serde_json::to_string(&(own, platform)).unwrap();
    for secret in ["canary", PASSWORD, "ada@example.com"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn a_sign_up_that_fails_leaves_no_entry() {
    let database = testing::database().await;
    let (client, _) = client_with(&database, &[("master_key", MASTER_KEY)]);
    for _ in 0..2 {
        post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    }
    assert_eq!(number(&database, "SELECT count(*) AS n FROM audit_entry").await, 1);
}

/// Headers with which clients elsewhere have passed for somebody else (SECURITY R16): none moves a request into another bucket.
fn spoofs() -> Vec<(&'static str, String)> {
    let names = [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-originating-ip",
        "x-remote-ip",
        "x-remote-addr",
        "fastly-client-ip",
        "x-azure-clientip",
    ];
    let values = ["203.0.113.9", "127.0.0.1", "::1", "203.0.113.9, 192.0.2.1"];
    let mut all: Vec<_> = names
        .iter()
        .flat_map(|name| values.iter().map(move |value| (*name, (*value).to_owned())))
        .collect();
    all.extend([
        ("forwarded", "for=203.0.113.9;proto=https;by=127.0.0.1".to_owned()),
        ("forwarded", "for=\"[2001:db8::1]:4711\"".to_owned()),
        ("spin-client-addr", "203.0.113.9:1".to_owned()),
        ("spin-client-addr", "203.0.113.9:1, 192.0.2.1:5000".to_owned()),
        ("via", "1.1 203.0.113.9".to_owned()),
        ("host", "203.0.113.9".to_owned()),
    ]);
    all
}

#[tokio::test]
async fn no_header_of_a_client_moves_it_to_another_bucket() {
    let database = testing::database().await;
    let variables = [("master_key", MASTER_KEY), ("public_url", "https://chat.example")];
    let (client, _) = client_with(&database, &variables);
    for n in 0..5 {
        let body = signup(&format!("user{n}@example.com"));
        let answer = post_from(&client, "192.0.2.1", "/api/auth/signup", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let spoofs = spoofs();
    assert!(40 <= spoofs.len(), "{}", spoofs.len());
    let body = signup("eve@example.com").to_string();
    for (name, value) in spoofs {
        let request = client
            .request(Method::POST, "/api/auth/signup")
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, &value)
            .header("spin-client-addr", "192.0.2.1:5000");
        let answer = client.send(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{name}: {value}");
    }
    let body = signup("eve@example.com");
    let elsewhere = post_from(&client, "203.0.113.9", "/api/auth/signup", &body).await;
    assert_eq!(elsewhere.status, StatusCode::CREATED);
}

#[tokio::test]
async fn failures_in_a_row_delay_the_next_attempt_longer_each_time_until_a_success() {
    let database = testing::database().await;
    let variables =
        [("master_key", MASTER_KEY), ("limit_login", "900/1s"), ("limit_refresh", "off")];
    let (client, hand) = client_with(&database, &variables);
    post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    let attempt = async |address: &str, password: &str| {
        log_in(&client, address, "ada@example.com", password).await
    };
    for _ in 0..5 {
        assert_eq!(attempt("192.0.2.1", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    for delay in [1, 2, 4, 8] {
        let refused = attempt("192.0.2.1", PASSWORD).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers["retry-after"], delay.to_string());
        hand.advance(Duration::from_secs(delay));
        assert_eq!(attempt("192.0.2.1", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    // Nobody keeps somebody else out: from elsewhere the right password counts at once.
    assert_eq!(attempt("192.0.2.9", PASSWORD).await.status, StatusCode::OK);
    hand.advance(Duration::from_secs(16));
    assert_eq!(attempt("192.0.2.1", PASSWORD).await.status, StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(attempt("192.0.2.1", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
}

/// However many addresses somebody tries from, after a hundred failures attempts pass one at a time, and the person gets in again (R13).
#[tokio::test]
async fn after_a_hundred_failures_from_everywhere_attempts_wait_and_nobody_is_locked_out() {
    let database = testing::database().await;
    let (client, hand) =
        client_with(&database, &[("master_key", MASTER_KEY), ("limit_signup", "off")]);
    post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    let attempt = async |n: usize, password: &str| {
        log_in(&client, &format!("198.51.{}.{}", n / 200, n % 200), "ada@example.com", password)
            .await
    };
    // A damaged hash costs nothing to compare, and what counts here is the counting.
    let cheap = bcrypt::hash_with_salt("x", 4, [7; 16]).unwrap().to_string();
    let set = Statement::new("UPDATE user SET password_hash = ?1").bind(cheap);
    database.query(set).await.unwrap();
    let mut evaluated = 0;
    for n in 0..110 {
        evaluated += usize::from(attempt(n, "wrong").await.status == StatusCode::UNAUTHORIZED);
    }
    // The clock has moved on by what logins take while there are hashes from elsewhere, and with it the bucket.
    assert!((100..=104).contains(&evaluated), "{evaluated}");
    let refused = attempt(500, "x").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait <= 900, "{wait}");
    hand.advance(Duration::from_secs(wait));
    assert_eq!(attempt(501, "x").await.status, StatusCode::OK);
    assert_eq!(attempt(502, "wrong").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn hashing_is_limited_for_everybody_together_after_everyones_own_limit() {
    let database = testing::database().await;
    let variables = [("limit_hashing", "5/60s"), ("limit_login", "2/60s"), ("limit_signup", "off")];
    let (client, hand) =
        client_with(&database, &[&[("master_key", MASTER_KEY)], &variables[..]].concat());
    let ada = post_from(&client, "192.0.2.1", "/api/auth/signup", &signup("ada@example.com")).await;
    assert_eq!(ada.status, StatusCode::CREATED);
    // One address alone cannot use up what is there for all: two of these are compared, and eight are refused before.
    for n in 0..10 {
        let answer = log_in(&client, "192.0.2.2", &format!("user{n}@example.com"), "wrong").await;
        let expected = if n < 2 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(answer.status, expected, "{n}");
    }
    // Many addresses can, and then nothing is hashed for anybody, known or not.
    for n in 0..2 {
        let address = format!("198.51.100.{n}");
        let answer = log_in(&client, &address, &format!("other{n}@example.com"), "wrong").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{n}");
    }
    let mut refusals = Vec::new();
    for (address, login) in [("203.0.113.1", "ada@example.com"), ("203.0.113.2", "eve@example.com")]
    {
        refusals.push(log_in(&client, address, login, PASSWORD).await);
    }
    let bob = signup("bob@example.com");
    refusals.push(post_from(&client, "203.0.113.3", "/api/auth/signup", &bob).await);
    let ada = client.with_token(ada.body["access_token"].as_str().unwrap());
    let body =
        json!({"current_password": PASSWORD, "new_password": "a quite different passphrase"});
    refusals.push(ada.post("/api/auth/password", &body).await);
    for refused in refusals {
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::TOO_MANY_REQUESTS, "rate_limited")
        );
        assert_eq!(refused.headers["retry-after"], "12");
    }
    // Everything else goes on, and so does this after a while.
    assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
    hand.advance(Duration::from_secs(12));
    assert_eq!(
        log_in(&client, "203.0.113.4", "ada@example.com", PASSWORD).await.status,
        StatusCode::OK
    );
    assert_eq!(number(&database, "SELECT count(*) AS n FROM user").await, 1);
}

#[tokio::test]
async fn whoever_has_found_a_session_open_does_not_find_out_the_password_by_trying() {
    let database = testing::database().await;
    let (client, hand) = client_with(&database, &[("master_key", MASTER_KEY)]);
    let ada = client.post("/api/auth/signup", &signup("ada@example.com")).await;
    let ada = client.with_token(ada.body["access_token"].as_str().unwrap());
    let wrong = json!({"password": "wrong"});
    let change =
        json!({"current_password": "wrong", "new_password": "a quite different passphrase"});
    let tries: [(Method, &str, &Value); 5] = [
        (Method::POST, "/api/auth/password", &change),
        (Method::POST, "/api/auth/totp", &wrong),
        (Method::DELETE, "/api/auth/totp", &wrong),
        (Method::POST, "/api/auth/reauthenticate", &wrong),
        (Method::DELETE, "/api/me", &wrong),
    ];
    for n in 0..12 {
        let (method, path, body) = tries[n % tries.len()].clone();
        let answer = support::send(&ada, method, path, body).await;
        let expected = if n < 10 { "reauthentication_failed" } else { "rate_limited" };
        assert_eq!(answer.code(), expected, "{n} {path}");
    }
    // Not for good: that would shut out whose session it is.
    hand.advance(Duration::from_mins(1));
    let again = ada.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_refused_for_everybodys_sake_counts_against_nobody() {
    let database = testing::database().await;
    let variables =
        [("master_key", MASTER_KEY), ("limit_hashing", "1/60s"), ("limit_signup", "off")];
    let (client, hand) = client_with(&database, &variables);
    let ada = client.post("/api/auth/signup", &signup("ada@example.com")).await;
    assert_eq!(ada.status, StatusCode::CREATED);
    // More often than a person may fail before delays begin to grow, and from elsewhere each time.
    for n in 0..20 {
        let answer = log_in(&client, &format!("192.0.2.{n}"), "ada@example.com", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(number(&database, "SELECT count(*) AS n FROM backoff").await, 0);
    hand.advance(Duration::from_mins(1));
    let answer = log_in(&client, "192.0.2.99", "ada@example.com", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
}
