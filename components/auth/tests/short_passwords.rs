//! How short a password may be: alone, and beside a second factor (SECURITY R1).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, log_in, send, setup, setup_with_mail, sign_up, totp_code};
use testing::{Answer, Client, NOW};

const ADDRESS: &str = "ada@example.com";
const TOTP: &str = "/api/auth/totp";
/// Eight code points, the fewest that count beside a second factor.
const SHORT: &str = "kX9#mQ2$";
/// Text that is no usual password, as long as one likes.
fn password(chars: usize) -> String {
    "kX9#mQ2$vL7!e".chars().cycle().take(chars).collect()
}

async fn change(client: &Client, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    client.post("/api/auth/password", &body).await
}

/// Enrols and confirms a second factor.
async fn with_second_factor(client: &Client) {
    let enrolment = client.post(TOTP, &json!({"password": PASSWORD})).await.body;
    let code = json!({"code": totp_code(&enrolment, NOW)});
    let answer = client.post("/api/auth/totp/confirm", &code).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

/// What the row of the only person says of the password.
async fn marks(setup: &Setup) -> (bool, bool) {
    let sql = "SELECT password_needs_factor, must_change_password FROM user";
    let rows = setup.database.query(Statement::new(sql)).await.unwrap();
    let row = rows.first().unwrap();
    (row.get("password_needs_factor").unwrap(), row.get("must_change_password").unwrap())
}

fn detail(answer: &Answer) -> &Value {
    &answer.body["errors"][0]
}

#[tokio::test]
async fn without_a_second_factor_twelve_characters_are_the_fewest() {
    let setup = setup().await;
    for (number, (chars, status)) in [
        (7, 422),
        (8, 422),
        (11, 422),
        (12, 201),
        (14, 201),
        (15, 201),
        (64, 201),
        (256, 201),
        (257, 400),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"email": format!("{number}@example.com"), "password": password(chars)});
        let answer = setup.client.post("/api/auth/signup", &body).await;
        assert_eq!(answer.status.as_u16(), status, "{chars}: {}", answer.body);
    }
    // What counts are code points: eleven emoji are 44 bytes, and a combining accent is one more.
    for (text, status) in [
        ("🦀🐙🦑🦐🦞🐡🐠🐟🐬🐳🐋", 422),
        ("🦀🐙🦑🦐🦞🐡🐠🐟🐬🐳🐋🦈", 201),
        ("kXe\u{301}mQ2$vL7!", 201),
        ("kX\0#mQ2$vL7!", 201),
    ] {
        let body = json!({"email": format!("{}@example.com", text.len()), "password": text});
        let answer = setup.client.post("/api/auth/signup", &body).await;
        assert_eq!(answer.status.as_u16(), status, "{text:?}: {}", answer.body);
    }
    let lone = r#"{"email":"lone@example.com","password":"kX9#mQ2$vL7!\ud800"}"#;
    let answer = setup.client.post_text("/api/auth/signup", lone).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn beside_a_second_factor_eight_are_enough_and_the_factor_then_stays() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, ADDRESS).await;
    let answer = change(&ada, PASSWORD, SHORT).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "before the factor is confirmed");
    with_second_factor(&ada).await;
    let answer = change(&ada, PASSWORD, &password(7)).await;
    assert_eq!(detail(&answer)["detail"], "The password must have at least 8 characters.");
    assert_eq!(change(&ada, PASSWORD, SHORT).await.status, StatusCode::NO_CONTENT);
    assert_eq!(marks(&setup).await, (true, false));

    let removal = json!({"password": SHORT});
    let refused = send(&ada, Method::DELETE, TOTP, &removal).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "validation_failed"));
    assert_eq!(detail(&refused)["pointer"], "/password");
    assert_eq!(log_in(&setup, ADDRESS, SHORT).await.code(), "totp_required", "it is still there");

    assert_eq!(change(&ada, SHORT, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(marks(&setup).await, (false, false));
    let removed = send(&ada, Method::DELETE, TOTP, &json!({"password": PASSWORD})).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_mailed_link_gives_the_same_length_and_the_factor_is_looked_at_when_it_takes_effect() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let (ada, _) = sign_up(&setup, ADDRESS).await;
    with_second_factor(&ada).await;
    let reset = async |password: &str| {
        mailbox.take();
        setup.client.post("/api/auth/password/forgot", &json!({"email": ADDRESS})).await;
        let body = json!({"token": mailbox.token(), "new_password": password});
        setup.client.post("/api/auth/password/reset", &body).await
    };
    assert_eq!(reset(&password(7)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reset(SHORT).await.status, StatusCode::NO_CONTENT);
    assert_eq!(marks(&setup).await, (true, false));
    let delete = Statement::new("DELETE FROM totp");
    setup.database.query(delete).await.unwrap();
    assert_eq!(reset(SHORT).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reset(PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(marks(&setup).await, (false, false));
}

#[tokio::test]
async fn whoever_loses_the_factor_must_choose_a_longer_password() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, ADDRESS).await;
    with_second_factor(&ada).await;
    assert_eq!(change(&ada, PASSWORD, SHORT).await.status, StatusCode::NO_CONTENT);
    let ada_id = ada.get("/api/me").await.body["id"].as_str().unwrap().to_owned();
    let root = setup.someone().await;
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1");
    setup.database.query(promote.bind(root.person.user_id.to_string())).await.unwrap();
    let path = format!("/api/admin/users/{ada_id}/reset-mfa");
    assert_eq!(root.client.post(&path, &json!({})).await.status, StatusCode::NO_CONTENT);

    let answer = log_in(&setup, ADDRESS, SHORT).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let ada = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    assert_eq!(ada.get("/api/accounts").await.code(), "password_change_required");
    assert_eq!(change(&ada, SHORT, &password(8)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(change(&ada, SHORT, PASSWORD).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.get("/api/accounts").await.status, StatusCode::OK);
}
