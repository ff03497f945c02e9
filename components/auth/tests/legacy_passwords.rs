//! People who come from another system with its hashes: how they sign in, and how long that takes.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use ambient::Clock;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, log_in, number, send, setup, sign_up};
use testing::{MASTER_KEY, NOW};

const NEW: &str = "a quite different passphrase";
const ADA: &str = "ada@example.com";

/// Gives somebody the hash that bcrypt makes of this password.
async fn give_bcrypt(setup: &Setup, email: &str, password: &str) -> String {
    let hash = bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string();
    let set = Statement::new("UPDATE user SET password_hash = ?1 WHERE email = ?2")
        .bind(hash.as_str())
        .bind(email);
    setup.database.query(set).await.unwrap();
    hash
}

async fn has_hash(setup: &Setup, hash: &str) -> bool {
    let sql = "SELECT count(*) AS n FROM user WHERE password_hash = ?1";
    let rows = setup.database.query(Statement::new(sql).bind(hash)).await.unwrap();
    rows.first().unwrap().get::<i64>("n").unwrap() == 1
}

#[tokio::test]
async fn a_wrong_password_changes_nothing() {
    let setup = setup().await;
    sign_up(&setup, ADA).await;
    let hash = give_bcrypt(&setup, ADA, PASSWORD).await;
    for wrong in ["wrong", "", "Correct horse battery", "correct horse battery "] {
        assert_eq!(log_in(&setup, ADA, wrong).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    assert!(has_hash(&setup, &hash).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_login_replaces_the_hash_and_of_32_at_once_none_fails() {
    let setup = setup().await;
    sign_up(&setup, ADA).await;
    give_bcrypt(&setup, ADA, PASSWORD).await;
    let logins: Vec<_> = (0..32)
        .map(|_| {
            let client = setup.client.clone();
            let body = json!({"login": ADA, "password": PASSWORD});
            tokio::spawn(async move { client.post("/api/auth/login", &body).await.status })
        })
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), StatusCode::OK);
    }
    let upgraded = "SELECT count(*) AS n FROM user WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(number(&setup.database, upgraded).await, 1);
    assert_eq!(log_in(&setup, ADA, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_password_of_which_bcrypt_saw_the_beginning_alone_must_be_changed_first() {
    let setup = setup().await;
    sign_up(&setup, ADA).await;
    let long = "x1".repeat(40);
    let hash = give_bcrypt(&setup, ADA, &long).await;
    let answer = log_in(&setup, ADA, &long).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["password_change_required"], true);
    // Another hash would bind the person to an end that nobody has checked.
    assert!(has_hash(&setup, &hash).await);
    let ada = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    for (method, path, body) in [
        (Method::GET, "/api/accounts", Value::Null),
        (Method::GET, "/api/me/sessions", Value::Null),
        (Method::PATCH, "/api/me", json!({"name": "Ada"})),
        (Method::POST, "/api/tokens", json!({"name": "key"})),
        (Method::POST, "/api/auth/totp", json!({"password": long})),
        (Method::DELETE, "/api/me", json!({"password": long})),
    ] {
        let answer = send(&ada, method, path, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::FORBIDDEN, "password_change_required"),
            "{path}"
        );
    }
    assert_eq!(ada.get("/api/me").await.status, StatusCode::OK);
    let body = json!({"current_password": long, "new_password": NEW});
    assert_eq!(ada.post("/api/auth/password", &body).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.get("/api/accounts").await.status, StatusCode::OK);
    let answer = log_in(&setup, ADA, NEW).await;
    assert_eq!(answer.body["password_change_required"], Value::Null);
}

#[tokio::test]
async fn refreshing_and_signing_out_go_on_while_a_password_must_be_changed() {
    let setup = setup().await;
    sign_up(&setup, ADA).await;
    let long = "x1".repeat(40);
    give_bcrypt(&setup, ADA, &long).await;
    let answer = log_in(&setup, ADA, &long).await;
    let body = json!({"refresh_token": answer.body["refresh_token"]});
    let answer = setup.client.post("/api/auth/refresh", &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let ada = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let refused = ada.get("/api/accounts").await;
    assert_eq!(refused.code(), "password_change_required", "a new token is no way out");
    let answer = ada.post("/api/auth/logout", &json!({})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

/// How long a login took by the clock, which moves only when somebody waits.
async fn pace(setup: &Setup, clock: &Clock, login: &str, password: &str) -> (StatusCode, i64) {
    let began = clock.now();
    let answer = log_in(setup, login, password).await;
    (answer.status, clock.now().0 - began.0)
}

#[tokio::test]
async fn while_there_are_foreign_hashes_every_login_takes_as_long_as_the_slowest() {
    let database = testing::database().await;
    let (clock, hand) = Clock::manual(NOW);
    let client = support::client_by(
        &database,
        clock.clone(),
        &[("master_key", MASTER_KEY), ("limit_login", "off")],
    );
    let setup = Setup { client, database, hand };
    for email in [ADA, "bob@example.com", "off@example.com"] {
        sign_up(&setup, email).await;
    }
    let disable = "UPDATE user SET is_active = 0 WHERE email = 'off@example.com'";
    setup.database.query(Statement::new(disable)).await.unwrap();
    assert_eq!(pace(&setup, &clock, ADA, PASSWORD).await, (StatusCode::OK, 0));
    give_bcrypt(&setup, ADA, PASSWORD).await;
    for (login, password, status) in [
        ("nobody@example.com", PASSWORD, StatusCode::UNAUTHORIZED),
        ("nobody", PASSWORD, StatusCode::UNAUTHORIZED),
        ("bob@example.com", "wrong", StatusCode::UNAUTHORIZED),
        ("bob@example.com", PASSWORD, StatusCode::OK),
        ("off@example.com", PASSWORD, StatusCode::UNAUTHORIZED),
        (ADA, "wrong", StatusCode::UNAUTHORIZED),
        (ADA, PASSWORD, StatusCode::OK),
    ] {
        assert_eq!(pace(&setup, &clock, login, password).await, (status, 700), "{login}");
    }
    // That was the last of them.
    assert_eq!(pace(&setup, &clock, ADA, "wrong").await, (StatusCode::UNAUTHORIZED, 0));
    // Hashes of other parameters take another time, too.
    let other = "UPDATE user SET password_hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc' WHERE email = 'ada@example.com'";
    setup.database.query(Statement::new(other)).await.unwrap();
    assert_eq!(pace(&setup, &clock, ADA, "wrong").await, (StatusCode::UNAUTHORIZED, 700));
    assert_eq!(pace(&setup, &clock, ADA, "password").await, (StatusCode::OK, 700));
}
