//! `/api/admin`: what administrators of the platform do.
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
use serde_json::json;
use support::{Setup, Someone, number, setup, setup_with_mail};
use testing::NOW;

async fn administrator(setup: &Setup) -> Someone {
    let someone = setup.someone().await;
    let statement = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1")
        .bind(someone.person.user_id.to_string());
    setup.database.query(statement).await.unwrap();
    someone
}

fn path_of(someone: &Someone) -> String {
    format!("/api/admin/users/{}", someone.person.user_id)
}

#[tokio::test]
async fn nobody_else_gets_in_not_even_with_a_key_of_an_administrator() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    let ada = setup.someone().await;
    let scopes = "account:read account:admin chat";
    let key = setup.client.with_token(root.person.api_key(&setup.database, scopes, NOW).await);
    let path = path_of(&ada);
    for (client, status) in [
        (&setup.client, StatusCode::UNAUTHORIZED),
        (&ada.client, StatusCode::FORBIDDEN),
        (&key, StatusCode::FORBIDDEN),
    ] {
        for answer in [
            client.get("/api/admin/users").await,
            client.get(&path).await,
            client.patch(&path, &json!({"is_admin": true})).await,
            client.post(&format!("{path}/sign-out"), &json!({})).await,
            client.post(&format!("{path}/reset-mfa"), &json!({})).await,
            client.get("/api/admin/audit").await,
        ] {
            assert_eq!(answer.status, status);
        }
    }
    assert_eq!(number(&setup.database, "SELECT sum(is_admin) AS n FROM user").await, 1);
}

#[tokio::test]
async fn people_who_do_not_exist_are_not_found_and_leave_no_entry() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    for id in ["user_01h455vb4pex5vsknk084sn02q", "acct_01h455vb4pex5vsknk084sn02q", "x"] {
        let path = format!("/api/admin/users/{id}");
        for answer in [
            root.client.get(&path).await,
            root.client.patch(&path, &json!({"is_active": false})).await,
            root.client.post(&format!("{path}/sign-out"), &json!({})).await,
            root.client.post(&format!("{path}/reset-mfa"), &json!({})).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        }
    }
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM audit_entry").await, 0);
}

#[tokio::test]
async fn administrators_do_not_lock_themselves_out() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    for body in [json!({"is_active": false}), json!({"is_admin": false})] {
        assert_eq!(root.client.patch(&path_of(&root), &body).await.status, StatusCode::FORBIDDEN);
    }
    let own_factor = format!("{}/reset-mfa", path_of(&root));
    let answer = root.client.post(&own_factor, &json!({})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "forbidden"));
    let body = json!({"email": "x@example.com"});
    let ada = setup.someone().await;
    assert_eq!(root.client.patch(&path_of(&ada), &body).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn people_are_listed_without_secrets() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    let ada = setup.someone().await;
    insta::assert_json_snapshot!(root.client.get(&path_of(&ada)).await.redacted(), { ".body.email" => "[email]" }, @r#"
    {
      "body": {
        "auth_provider": "local",
        "created_at": "[time]",
        "email": "[email]",
        "email_verified": false,
        "id": "[user]",
        "is_active": true,
        "is_admin": false,
        "last_login_at": null,
        "name": null,
        "username": null
      },
      "status": 200
    }
    "#);
    let page = root.client.get("/api/admin/users?limit=1").await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = root.client.get(&format!("/api/admin/users?cursor={cursor}")).await.body;
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_ne!(rest["data"][0]["id"], page["data"][0]["id"]);
}

#[tokio::test]
async fn shutting_someone_out_closes_every_door_at_once_and_signs_out_for_good() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    let ada = setup.someone().await;
    let key =
        setup.client.with_token(ada.person.api_key(&setup.database, "account:read", NOW).await);
    let doors = async || {
        [ada.client.get("/api/accounts").await.status, key.get("/api/accounts").await.status]
    };
    assert_eq!(doors().await, [StatusCode::OK; 2]);
    let answer = root.client.patch(&path_of(&ada), &json!({"is_active": false})).await;
    assert_eq!((answer.status, &answer.body["is_active"]), (StatusCode::OK, &json!(false)));
    assert_eq!(doors().await, [StatusCode::UNAUTHORIZED; 2]);
    root.client.patch(&path_of(&ada), &json!({"is_active": true})).await;
    // The key works again; the session was ended.
    assert_eq!(doors().await, [StatusCode::UNAUTHORIZED, StatusCode::OK]);
}

