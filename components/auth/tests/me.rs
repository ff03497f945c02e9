//! `GET`, `PATCH`, `DELETE /api/me`, and the access tokens that open them.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use database::{Database, Statement};
use serde_json::{Value, json};
use support::{PASSWORD, log_in, send, setup, sign_up, visible};
use testing::{NOW, Person};

const PATH: &str = "/api/me";

#[tokio::test]
async fn without_a_credential_nothing_is_shown_or_done() {
    let setup = setup().await;
    sign_up(&setup, "ada@example.com").await;
    for (method, body) in [
        (Method::GET, json!(null)),
        (Method::PATCH, json!({"name": "Eve"})),
        (Method::DELETE, json!({"password": PASSWORD})),
    ] {
        let answer = send(&setup.client, method, PATH, &body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, "unauthorized"));
    }
}

#[tokio::test]
async fn what_the_server_decides_cannot_be_set() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let before = ada.get(PATH).await.body;
    for name in [
        "id",
        "email_verified",
        "must_change_password",
        "auth_provider",
        "is_admin",
        "is_active",
        "password",
        "password_hash",
        "created_at",
        "last_login_at",
        "account_id",
        "role",
    ] {
        let answer = send(&ada, Method::PATCH, PATH, &json!({name: before[name]})).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{name}"
        );
    }
    for (body, pointer) in [
        (json!({"username": "a@b"}), "/username"),
        (json!({"username": ""}), "/username"),
        (json!({"name": "x".repeat(101)}), "/name"),
        (json!({"name": "a\u{0}b"}), "/name"),
    ] {
        let answer = send(&ada, Method::PATCH, PATH, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    assert_eq!(ada.get(PATH).await.body, before);
}

#[tokio::test]
async fn a_profile_is_shown_changed_and_cleared_member_by_member() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let (bob, _) = sign_up(&setup, "bob@example.com").await;
    let change = async |body: Value| send(&ada, Method::PATCH, PATH, &body).await;
    assert_eq!(change(json!({"username": "Ada", "name": " Ada L "})).await.status, StatusCode::OK);
    assert_eq!(change(json!({})).await.body["name"], "Ada L");
    assert_eq!(change(json!({"name": null})).await.body["name"], Value::Null);
    insta::assert_json_snapshot!(ada.get(PATH).await.redacted(), @r#"
    {
      "body": {
        "auth_provider": "local",
        "created_at": "[time]",
        "email": "ada@example.com",
        "email_verified": false,
        "id": "[user]",
        "last_login_at": "[time]",
        "name": null,
        "username": "Ada"
      },
      "status": 200
    }
    "#);
    let taken = send(&bob, Method::PATCH, PATH, &json!({"username": "aDA", "name": "Bob"})).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, "username_taken"));
    assert_eq!(bob.get(PATH).await.body["name"], Value::Null, "all or nothing");
}

#[tokio::test]
async fn leaving_needs_the_password() {
    let setup = setup().await;
    let (ada, _) = sign_up(&setup, "ada@example.com").await;
    let answer = send(&ada, Method::DELETE, PATH, &json!({"password": "wrong"})).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::FORBIDDEN, "reauthentication_failed"));
    for body in [json!({}), json!({"password": null}), json!({"password": PASSWORD, "id": "x"})] {
        assert_eq!(send(&ada, Method::DELETE, PATH, &body).await.code(), "invalid_request");
    }
    assert_eq!(ada.get(PATH).await.status, StatusCode::OK);
}

/// Every row of every table, but for what belongs to the deployment and what is recorded of its people for good.
async fn rows(database: &Database) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let tables = database.query(Statement::new(tables)).await.unwrap();
    let mut all = BTreeMap::new();
    for table in tables.iter().map(|row| row.get::<String>("name").unwrap()) {
        let is_kept =
            ["schema_migration", "root_key", "signing_key", "audit_entry", "audit_checkpoint"]
                .contains(&table.as_str());
        if is_kept || table.starts_with("rate_limit") {
            continue;
        }
        let sql = format!("SELECT * FROM \"{table}\"");
        let rows = database.query(Statement::new(sql)).await.unwrap();
        let mut lines: Vec<_> = rows.iter().map(|row| format!("{:?}", row.values())).collect();
        lines.sort();
        all.insert(table, lines);
    }
    all
}

