//! Invitations: `/api/accounts/{id}/invitations` and `/api/invitations/accept`.
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
use credentials::OpaqueToken;
use database::Statement;
use serde_json::{Value, json};
use support::{Setup, Someone, Team, number, setup};
use testing::Answer;

const ACCEPT: &str = "/api/invitations/accept";

async fn invite(team: &Team, by: &Someone, email: &str, role: &str) -> Answer {
    let path = format!("{}/invitations", team.path);
    by.client.post(&path, &json!({"email": email, "role": role})).await
}

/// Puts a token of our own in the place of the one in the mail, which nobody can read back.
async fn token(setup: &Setup, invitation: &Answer, token: &str) {
    let statement = Statement::new("UPDATE invitation SET token_hash = ?1 WHERE id = ?2")
        .bind(OpaqueToken::hash_of(token).to_vec())
        .bind(invitation.body["id"].as_str().unwrap());
    setup.database.query(statement).await.unwrap();
}

async fn accept(someone: &Someone, token: Value) -> Answer {
    someone.client.post(ACCEPT, &json!({"token": token})).await
}

fn email_of(someone: &Someone) -> String {
    format!("{}@example.com", someone.person.user_id)
}

async fn verify_email(setup: &Setup, someone: &Someone) {
    let statement = Statement::new("UPDATE user SET email_verified = 1 WHERE id = ?1")
        .bind(someone.person.user_id.to_string());
    setup.database.query(statement).await.unwrap();
}

#[tokio::test]
async fn who_may_invite_whom() {
    let setup = setup().await;
    let team = setup.team().await;
    for (inviter, role, status) in [
        ("viewer", "viewer", 403),
        ("member", "viewer", 403),
        ("admin", "owner", 403),
        ("admin", "admin", 201),
        ("owner", "owner", 201),
    ] {
        let by = setup.member(&team, inviter).await;
        let email = format!("{inviter}-{role}@example.com");
        let answer = invite(&team, &by, &email, role).await;
        assert_eq!(answer.status.as_u16(), status, "{inviter} {role}");
    }
    for (email, role, pointer) in
        [("x", "viewer", "/email"), ("a@b.com", "root", "/role"), ("", "viewer", "/email")]
    {
        let answer = invite(&team, &team.owner, email, role).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![pointer])
        );
    }
}

#[tokio::test]
async fn the_answer_is_the_same_whether_the_address_is_known_and_holds_no_token() {
    let setup = setup().await;
    let team = setup.team().await;
    let known = setup.someone().await;
    let mut bodies = Vec::new();
    for email in [email_of(&known), "nobody@example.com".to_owned()] {
        let mut answer = invite(&team, &team.owner, &email, "member").await.redacted();
        assert_eq!(answer["body"]["email"].take(), json!(email));
        bodies.push(answer);
    }
    assert_eq!(bodies[0], bodies[1]);
    insta::assert_json_snapshot!(bodies[0], @r#"
    {
      "body": {
        "created_at": "[time]",
        "email": null,
        "expires_at": "[time]",
        "id": "[inv]",
        "invited_by": "[user]",
        "role": "member"
      },
      "status": 201
    }
    "#);
}

#[tokio::test]
async fn a_member_is_not_invited_again() {
    let setup = setup().await;
    let team = setup.team().await;
    let member = setup.member(&team, "viewer").await;
    let answer = invite(&team, &team.owner, &email_of(&member).to_uppercase(), "admin").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "already_member"));
}

