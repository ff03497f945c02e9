//! `GET /api/me/identities`, `POST /api/me/identities`, `DELETE /api/me/identities/{id}`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod identity_provider;
mod support;

use axum::http::StatusCode;
use identity_provider::IdentityProvider;
use serde_json::{Value, json};
use support::{PASSWORD, number, sign_up};
use testing::{Answer, Client};

const PATH: &str = "/api/me/identities";

async fn link(client: &Client, token: &str, password: &str) -> Answer {
    let body = json!({"provider": "acme", "token": token, "password": password});
    client.post(PATH, &body).await
}

#[tokio::test]
async fn without_credential_or_password_nothing_is_linked() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let token = provider.id_token();
    assert_eq!(setup.client.get(PATH).await.status, StatusCode::UNAUTHORIZED);
    let anonymous = link(&setup.client, &token, PASSWORD).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    let path = format!("{PATH}/ident_01h455vb4pex5vsknk084sn02q");
    assert_eq!(setup.client.delete(&path).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.delete(&path).await.status, StatusCode::NOT_FOUND);
    let wrong = link(&ada, &token, "wrong password").await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::FORBIDDEN, "reauthentication_failed"));
    let refused = link(&ada, "a.b.c", PASSWORD).await;
    assert_eq!(refused.code(), "external_sign_in_refused");
    for body in [
        json!({"provider": "acme", "token": token}),
        json!({"provider": "acme", "token": token, "password": PASSWORD, "user_id": "user_1"}),
    ] {
        assert_eq!(ada.post(PATH, &body).await.code(), "invalid_request", "{body}");
    }
    let unknown = json!({"provider": "nobody", "token": token, "password": PASSWORD});
    assert_eq!(ada.post(PATH, &unknown).await.pointers(), ["/provider"]);
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM external_identity").await, 0);
}

#[tokio::test]
async fn a_linked_identity_signs_in_until_it_is_removed() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (ada, signed_up) = sign_up(&setup, "ada@example.com").await;
    let linked = link(&ada, &provider.id_token(), PASSWORD).await;
    assert_eq!(linked.status, StatusCode::CREATED, "{}", linked.body);
    assert_eq!(
        (&linked.body["provider"], &linked.body["subject"]),
        (&json!("acme"), &json!("ada"))
    );
    let body = json!({"provider": "acme", "token": provider.id_token()});
    let answer = setup.client.post("/api/auth/exchange", &body).await;
    assert_eq!(answer.body["user"]["id"], signed_up.body["user"]["id"]);
    let list = ada.get(PATH).await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(list["data"][0]["last_used_at"].is_string());
    // Nobody else sees or removes it, and nobody else can have it.
    let (eve, _) = sign_up(&setup, "eve@example.com").await;
    assert_eq!(eve.get(PATH).await.body["data"], json!([]));
    let path = format!("{PATH}/{}", linked.body["id"].as_str().unwrap());
    assert_eq!(eve.delete(&path).await.status, StatusCode::NOT_FOUND);
    let taken = link(&eve, &provider.id_token(), PASSWORD).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "identity_taken"));
    assert_eq!(ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.delete(&path).await.status, StatusCode::NOT_FOUND);
    let answer = setup.client.post("/api/auth/exchange", &body).await;
    assert_eq!(answer.code(), "email_taken", "the identity is nobody's, and leads to nobody");
    for action in ["identity.linked", "identity.unlinked"] {
        let sql = match action {
            "identity.linked" => {
                "SELECT count(*) AS n FROM audit_entry WHERE action = 'identity.linked'"
            }
            _ => "SELECT count(*) AS n FROM audit_entry WHERE action = 'identity.unlinked'",
        };
        assert_eq!(number(&setup.database, sql).await, 1, "{action}");
    }
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let body = json!({"provider": "acme", "token": provider.id_token()});
    let answer = setup.client.post("/api/auth/exchange", &body).await;
    let ada = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let list = ada.get(PATH).await.body;
    let path = format!("{PATH}/{}", list["data"][0]["id"].as_str().unwrap());
    let refused = ada.delete(&path).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "last_way_in"));
    assert_eq!(ada.get(PATH).await.body, list);
    // Without a password nobody can prove to be there, and so nothing is linked.
    provider.with(|script| script.claims = json!({"sub": "eve"}));
    let more = link(&ada, &provider.id_token(), "").await;
    assert_eq!(more.code(), "reauthentication_failed");
}

#[tokio::test]
async fn there_are_at_most_twenty() {
    let provider = IdentityProvider::start().await;
    let setup = provider.setup(&[]).await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    for n in 0..=20 {
        provider.with(|script| {
            script.claims = json!({"sub": format!("ada-{n}"), "email": Value::Null});
        });
        let answer = link(&ada, &provider.id_token(), PASSWORD).await;
        assert_eq!(answer.status.as_u16(), if n < 20 { 201 } else { 409 }, "{n}");
    }
    let page = ada.get(&format!("{PATH}?limit=15")).await.body;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = ada.get(&format!("{PATH}?limit=15&cursor={cursor}")).await.body;
    assert_eq!(
        (page["data"].as_array().unwrap().len(), rest["data"].as_array().unwrap().len()),
        (15, 5)
    );
}