#[tokio::test]
async fn leaving_removes_every_row_of_one_s_own_and_none_of_others() {
    let setup = setup().await;
    sign_up(&setup, "bob@example.com").await;
    let team = Person::new(&setup.database, "owner", NOW).await;
    let before = rows(&setup.database).await;
    let (ada, signed_in) = sign_up(&setup, "ada@example.com").await;
    let user = signed_in.body["user"]["id"].as_str().unwrap();
    let join = Statement::new(
        "INSERT INTO membership (account_id, user_id, role, created_at) VALUES (?1, ?2, 'member', 1)",
    );
    setup.database.query(join.bind(team.account_id.to_string()).bind(user)).await.unwrap();
    log_in(&setup, "ada@example.com", PASSWORD).await;
    ada.post("/api/auth/switch", &json!({"account_id": team.account_id.to_string()})).await;
    ada.post("/api/auth/totp", &json!({"password": PASSWORD})).await;
    let conversation = Statement::new(
        "INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) SELECT account_id, 'conv_x', 1, 1, 1 FROM membership WHERE user_id = ?1 AND role = 'owner'",
    );
    setup.database.query(conversation.bind(user)).await.unwrap();
    let answer = send(&ada, Method::DELETE, PATH, &json!({"password": PASSWORD})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(rows(&setup.database).await, before);
    assert_eq!(ada.get(PATH).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(log_in(&setup, "ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    sign_up(&setup, "ada@example.com").await;
}

#[tokio::test]
async fn the_only_owner_of_a_team_with_others_cannot_leave() {
    let setup = setup().await;
    let (ada, signed_in) = sign_up(&setup, "ada@example.com").await;
    let user = signed_in.body["user"]["id"].as_str().unwrap();
    let team = Person::new(&setup.database, "viewer", NOW).await;
    let join = Statement::new(
        "INSERT INTO membership (account_id, user_id, role, created_at) VALUES (?1, ?2, 'owner', 1)",
    );
    setup.database.query(join.bind(team.account_id.to_string()).bind(user)).await.unwrap();
    let before = rows(&setup.database).await;
    let body = json!({"password": PASSWORD});
    let answer = send(&ada, Method::DELETE, PATH, &body).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "last_owner"));
    assert_eq!(rows(&setup.database).await, before);
    setup.database.query(Statement::new("UPDATE membership SET role = 'owner'")).await.unwrap();
    assert_eq!(send(&ada, Method::DELETE, PATH, &body).await.status, StatusCode::NO_CONTENT);
    let accounts = setup.database.query(Statement::new("SELECT id FROM account")).await.unwrap();
    assert_eq!(accounts.first().unwrap().get::<String>("id").unwrap(), team.account_id.to_string());
}

/// At least 120 changes of one good token, none of which counts, and all of which are answered alike (SECURITY R24).
#[tokio::test]
async fn mutated_access_tokens_get_one_identical_401() {
    let setup = setup().await;
    let (ada, signed_in) = sign_up(&setup, "ada@example.com").await;
    let good = signed_in.body["access_token"].as_str().unwrap();
    let mutants = mutants(good, signed_in.body["refresh_token"].as_str().unwrap());
    assert!(120 <= mutants.len(), "{}", mutants.len());
    let refusal = visible(&setup.client.with_token("x").get(PATH).await);
    assert_eq!(refusal.0, StatusCode::UNAUTHORIZED);
    for mutant in mutants {
        // What is no header value reaches no server.
        if axum::http::HeaderValue::from_str(&mutant).is_err() {
            continue;
        }
        let answer = setup.client.with_token(&mutant).get(PATH).await;
        assert_eq!(visible(&answer), refusal, "{mutant}");
    }
    assert_eq!(ada.get(PATH).await.status, StatusCode::OK);
}

fn mutants(good: &str, refresh_token: &str) -> Vec<String> {
    let parts: Vec<&str> = good.split('.').collect();
    let decode =
        |part: &str| -> Value { serde_json::from_slice(&B64.decode(part).unwrap()).unwrap() };
    let (header, payload) = (decode(parts[0]), decode(parts[1]));
    let mut mutants: Vec<String> = vec![
        refresh_token.to_owned(),
        parts[..2].join("."),
        format!("{}.", parts[..2].join(".")),
        format!("{good}."),
        format!("{good}="),
        format!("{good}.{}", parts[2]),
        format!("{}.{}.{}", parts[1], parts[0], parts[2]),
        good.to_uppercase(),
        good.replace('.', ".."),
        json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string(),
        format!("{}{}", good, "A".repeat(5000)),
    ];
    for (name, value) in foreign_headers() {
        let mut header = header.clone();
        header[name] = value;
        let header = B64.encode(header.to_string());
        mutants.push(format!("{header}.{}.{}", parts[1], parts[2]));
        mutants.push(format!("{header}.{}.", parts[1]));
    }
    let payloads = foreign_payloads(&payload);
    mutants.extend(payloads.map(|text| format!("{}.{}.{}", parts[0], B64.encode(text), parts[2])));
    for index in (0..good.len()).step_by(17) {
        let mut bytes = good.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        mutants.push(String::from_utf8(bytes).unwrap());
    }
    mutants
}

/// Members of a header that would change what the signature means.
fn foreign_headers() -> impl Iterator<Item = (&'static str, Value)> {
    let headers = [
        (
            "alg",
            vec![
                json!("none"),
                json!("None"),
                json!("nOnE"),
                json!(""),
                json!("HS256"),
                json!("HS512"),
                json!("RS256"),
                json!("ES256"),
                json!("PS256"),
                json!("eddsa"),
                json!("Ed25519"),
                json!(null),
                json!(["EdDSA"]),
            ],
        ),
        (
            "typ",
            vec![
                json!("JWT"),
                json!("jwt"),
                json!("AT+JWT"),
                json!("application/at+jwt"),
                json!(null),
                json!("id+jwt"),
            ],
        ),
        (
            "kid",
            vec![
                json!(""),
                json!("x"),
                json!("../../../dev/null"),
                json!("' UNION SELECT x'00' --"),
                json!("A".repeat(43)),
                json!(null),
                json!(0),
            ],
        ),
        (
            "jwk",
            vec![
                json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
            ],
        ),
        ("jku", vec![json!("https://evil.example/jwks.json"), json!("http://127.0.0.1/")]),
        ("x5u", vec![json!("https://evil.example/")]),
        ("x5c", vec![json!(["MIIB"])]),
        ("crit", vec![json!(["exp"]), json!([])]),
        ("zip", vec![json!("DEF")]),
        ("b64", vec![json!(false)]),
        ("cty", vec![json!("JWT")]),
    ];
    let each = |(name, values): (_, Vec<Value>)| values.into_iter().map(move |value| (name, value));
    headers.into_iter().flat_map(each)
}

/// Claims of another kind, and claims that are there twice.
fn foreign_payloads(payload: &Value) -> impl Iterator<Item = String> {
    let names = ["iss", "aud", "sub", "account", "sid", "jti", "iat", "nbf", "exp"];
    names.into_iter().flat_map(|name| {
        let values = [
            json!(null),
            json!(""),
            json!([payload[name]]),
            json!("1e9"),
            json!(-1),
            json!(4_102_444_800_u64),
        ];
        let others = values.map(|value| {
            let mut payload = payload.clone();
            payload[name] = value;
            payload.to_string()
        });
        let text = payload.to_string();
        let twice = format!(r#"{},"{name}":{}}}"#, &text[..text.len() - 1], payload[name]);
        others.into_iter().chain([twice])
    })
}

/// Signed tokens of others: none of the vectors of Project Wycheproof, valid or not for its own key, is one of ours.
#[tokio::test]
async fn tokens_of_other_keys_get_the_same_401() {
    let setup = setup().await;
    sign_up(&setup, "ada@example.com").await;
    let refusal = visible(&setup.client.with_token("x").get(PATH).await);
    let vectors = include_str!("data/wycheproof_jws.txt");
    let mut count = 0;
    for vector in vectors.lines().filter(|line| !line.starts_with('#')) {
        let Ok(value) = axum::http::HeaderValue::from_str(&format!("Bearer {vector}")) else {
            continue;
        };
        let request = setup.client.request(Method::GET, PATH).header("authorization", value);
        let answer = setup.client.send(request.body("".into()).unwrap()).await;
        assert_eq!(visible(&answer), refusal, "{vector}");
        count += 1;
    }
    assert!(350 < count, "{count}");
}
