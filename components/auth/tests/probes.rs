//! `GET /.well-known/jwks.json`, `GET /api/health`, `GET /healthz`, `GET /readyz`, and what every answer has in common.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::{AccessToken, Verifier};
use database::{Database, Statement};
use serde_json::json;
use support::{client, number, setup, signup};
use testing::{Client, ISSUER, MASTER_KEY, NOW};

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let setup = setup().await;
    for path in [
        "/",
        "/api",
        "/api/auth",
        "/api/auth/signup/",
        "/api//auth/login",
        "/API/auth/login",
        "/api/auth/%6cogin/x",
        "/.well-known/",
    ] {
        let answer = setup.client.get(path).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    let answer = setup.client.get("/api/auth/login").await;
    insta::assert_json_snapshot!(answer.redacted(), @r#"
    {
      "body": {
        "code": "method_not_allowed",
        "detail": "The path has other methods than this one; see the header Allow.",
        "request_id": "[request]",
        "status": 405,
        "title": "The route has no such method",
        "type": "urn:selvage:problem:method_not_allowed"
      },
      "status": 405
    }
    "#);
    assert_eq!(answer.headers["allow"], "POST");
}

#[tokio::test]
async fn every_answer_has_the_headers_of_an_api() {
    let setup = setup().await;
    for path in ["/api/health", "/api/auth/login", "/nowhere"] {
        let mut headers: Vec<_> = setup
            .client
            .get(path)
            .await
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .filter(|line| {
                !["x-request-id", "content-type", "allow"].iter().any(|name| line.starts_with(name))
            })
            .collect();
        headers.sort();
        let length = headers.iter().position(|line| line.starts_with("content-length: ")).unwrap();
        headers.remove(length);
        assert_eq!(
            headers,
            [
                "cache-control: no-store",
                "content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                "cross-origin-opener-policy: same-origin",
                "referrer-policy: no-referrer",
                "strict-transport-security: max-age=31536000; includeSubDomains",
                "x-content-type-options: nosniff",
                "x-frame-options: DENY",
            ],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let setup = setup().await;
    let send = async |ids: &[&str]| {
        let mut request = setup.client.request(Method::GET, "/nowhere");
        for id in ids {
            request = request.header("x-request-id", *id);
        }
        setup.client.send(request.body(axum::body::Body::empty()).unwrap()).await.body["request_id"]
            .clone()
    };
    let longest = "x".repeat(128);
    for id in ["a", "0af7651916cd43dd8448eb211c80319c", "req-1_2.3", &longest] {
        assert_eq!(send(&[id]).await, id);
    }
    let too_long = "x".repeat(129);
    for ids in [&["a b"][..], &["a\"b"], &["[0m"], &[""], &[&too_long], &["a", "b"], &[]] {
        let made = send(ids).await;
        assert!(made.as_str().unwrap().starts_with("req_"), "{ids:?}: {made}");
    }
}

#[tokio::test]
async fn health_answers_without_a_database_and_readiness_does_not() {
    // The file is no database at all.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("selvage.db");
    let database = Database::open(&path).unwrap();
    database
        .query(Statement::new("CREATE TABLE schema_migration (nonsense TEXT) STRICT"))
        .await
        .unwrap();
    let (client, _) = client(&database, MASTER_KEY);
    for path in ["/api/health", "/healthz"] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.status, answer.body),
            (StatusCode::OK, json!({"status": "ok"})),
            "{path}"
        );
    }
    assert!(client.get("/readyz").await.status.is_server_error());
    assert!(
        client.post("/api/auth/signup", &signup("ada@example.com")).await.status.is_server_error()
    );
}

