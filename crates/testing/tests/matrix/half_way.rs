//! Callers who have begun to sign in and are not in: people who have not proven their address where that is needed, and people who have
//! shown their password and not their second factor. What they were answered is all that they hold, and it opens no route.

use ambient::Afterwards;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use chunks::ChunkStore;
use database::Statement;
use http_body_util::BodyExt as _;
use routes::Access;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::callers::CALLERS;
use crate::cells::cells;
use crate::components;
use crate::world::{World, routers_with};

const PASSWORD: &str = "correct horse battery";

/// What an answer shows: its status, its code and every text in headers and body that could be a credential.
struct Shown {
    status: u16,
    body: Value,
    texts: Vec<String>,
}

async fn post(router: &Router, path: &str, token: &str, body: Value) -> Shown {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let (mut parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(work) = parts.extensions.remove::<Afterwards>() {
        work.run().await;
    }
    let mut texts: Vec<String> =
        parts.headers.values().map(|value| value.to_str().unwrap().to_owned()).collect();
    gather(&body, &mut texts);
    Shown { status: parts.status.as_u16(), body, texts }
}

fn gather(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(members) => members.values().for_each(|member| gather(member, texts)),
        _ => {}
    }
}

/// Somebody who has signed up and has not followed the link, where that is needed.
async fn unverified() -> (Vec<Router>, Vec<String>) {
    let database = testing::database().await;
    let routers = routers_with(&database, &ChunkStore::in_memory().unwrap(), "true").await;
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let signed_up = post(&routers[0], "/api/auth/signup", "", credentials).await;
    assert_eq!(signed_up.status, 202);
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let refused = post(&routers[0], "/api/auth/login", "", login).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("email_unverified")));
    (routers, [signed_up.texts, refused.texts].concat())
}

/// Somebody who has shown the password and has a second factor.
async fn before_the_second_factor() -> (Vec<Router>, Vec<String>) {
    let database = testing::database().await;
    let routers = routers_with(&database, &ChunkStore::in_memory().unwrap(), "false").await;
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD});
    let signed_up = post(&routers[0], "/api/auth/signup", "", credentials).await;
    let token = signed_up.body["access_token"].as_str().unwrap();
    let enrolled = post(&routers[0], "/api/auth/totp", token, json!({"password": PASSWORD})).await;
    assert_eq!(enrolled.status, 200);
    database.query(Statement::new("UPDATE totp SET confirmed_at = 1")).await.unwrap();
    let login = json!({"login": "ada@example.com", "password": PASSWORD});
    let refused = post(&routers[0], "/api/auth/login", "", login).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &json!("totp_required")));
    (routers, refused.texts)
}

#[tokio::test]
async fn whoever_is_half_way_in_is_outside() {
    // For its ids.
    let world = World::new().await;
    let caller = &CALLERS[CALLERS.len() - 1];
    let mut count = 0;
    for (routers, mut texts) in [unverified().await, before_the_second_factor().await] {
        texts.retain(|text| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic()));
        texts.push(PASSWORD.replace(' ', "-"));
        for (component, (declarations, schemas)) in components().iter().enumerate() {
            for route in declarations.iter().filter(|route| route.access != Access::Public) {
                for cell in cells(component, route, schemas, caller) {
                    let path = cell.placed(&world).path;
                    for text in &texts {
                        let status = attempt(&routers[component], &route.method, &path, text).await;
                        assert_eq!(status, 401, "{} {path} with {text}", route.method);
                        count += 1;
                    }
                }
            }
        }
    }
    println!("half way: cells {count}");
}

async fn attempt(router: &Router, method: &Method, path: &str, text: &str) -> u16 {
    let request = Request::builder()
        .method(method.clone())
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {text}"));
    let response = router.clone().oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
    response.status().as_u16()
}