#[tokio::test]
async fn signing_someone_out_ends_the_sessions_and_nobody_elses() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    let ada = setup.someone().await;
    let answer = root.client.post(&format!("{}/sign-out", path_of(&ada)), &json!({})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.client.get("/api/accounts").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(root.client.get("/api/accounts").await.status, StatusCode::OK);
}

/// Gives somebody a confirmed second factor with recovery codes. Its secret is never opened here.
async fn with_second_factor(setup: &Setup, someone: &Someone) {
    let user = someone.person.user_id.to_string();
    for sql in [
        "INSERT INTO totp (user_id, root_key_id, sealed_secret, created_at, confirmed_at) VALUES (?1, '1', x'00', 1, 1)",
        "INSERT INTO recovery_code (user_id, code_hash) VALUES (?1, zeroblob(32))",
    ] {
        setup.database.query(Statement::new(sql).bind(user.as_str())).await.unwrap();
    }
}

#[tokio::test]
async fn a_second_factor_that_was_lost_is_removed_for_one_person_alone() {
    let (setup, mailbox) = setup_with_mail(&[]).await;
    let root = administrator(&setup).await;
    let (ada, bob) = (setup.someone().await, setup.someone().await);
    for someone in [&ada, &bob] {
        with_second_factor(&setup, someone).await;
    }
    let path = format!("{}/reset-mfa", path_of(&ada));
    let answer = root.client.post(&path, &json!({})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, serde_json::Value::Null));
    assert_eq!(ada.client.get("/api/accounts").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(bob.client.get("/api/accounts").await.status, StatusCode::OK);
    for table in ["totp", "recovery_code"] {
        let whose = Statement::new(format!("SELECT user_id FROM {table}"));
        let rows = setup.database.query(whose).await.unwrap();
        let whose: Vec<_> = rows.iter().map(|row| row.get::<String>("user_id").unwrap()).collect();
        assert_eq!(whose, [bob.person.user_id.to_string()], "{table}");
    }
    let mails = mailbox.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0]["to"], format!("{}@example.com", ada.person.user_id));
    let subject = "An administrator removed the second factor of your account";
    assert_eq!(mails[0]["subject"], subject);
    // Whoever has none is signed out and has none.
    let carol = setup.someone().await;
    let path = format!("{}/reset-mfa", path_of(&carol));
    assert_eq!(root.client.post(&path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(carol.client.get("/api/accounts").await.status, StatusCode::UNAUTHORIZED);
    let entries = "SELECT count(*) AS n FROM audit_entry WHERE account_id = 'platform' AND action = 'user.mfa_reset'";
    assert_eq!(number(&setup.database, entries).await, 2);
    audit::verify(&setup.database, audit::PLATFORM).await.unwrap();
}

#[tokio::test]
async fn every_deed_is_in_the_log_of_the_platform() {
    let setup = setup().await;
    let root = administrator(&setup).await;
    let ada = setup.someone().await;
    root.client.patch(&path_of(&ada), &json!({"is_active": true, "is_admin": true})).await;
    root.client.post(&format!("{}/sign-out", path_of(&ada)), &json!({})).await;
    root.client.patch(&path_of(&ada), &json!({})).await;
    let log = root.client.get("/api/admin/audit").await.body;
    let actions: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|e| e["action"].clone()).collect();
    assert_eq!(actions, ["user.signed_out", "user.promoted", "user.enabled"]);
    for entry in log["data"].as_array().unwrap() {
        assert_eq!(entry["actor"], root.person.user_id.to_string());
        assert_eq!(entry["target"], ada.person.user_id.to_string());
    }
    audit::verify(&setup.database, audit::PLATFORM).await.unwrap();
}