#[tokio::test]
async fn the_first_request_migrates_an_empty_database() {
    let database = Database::in_memory().unwrap();
    let (client, _) = client(&database, MASTER_KEY);
    let answer = client.get("/readyz").await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"status": "ok"})));
    assert_eq!(
        client.post("/api/auth/signup", &signup("ada@example.com")).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn the_published_keys_verify_what_is_issued() {
    let setup = setup().await;
    let answer = setup.client.get("/.well-known/jwks.json").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "keys": [
        {
          "alg": "EdDSA",
          "crv": "Ed25519",
          "kid": "lslbUgqfucw1qQO07bomjl40bSfFjxJRGwOhV_sdJXI",
          "kty": "OKP",
          "use": "sig",
          "x": "2mxF_8xxpE9jGBWI8kS7t3n-u7d371pqGlRYYPIQpc0"
        }
      ]
    }
    "#);
    let token = setup.client.post("/api/auth/signup", &signup("ada@example.com")).await.body["access_token"].clone();
    let token = token.as_str().unwrap();
    let key = &answer.body["keys"][0];
    let public_key = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let read = AccessToken::read(token, ISSUER).unwrap();
    assert_eq!(read.kid(), key["kid"]);
    read.check_time(NOW).unwrap();
    read.verify(token, &Verifier::new(&public_key).unwrap()).unwrap();
}