#[tokio::test]
async fn mails_to_one_address_are_limited() {
    let setup = setup().await;
    let (team, other) = (setup.team().await, setup.team().await);
    for _ in 0..3 {
        assert_eq!(
            invite(&team, &team.owner, "new@example.com", "viewer").await.status,
            StatusCode::CREATED
        );
    }
    let answer = invite(&other, &other.owner, "NEW@example.com", "viewer").await;
    assert_eq!((answer.status, answer.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    // The newest of the three is the one that is open.
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM invitation").await, 1);
}

#[tokio::test]
async fn what_is_no_open_invitation_opens_nothing() {
    let setup = setup().await;
    let team = setup.team().await;
    let ada = setup.someone().await;
    let answer = invite(&team, &team.owner, &email_of(&ada), "member").await;
    token(&setup, &answer, "right").await;
    for wrong in [json!(null), json!(0), json!([]), json!({}), json!(["right"])] {
        assert_eq!(accept(&ada, wrong.clone()).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    for wrong in ["", "wrong", "right ", "RIGHT"] {
        let answer = accept(&ada, json!(wrong)).await;
        assert_eq!(
            (answer.status, answer.pointers()),
            (StatusCode::UNPROCESSABLE_ENTITY, vec!["/token"])
        );
    }
    assert_eq!(
        setup.client.post(ACCEPT, &json!({"token": "right"})).await.status,
        StatusCode::UNAUTHORIZED
    );
    setup.hand.advance(Duration::from_hours(7 * 24));
    // Someone who signs in after a week: the access token of before is over.
    let late = setup.someone().await;
    assert_eq!(accept(&late, json!("right")).await.status, StatusCode::UNAUTHORIZED);
    let sql = "SELECT count(*) AS n FROM membership AS m JOIN account AS a ON a.id = m.account_id WHERE a.kind = 'team'";
    assert_eq!(number(&setup.database, sql).await, 1);
}

#[tokio::test]
async fn an_invitation_ends_with_its_time_with_its_sender_and_by_hand() {
    let setup = setup().await;
    let team = setup.team().await;
    let ada = setup.someone().await;
    let admin = setup.member(&team, "admin").await;
    let demote = Statement::new(
        "UPDATE membership SET role = 'member' WHERE user_id = ?1 AND role = 'admin'",
    )
    .bind(admin.person.user_id.to_string());
    let remove = Statement::new("DELETE FROM membership WHERE account_id = ?1 AND user_id = ?2")
        .bind(team.id.to_string())
        .bind(admin.person.user_id.to_string());
    for (why, statement) in [
        ("over", Statement::new("UPDATE invitation SET expires_at = 1")),
        ("demoted", demote),
        ("removed", remove),
    ] {
        let by = if why == "over" { &team.owner } else { &admin };
        if why == "removed" {
            let again = Statement::new(
                "UPDATE membership SET role = 'admin' WHERE user_id = ?1 AND role = 'member'",
            );
            setup.database.query(again.bind(admin.person.user_id.to_string())).await.unwrap();
        }
        let answer = invite(&team, by, &email_of(&ada), "member").await;
        assert_eq!(answer.status, StatusCode::CREATED, "{why}: {}", answer.body);
        token(&setup, &answer, why).await;
        setup.database.query(statement).await.unwrap();
        assert_eq!(
            accept(&ada, json!(why)).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{why}"
        );
    }
}

#[tokio::test]
async fn an_invitation_is_listed_and_can_be_taken_back() {
    let setup = setup().await;
    let team = setup.team().await;
    let ada = setup.someone().await;
    let answer = invite(&team, &team.owner, &email_of(&ada), "member").await;
    token(&setup, &answer, "right").await;
    let list = format!("{}/invitations", team.path);
    assert_eq!(team.owner.client.get(&list).await.body["data"], json!([answer.body]));
    let path = format!("{list}/{}", answer.body["id"].as_str().unwrap());
    assert_eq!(team.owner.client.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(team.owner.client.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(accept(&ada, json!("right")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(team.owner.client.get(&list).await.body["data"], json!([]));
}

#[tokio::test]
async fn whoever_is_invited_joins_once_and_has_proved_the_address() {
    let setup = setup().await;
    let team = setup.team().await;
    let ada = setup.someone().await;
    let answer = invite(&team, &team.owner, &email_of(&ada), "admin").await;
    token(&setup, &answer, "right").await;
    let joined = accept(&ada, json!("right")).await;
    assert_eq!((joined.status, &joined.body["role"]), (StatusCode::OK, &json!("admin")));
    assert_eq!(joined.body["id"], team.id.to_string());
    assert_eq!(ada.client.get(&team.path).await.body, joined.body);
    assert_eq!(number(&setup.database, "SELECT sum(email_verified) AS n FROM user").await, 1);
    assert_eq!(accept(&ada, json!("right")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let sql = "SELECT count(*) AS n FROM audit_entry WHERE action = 'invitation.accepted'";
    assert_eq!(number(&setup.database, sql).await, 1);
}

#[tokio::test]
async fn with_another_address_one_needs_a_verified_one() {
    let setup = setup().await;
    let team = setup.team().await;
    let ada = setup.someone().await;
    let answer = invite(&team, &team.owner, "other@example.com", "member").await;
    token(&setup, &answer, "right").await;
    let refused = accept(&ada, json!("right")).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "email_unverified"));
    verify_email(&setup, &ada).await;
    assert_eq!(accept(&ada, json!("right")).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_accept_at_once_one_joins() {
    let setup = setup().await;
    let team = setup.team().await;
    let answer = invite(&team, &team.owner, "other@example.com", "member").await;
    token(&setup, &answer, "right").await;
    let mut attempts = Vec::new();
    for _ in 0..32 {
        let someone = setup.someone().await;
        verify_email(&setup, &someone).await;
        attempts.push(tokio::spawn(async move { accept(&someone, json!("right")).await.status }));
    }
    let mut joined = 0;
    for attempt in attempts {
        joined += usize::from(attempt.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(joined, 1);
    let sql = "SELECT count(*) AS n FROM membership AS m JOIN account AS a ON a.id = m.account_id WHERE a.kind = 'team'";
    assert_eq!(number(&setup.database, sql).await, 2);
}
