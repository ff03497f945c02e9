//! Every route that may be repeated: one effect and one answer, however often the request is sent.
//!
//! The routes come from the tables. One that creates without being repeatable fails here, and so does a repeatable one without a line in
//! `calls.rs`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod calls;
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use futures::future::join_all;
use routes::{Access, Declaration};
use serde_json::{Value, json};

use crate::calls::{Call, call};
use crate::world::{Seen, World};

fn declarations() -> Vec<Declaration> {
    let components = [
        auth::declarations(),
        conversations::declarations(),
        config::declarations(),
        files::declarations(),
        chat::declarations(),
    ];
    components.concat()
}

fn repeatable() -> impl Iterator<Item = Declaration> {
    declarations().into_iter().filter(|route| route.is_repeatable)
}

/// A new world in which someone has everything that the route needs.
async fn ready(route: &Declaration) -> (World, Call) {
    let world = World::new().await;
    let call = call(&world, route).await;
    (world, call)
}

#[test]
fn whatever_creates_may_be_repeated() {
    for route in declarations() {
        let creates = route.method == Method::POST && route.outcome.status == 201;
        // Before someone is signed in there is no account whose keys could be looked at.
        // An identity at a provider is one whoever asks how often: linking it again has no second effect to prevent.
        if creates && route.access != Access::Public && route.operation_id != "link_identity" {
            assert!(route.is_repeatable, "{} creates, but is not repeatable", route.path);
        }
        if route.is_repeatable {
            assert_eq!(route.method, Method::POST, "{}", route.path);
            assert_ne!(route.access, Access::Public, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_without_a_credential_no_key_helps() {
    for route in repeatable() {
        let (world, call) = ready(&route).await;
        let rows = world.rows().await;
        for key in ["", "a b", "k".repeat(256).as_str(), "schl\u{fc}ssel"] {
            let seen = world.send(&call, &[key]).await;
            assert_eq!((seen.status, seen.code()), (400, "invalid_request".to_owned()), "{key:?}");
        }
        let seen = world.send(&call, &["one", "one"]).await;
        assert_eq!(seen.status, 400, "{}", route.path);
        let seen = world.send(&call.clone().anonymous(), &["key"]).await;
        assert_eq!(seen.status, 401, "{}", route.path);
        assert_eq!(world.rows().await, rows, "{}", route.path);
    }
}

#[tokio::test]
async fn a_repetition_gets_the_same_answer_and_has_no_effect() {
    for route in repeatable() {
        let (world, call) = ready(&route).await;
        let first = world.send(&call, &["a-key"]).await;
        assert_eq!(first.status, route.outcome.status, "{} {}", route.path, first.text);
        assert!(!first.is_replayed);
        let rows = world.rows().await;
        world.hand.advance(Duration::from_hours(23));
        let call = world.renewed(call).await;
        let before = world.rows().await;
        let again = world.send(&call, &["a-key"]).await;
        assert!(again.is_replayed, "{} {}", route.path, again.text);
        assert_eq!(again.same(), first.same(), "{}", route.path);
        assert_eq!(world.rows().await, before, "{}", route.path);
        assert!(rows <= before);
    }
}

#[tokio::test]
async fn a_key_is_good_for_one_request() {
    for route in repeatable() {
        let (world, call) = ready(&route).await;
        assert_eq!(world.send(&call, &["key"]).await.status, route.outcome.status);
        let rows = world.rows().await;
        for other in [call.clone().with_body(call.other.clone()), call.clone().with_query("x=1")] {
            let seen = world.send(&other, &["key"]).await;
            let refused = (422, "idempotency_key_reused".to_owned());
            assert_eq!((seen.status, seen.code()), refused, "{}", route.path);
        }
        assert_eq!(world.rows().await, rows, "{}", route.path);
        assert!(world.send(&call, &["key"]).await.is_replayed, "{}", route.path);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_32_at_once_one_has_an_effect_and_all_get_its_answer() {
    for route in repeatable() {
        let (world, call) = ready(&route).await;
        let before = world.rows().await;
        world.send(&call, &["key"]).await;
        let effect = world.rows().await - before;
        let (world, call) = ready(&route).await;
        let before = world.rows().await;
        let seen: Vec<Seen> = join_all((0..32).map(|_| world.send(&call, &["key"]))).await;
        assert_eq!(world.rows().await - before, effect, "{}", route.path);
        let answers: BTreeSet<_> = seen.iter().map(Seen::same).collect();
        assert_eq!(answers.len(), 1, "{}: {answers:#?}", route.path);
        assert_eq!(seen[0].status, route.outcome.status, "{}", route.path);
        assert_eq!(seen.iter().filter(|seen| !seen.is_replayed).count(), 1, "{}", route.path);
    }
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_with_the_same_key() {
    for route in repeatable() {
        let (world, call) = ready(&route).await;
        if route.request.is_none() {
            continue;
        }
        let bad = call.clone().with_body(json!({"unknown": true}));
        let seen = world.send(&bad, &["key"]).await;
        assert!((400..500).contains(&seen.status), "{} {}", route.path, seen.text);
        assert_eq!(world.kept().await, 0, "{}", route.path);
        let seen = world.send(&call, &["key"]).await;
        assert_eq!((seen.status, seen.is_replayed), (route.outcome.status, false), "{}", seen.text);
        assert_eq!(world.kept().await, 1, "{}", route.path);
    }
}

#[tokio::test]
async fn keys_are_everyones_own() {
    let (world, call) = ready(&route("create_conversation")).await;
    let first = world.send(&call, &["key"]).await;
    let theirs = Call { token: Some(world.someone_else().await), ..call };
    let second = world.send(&theirs, &["key"]).await;
    assert_eq!((second.status, second.is_replayed), (201, false));
    assert_ne!(first.same(), second.same());
}

#[tokio::test]
async fn after_a_day_a_key_is_free_and_old_answers_are_swept() {
    let (world, call) = ready(&route("create_account")).await;
    for key in ["1", "2", "3"] {
        world.send(&call, &[key]).await;
    }
    world.hand.advance(Duration::from_hours(24));
    let call = world.renewed(call).await;
    let seen = world.send(&call, &["1"]).await;
    assert_eq!((seen.status, seen.is_replayed), (201, false));
    assert_eq!(world.kept().await, 1);
}

#[tokio::test]
async fn what_is_deleted_is_not_kept_in_an_answer() {
    for operation in [
        "create_conversation",
        "append_message",
        "create_share",
        "create_memory",
        "create_model",
        "create_provider_key",
        "create_mcp_server",
        "create_file",
        "create_upload",
    ] {
        let (world, call) = ready(&route(operation)).await;
        let first = world.send(&call, &["key"]).await;
        let body: Value = serde_json::from_str(&first.text).unwrap();
        let path = match operation {
            "create_file" => format!("/api/files/{}", body["id"].as_str().unwrap()),
            "create_upload" => format!("/api/uploads/{}", body["id"].as_str().unwrap()),
            "create_memory" => format!("/api/memory/{}", body["id"].as_str().unwrap()),
            "create_mcp_server" => format!("/api/mcp-servers/{}", body["id"].as_str().unwrap()),
            "create_provider_key" => format!("/api/keys/{}", body["id"].as_str().unwrap()),
            "create_model" => format!("/api/models/{}", body["id"].as_str().unwrap()),
            "create_conversation" => format!("/api/conversations/{}", body["id"].as_str().unwrap()),
            _ => format!("/api/conversations/{}", call.path.split('/').nth(3).unwrap()),
        };
        let deletion = Call { method: Method::DELETE, path, body: None, ..call.clone() };
        assert_eq!(world.send(&deletion, &[]).await.status, 204, "{operation}");
        assert_eq!(world.texts_kept().await, 0, "{operation}");
        let again = world.send(&call, &["key"]).await;
        assert_eq!((again.status, again.is_replayed), (404, false), "{operation}");
    }
}

/// The fact that is overwritten keeps its id, and the answer says so both times.
#[tokio::test]
async fn a_fact_that_is_overwritten_answers_200_again() {
    let (world, call) = ready(&route("create_memory")).await;
    assert_eq!(world.send(&call, &[]).await.status, 201);
    let changed =
        call.with_body(json!({"kind": "fact", "key": "color", "value": "gr\u{fc}n \"\\\n\u{1}"}));
    let first = world.send(&changed, &["key"]).await;
    assert_eq!(first.status, 200);
    let again = world.send(&changed, &["key"]).await;
    assert_eq!((again.is_replayed, again.same()), (true, first.same()));
}

#[tokio::test]
async fn answers_open_while_the_root_key_is_replaced() {
    let (world, call) = ready(&route("create_api_key")).await;
    let first = world.send(&call, &["key"]).await;
    let rotated = world.with_master_key(&format!(
        "new:{},1:{}",
        testing::OTHER_MASTER_KEY,
        testing::MASTER_KEY
    ));
    let again = rotated.send(&call, &["key"]).await;
    assert_eq!((again.is_replayed, again.same()), (true, first.same()));
}

fn route(operation: &str) -> Declaration {
    repeatable().find(|route| route.operation_id == operation).unwrap()
}
