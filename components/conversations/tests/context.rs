//! `GET`, `PUT /api/conversations/{id}/context`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Setup, assert_bad_requests, send_if, setup};
use testing::Answer;

async fn put_if(setup: &Setup, path: &str, tag: &str, body: &Value) -> Answer {
    send_if(&setup.ada, Method::PUT, path, tag, body).await
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    let setup = setup().await;
    let path = setup.conversation().await + "/context";
    let bodies = [json!(null), json!([]), json!("x"), json!(7)];
    assert_bad_requests(&setup.ada, Method::PUT, &path, &bodies).await;
    let document = |bytes: usize| json!({"a": "x".repeat(bytes - r#"{"a":""}"#.len())});
    let too_large = setup.ada.put(&path, &document(1024 * 1024 + 1)).await;
    assert_eq!(too_large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(setup.ada.get(&path).await.body, json!({}));
    let largest = document(1024 * 1024);
    assert_eq!(setup.ada.put(&path, &largest).await.status, StatusCode::OK);
    assert_eq!(setup.ada.get(&path).await.body, largest);
}

#[tokio::test]
async fn a_document_comes_back_bare_and_is_empty_before_it_was_written() {
    let setup = setup().await;
    let path = setup.conversation().await + "/context";
    let empty = setup.ada.get(&path).await;
    assert_eq!((empty.status, &empty.body), (StatusCode::OK, &json!({})));
    assert_eq!(empty.headers["etag"], "\"0\"");
    let document = json!({"customer": {"id": 7}, "steps": ["a", "b"]});
    let put = setup.ada.put(&path, &document).await;
    assert_eq!((put.status, &put.body), (StatusCode::OK, &document));
    let got = setup.ada.get(&path).await;
    assert_eq!((got.status, &got.body), (StatusCode::OK, &document));
    assert_eq!(got.headers["etag"], put.headers["etag"]);
    assert_ne!(got.headers["etag"], empty.headers["etag"]);
}

#[tokio::test]
async fn a_document_that_someone_else_has_changed_is_not_overwritten() {
    let setup = setup().await;
    let path = setup.conversation().await + "/context";
    let first = put_if(&setup, &path, "\"0\"", &json!({"n": 1})).await;
    assert_eq!(first.status, StatusCode::OK);
    for tag in ["\"0\"", "", "W/\"1\"", "\"x\""] {
        let answer = put_if(&setup, &path, tag, &json!({"n": 2})).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{tag:?}");
    }
    assert_eq!(setup.ada.get(&path).await.body, json!({"n": 1}));
    for tag in [first.headers["etag"].to_str().unwrap(), "*"] {
        assert_eq!(put_if(&setup, &path, tag, &json!({"n": 3})).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_write_the_first_document_one_wins() {
    let setup = setup().await;
    let path = setup.conversation().await + "/context";
    let puts: Vec<_> = (0..16)
        .map(|n| {
            let client = setup.ada.clone();
            let request = client
                .request(Method::PUT, &path)
                .header("if-match", "\"0\"")
                .header("content-type", "application/json")
                .body(Body::from(json!({"n": n}).to_string()))
                .unwrap();
            tokio::spawn(async move { client.send(request).await.status })
        })
        .collect();
    let mut won = 0;
    for put in puts {
        won += usize::from(put.await.unwrap() == StatusCode::OK);
    }
    assert_eq!(won, 1);
}
