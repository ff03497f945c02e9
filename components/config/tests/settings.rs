//! `/api/settings` and `/api/system/settings`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::{Method, StatusCode};
use futures::future::join_all;
use serde_json::{Value, json};
use support::{assert_bad_requests, assert_broken_rules, send, send_with, setup};

const PATH: &str = "/api/settings";
const SYSTEM: &str = "/api/system/settings";

fn defaults() -> Value {
    json!({"schema_version": 1, "flows": [], "active_flow_id": null, "model_parameters": {}, "mcp": {}})
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_done() {
    let setup = setup().await;
    let viewer = setup.colleague("viewer").await;
    for method in [Method::GET, Method::PUT, Method::PATCH] {
        let anonymous = send(&setup.anonymous, method.clone(), PATH, &json!({})).await;
        assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
        let low = send(&viewer, method.clone(), PATH, &json!({"a": 1})).await;
        let expected = if method == Method::GET { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(low.status, expected);
        let not_the_platform_s = send(&setup.ada, method, SYSTEM, &json!({"a": 1})).await;
        assert_eq!(not_the_platform_s.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(setup.count("SELECT count(*) AS n FROM account_settings").await, 0);
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    let setup = setup().await;
    for method in [Method::PUT, Method::PATCH] {
        let bodies = [json!(null), json!([]), json!("x"), json!(7)];
        assert_bad_requests(&setup.ada, method.clone(), PATH, &bodies).await;
        let rules = [
            (json!({"flows": {}}), "/flows"),
            (json!({"active_flow_id": 7}), "/active_flow_id"),
            (json!({"model_parameters": []}), "/model_parameters"),
            (json!({"mcp": "x"}), "/mcp"),
            (json!({"schema_version": 2}), "/schema_version"),
        ];
        assert_broken_rules(&setup.ada, method, PATH, &rules).await;
    }
    assert_broken_rules(&setup.ada, Method::PUT, PATH, &[(json!({"flows": null}), "/flows")]).await;
    assert_eq!(setup.ada.get(PATH).await.body, defaults());
}

#[tokio::test]
async fn a_document_has_at_most_256_kib_however_it_grew() {
    let setup = setup().await;
    let document = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
    assert_eq!(setup.ada.put(PATH, &document(256 * 1024)).await.status, StatusCode::OK);
    for (method, body) in [
        (Method::PUT, document(256 * 1024 + 1)),
        (Method::PATCH, document(256 * 1024 + 1)),
        (Method::PATCH, json!({"b": 1})),
    ] {
        let answer = send(&setup.ada, method.clone(), PATH, &body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::PAYLOAD_TOO_LARGE, "content_too_large"),
            "{method}"
        );
    }
    assert_eq!(setup.ada.get(PATH).await.headers["etag"], "\"1\"");
}

#[tokio::test]
async fn settings_have_defaults_and_are_replaced_and_patched() {
    let setup = setup().await;
    let unset = setup.ada.get(PATH).await;
    assert_eq!((unset.status, &unset.body), (StatusCode::OK, &defaults()));
    assert_eq!(unset.headers["etag"], "\"0\"");
    let document = json!({"schema_version": 1, "flows": [{"id": "f"}], "active_flow_id": "f", "model_parameters": {"temperature": 1}, "mcp": {"a": true}, "theme": {"dark": true}});
    let put = setup.ada.put(PATH, &document).await;
    assert_eq!((put.status, &put.body), (StatusCode::OK, &document));
    assert_eq!(put.headers["etag"], "\"1\"");
    assert_eq!(setup.ada.get(PATH).await.body, document);
    let patch = json!({"active_flow_id": null, "model_parameters": {"top_p": 0.5, "temperature": null}, "theme": {"dark": false, "size": 3}});
    let patched = setup.ada.patch(PATH, &patch).await;
    let expected = json!({"schema_version": 1, "flows": [{"id": "f"}], "active_flow_id": null, "model_parameters": {"top_p": 0.5}, "mcp": {"a": true}, "theme": {"dark": false, "size": 3}});
    assert_eq!((patched.status, &patched.body), (StatusCode::OK, &expected));
    assert_eq!(setup.ada.get(PATH).await.body, expected);
    assert_eq!(setup.eve.get(PATH).await.body, defaults());
    setup.ada.put(PATH, &json!({})).await;
    assert_eq!(setup.ada.get(PATH).await.body, defaults());
}

/// The examples of RFC 7396, appendix A, that begin and end with an object.
#[tokio::test]
async fn patches_do_what_the_rfc_says() {
    let setup = setup().await;
    for (before, patch, after) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        (
            json!({"gr\u{fc}n \"\\": 1}),
            json!({"gr\u{fc}n \"\\": {"\u{1f600}": 2}}),
            json!({"gr\u{fc}n \"\\": {"\u{1f600}": 2}}),
        ),
    ] {
        setup.ada.put(PATH, &before).await;
        let mut patched = setup.ada.patch(PATH, &patch).await.body;
        for name in defaults().as_object().unwrap().keys() {
            patched.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(patched, after, "{before} {patch}");
    }
}

#[tokio::test]
async fn the_platform_s_settings_lie_below_and_are_never_copied() {
    let setup = setup().await;
    let below =
        json!({"model_parameters": {"temperature": 0.2, "top_p": 1}, "flows": [{"id": "house"}]});
    assert_eq!(setup.admin.put(SYSTEM, &below).await.status, StatusCode::OK);
    setup.ada.patch(PATH, &json!({"model_parameters": {"temperature": 0.9}})).await;
    let seen = setup.ada.get(PATH).await.body;
    assert_eq!(seen["model_parameters"], json!({"temperature": 0.9, "top_p": 1}));
    assert_eq!(seen["flows"], json!([{"id": "house"}]));
    setup.admin.patch(SYSTEM, &json!({"model_parameters": {"top_p": 0.7}})).await;
    assert_eq!(setup.ada.get(PATH).await.body["model_parameters"]["top_p"], 0.7);
    assert_eq!(setup.eve.get(PATH).await.body["model_parameters"]["temperature"], 0.2);
    let copied = "SELECT count(*) AS n FROM account_settings WHERE account_id <> 'platform' AND document LIKE '%house%'";
    assert_eq!(setup.count(copied).await, 0);
}

#[tokio::test]
async fn what_someone_else_has_changed_is_not_overwritten() {
    let setup = setup().await;
    setup.ada.put(PATH, &json!({"n": 1})).await;
    for method in [Method::PUT, Method::PATCH] {
        for tag in ["\"0\"", "", "W/\"1\"", "\"x\"", "\"2\""] {
            let answer =
                send_with(&setup.ada, method.clone(), PATH, ("if-match", tag), &json!({"n": 2}))
                    .await;
            assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{method} {tag:?}");
        }
    }
    assert_eq!(setup.ada.get(PATH).await.body["n"], 1);
    for (tag, method) in [("\"1\"", Method::PUT), ("\"2\"", Method::PATCH), ("*", Method::PUT)] {
        let answer = send_with(&setup.ada, method, PATH, ("if-match", tag), &json!({"n": 3})).await;
        assert_eq!(answer.status, StatusCode::OK, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_patch_at_once_nobody_s_change_is_lost_and_one_if_match_wins() {
    let setup = setup().await;
    let patch = |name: String, tag: &'static str| {
        let client = setup.ada.clone();
        tokio::spawn(async move {
            send_with(&client, Method::PATCH, PATH, ("if-match", tag), &json!({name: 1}))
                .await
                .status
        })
    };
    let all = join_all((0..32).map(|n| patch(format!("p{n}"), "*"))).await;
    assert!(all.into_iter().all(|status| status.unwrap() == StatusCode::OK));
    let seen = setup.ada.get(PATH).await;
    assert!((0..32).all(|n| seen.body[format!("p{n}")] == 1), "{}", seen.body);
    assert_eq!(seen.headers["etag"], "\"32\"");
    let all = join_all((0..32).map(|n| patch(format!("q{n}"), "\"32\""))).await;
    let won = all.into_iter().filter(|status| *status.as_ref().unwrap() == StatusCode::OK).count();
    assert_eq!(won, 1);
}