/// The ids of the published keys, the newest first.
async fn kids(client: &Client) -> Vec<String> {
    let set = client.get("/.well-known/jwks.json").await.body;
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The id of the key that signs.
async fn signing(client: &Client, email: &str) -> String {
    let answer = client.post("/api/auth/signup", &signup(email)).await;
    let token = answer.body["access_token"].as_str().unwrap();
    AccessToken::read(token, ISSUER).unwrap().kid().to_owned()
}

#[tokio::test]
async fn a_rotated_ring_publishes_a_key_before_it_signs_and_ends_the_old_one_after_its_tokens() {
    let setup = setup().await;
    let old = signing(&setup.client, "a@example.com").await;
    let ring = format!("new:{},1:{MASTER_KEY}", testing::OTHER_MASTER_KEY);
    let (rotated, hand) = client(&setup.database, &ring);
    rotated.get("/.well-known/jwks.json").await;
    let both = kids(&rotated).await;
    assert_eq!((both.len(), &both[1]), (2, &old), "published");
    hand.advance(Duration::from_secs(359));
    assert_eq!(signing(&rotated, "b@example.com").await, old, "not yet signing");
    hand.advance(Duration::from_secs(1));
    assert_eq!(signing(&rotated, "c@example.com").await, both[0], "signing");
    hand.advance(Duration::from_secs(659));
    assert_eq!(kids(&rotated).await, both, "the last token of the old key may still be alive");
    hand.advance(Duration::from_secs(1));
    assert_eq!(kids(&rotated).await, both[..1], "and is not any more");
    assert_eq!(number(&setup.database, "SELECT count(*) AS n FROM signing_key").await, 2);
}

#[tokio::test]
async fn a_key_gets_a_successor_after_ninety_days_and_of_many_instances_one_makes_it() {
    let setup = setup().await;
    let old = signing(&setup.client, "a@example.com").await;
    setup.hand.advance(Duration::from_hours(90 * 24));
    let requests: Vec<_> = (0..8)
        .map(|_| {
            let (client, hand) = client(&setup.database, MASTER_KEY);
            hand.advance(Duration::from_hours(90 * 24));
            tokio::spawn(async move { client.get("/.well-known/jwks.json").await.status })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    let both = kids(&setup.client).await;
    assert_eq!((both.len(), &both[1]), (2, &old));
    setup.hand.advance(Duration::from_mins(6));
    assert_eq!(signing(&setup.client, "b@example.com").await, both[0]);
}

#[tokio::test]
async fn a_key_that_is_retired_at_once_is_replaced_at_once() {
    let setup = setup().await;
    let answer = setup.client.post("/api/auth/signup", &signup("a@example.com")).await;
    let ada = setup.client.with_token(answer.body["access_token"].as_str().unwrap());
    let old = kids(&setup.client).await;
    let retire = || {
        Statement::new("UPDATE signing_key SET retired_at = ?1 WHERE signs_from <= ?1").bind(NOW.0)
    };
    setup.database.query(retire()).await.unwrap();
    assert_eq!(ada.get("/api/me/sessions").await.status, StatusCode::UNAUTHORIZED);
    let new = kids(&setup.client).await;
    assert_eq!(new.len(), 1);
    assert_ne!(new, old);
    // Also when a successor was published already, whose time has not come.
    let ring = format!("new:{},1:{MASTER_KEY}", testing::OTHER_MASTER_KEY);
    let (rotated, _) = client(&setup.database, &ring);
    rotated.get("/.well-known/jwks.json").await;
    assert_eq!(kids(&rotated).await.len(), 2);
    setup.database.query(retire()).await.unwrap();
    assert_eq!(signing(&rotated, "b@example.com").await, kids(&rotated).await[0]);
    // Its root key is one that an instance with the old ring alone cannot know.
    let answer = setup.client.get("/.well-known/jwks.json").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn the_table_is_what_the_contract_says() {
    let lines: Vec<_> = auth::declarations()
        .iter()
        .map(|route| {
            format!("{} {} {} {:?}", route.method, route.path, route.operation_id, route.access)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    POST /api/auth/signup signup Public
    POST /api/auth/login login Public
    GET /.well-known/jwks.json get_jwks Public
    GET /api/openapi.json get_openapi Public
    GET /api/health get_health Public
    GET /healthz get_healthz Public
    GET /readyz get_readyz Public
    POST /api/auth/refresh refresh_session Public
    POST /api/auth/logout logout Person
    POST /api/auth/switch switch_account Person
    POST /api/auth/reauthenticate reauthenticate Person
    GET /api/me/sessions list_sessions Person
    DELETE /api/me/sessions/{id} revoke_session Person
    POST /api/auth/password change_password Person
    POST /api/auth/password/forgot forget_password Public
    POST /api/auth/password/reset reset_password Public
    POST /api/auth/email/verify verify_email Public
    GET /api/auth/providers list_providers Public
    POST /api/auth/exchange exchange_token Public
    GET /api/auth/oidc/{provider}/start start_oidc Public
    GET /api/auth/oidc/{provider}/callback finish_oidc Public
    GET /api/me/identities list_identities Person
    POST /api/me/identities link_identity Person
    DELETE /api/me/identities/{id} unlink_identity Person
    GET /api/me get_me Person
    PATCH /api/me update_me Person
    DELETE /api/me delete_me Person
    POST /api/auth/totp enrol_totp Person
    POST /api/auth/totp/confirm confirm_totp Person
    DELETE /api/auth/totp remove_totp Person
    POST /api/tokens create_api_key Member(Viewer)
    GET /api/tokens list_api_keys Member(Viewer)
    DELETE /api/tokens/{id} delete_api_key Member(Viewer)
    GET /api/accounts list_accounts Account(Viewer, AccountRead)
    POST /api/accounts create_account Person
    GET /api/accounts/{id} get_account Account(Viewer, AccountRead)
    PATCH /api/accounts/{id} update_account Account(Admin, AccountAdmin)
    DELETE /api/accounts/{id} delete_account Member(Owner)
    GET /api/accounts/{id}/audit list_audit Account(Admin, AccountAdmin)
    GET /api/accounts/{id}/members list_members Account(Viewer, AccountRead)
    PATCH /api/accounts/{id}/members/{user_id} update_member Account(Viewer, AccountAdmin)
    DELETE /api/accounts/{id}/members/{user_id} remove_member Account(Viewer, AccountAdmin)
    GET /api/accounts/{id}/invitations list_invitations Account(Admin, AccountAdmin)
    POST /api/accounts/{id}/invitations create_invitation Account(Admin, AccountAdmin)
    DELETE /api/accounts/{id}/invitations/{invitation_id} revoke_invitation Account(Admin, AccountAdmin)
    POST /api/invitations/accept accept_invitation Person
    GET /api/admin/users list_users Platform
    GET /api/admin/users/{id} get_user Platform
    PATCH /api/admin/users/{id} update_user Platform
    POST /api/admin/users/{id}/sign-out sign_out_user Platform
    POST /api/admin/users/{id}/reset-mfa reset_mfa Platform
    GET /api/admin/audit list_platform_audit Platform
    "#);
}
