//! `PATCH` and `DELETE /api/conversations/{id}`, `PUT /api/conversations/by-continuation/{continuation_id}`, derived titles
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, Setup, assert_bad_requests, assert_broken_rules, send_if, setup};
use testing::Answer;

const BY_CONTINUATION: &str = "/api/conversations/by-continuation";

async fn patch_if(setup: &Setup, path: &str, tag: &str, body: &Value) -> Answer {
    send_if(&setup.ada, Method::PATCH, path, tag, body).await
}

#[tokio::test]
async fn changes_that_are_not_the_object_it_takes_are_bad_requests() {
    let setup = setup().await;
    let path = setup.conversation().await;
    let bodies = [
        json!(null),
        json!({"title": 7}),
        json!({"pinned": 1}),
        json!({"archived": "true"}),
        json!({"metadata": []}),
        json!({"id": "conv_01h455vb4pex5vsknk084sn02q"}),
        json!({"account_id": "acct_01h455vb4pex5vsknk084sn02q"}),
        json!({"continuation_id": "c"}),
        json!({"message_count": 7}),
        json!({"version": 7}),
        json!({"temporary": "yes"}),
        json!({"expires_in": 60.5}),
        json!({"lifetime_ms": 1}),
        json!({"deleted_at": 1}),
    ];
    assert_bad_requests(&setup.ada, Method::PATCH, &path, &bodies).await;
    let bodies = [
        (json!({"title": ""}), "/title"),
        (json!({"title": "x".repeat(256)}), "/title"),
        (json!({"title": "a\nb"}), "/title"),
        (json!({"metadata": {"a": "x".repeat(64 * 1024)}}), "/metadata"),
    ];
    assert_broken_rules(&setup.ada, Method::PATCH, &path, &bodies).await;
}

#[tokio::test]
async fn a_change_of_what_someone_else_has_changed_is_refused() {
    let setup = setup().await;
    let path = setup.conversation().await;
    let tag = setup.ada.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let changed = patch_if(&setup, &path, &tag, &json!({"title": "first"})).await;
    assert_eq!(changed.status, StatusCode::OK);
    for stale in [tag.as_str(), "", "W/\"2-0\"", "\"x\"", "2-0"] {
        let answer = patch_if(&setup, &path, stale, &json!({"title": "second"})).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{stale:?}");
        assert_eq!(answer.code(), "precondition_failed");
    }
    assert_eq!(setup.ada.get(&path).await.body["title"], "first");
    // An append is no edit: who renames does not overwrite it.
    let tag = changed.headers["etag"].to_str().unwrap();
    setup.append(&path, &["hello"]).await;
    assert_eq!(patch_if(&setup, &path, tag, &json!({"pinned": true})).await.status, StatusCode::OK);
    assert_eq!(
        patch_if(&setup, &path, "*", &json!({"pinned": false})).await.status,
        StatusCode::OK
    );
    let request = setup.ada.request(Method::DELETE, &path).header("if-match", tag);
    let answer = setup.ada.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_changes_with_one_tag_one_wins() {
    let setup = setup().await;
    let path = setup.conversation().await;
    let tag = setup.ada.get(&path).await.headers["etag"].clone();
    let changes: Vec<_> = (0..16)
        .map(|n| {
            let client = setup.ada.clone();
            let request = client
                .request(Method::PATCH, &path)
                .header("if-match", tag.clone())
                .header("content-type", "application/json")
                .body(Body::from(json!({"title": n.to_string()}).to_string()))
                .unwrap();
            tokio::spawn(async move { client.send(request).await.status })
        })
        .collect();
    let mut won = 0;
    for change in changes {
        match change.await.unwrap() {
            StatusCode::OK => won += 1,
            status => assert_eq!(status, StatusCode::PRECONDITION_FAILED),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn only_what_is_named_changes() {
    let setup = setup().await;
    let body = json!({"title": "Loops", "metadata": {"n": 1}});
    let id = setup.ada.post(PATH, &body).await.body["id"].as_str().unwrap().to_owned();
    let path = format!("{PATH}/{id}");
    setup.hand.advance(Duration::from_secs(1));
    let pinned = setup.ada.patch(&path, &json!({"pinned": true})).await;
    assert_eq!(pinned.status, StatusCode::OK);
    insta::assert_json_snapshot!(pinned.redacted(), @r#"
    {
      "body": {
        "archived": false,
        "continuation_id": null,
        "created_at": "[time]",
        "expires_at": null,
        "id": "[conv]",
        "last_message_at": null,
        "message_count": 0,
        "metadata": {
          "n": 1
        },
        "pinned": true,
        "temporary": false,
        "title": "Loops",
        "updated_at": "[time]"
      },
      "status": 200
    }
    "#);
    assert_eq!(setup.ada.get(&path).await.body, pinned.body);
    assert_eq!(setup.ada.get(&path).await.headers["etag"], pinned.headers["etag"]);
    assert_ne!(pinned.body["updated_at"], pinned.body["created_at"]);
    let body = json!({"title": null, "metadata": {"m": [2]}, "pinned": false, "archived": true});
    let changed = setup.ada.patch(&path, &body).await.body;
    for name in ["title", "metadata", "pinned", "archived"] {
        assert_eq!(changed[name], body[name], "{name}");
    }
    let same = setup.ada.patch(&path, &json!({})).await;
    assert_eq!((same.status, &same.body["archived"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn a_deleted_conversation_takes_everything_along_and_nothing_else() {
    let setup = setup().await;
    let (gone, kept) = (setup.conversation().await, setup.conversation().await);
    setup.append(&gone, &["one", "two"]).await;
    let message = setup.append(&kept, &["three"]).await;
    let deleted = setup.ada.delete(&gone).await;
    assert_eq!((deleted.status, deleted.body), (StatusCode::NO_CONTENT, Value::Null));
    for path in [gone.clone(), format!("{gone}/messages")] {
        assert_eq!(setup.ada.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(setup.ada.delete(&gone).await.status, StatusCode::NOT_FOUND);
    assert_eq!(setup.ada.get(&format!("{kept}/messages")).await.body["data"], json!([message]));
    let id = gone.rsplit_once('/').unwrap().1;
    for sql in [
        "SELECT count(*) AS n FROM message WHERE conversation_id = ?1",
        "SELECT count(*) AS n FROM message_run WHERE conversation_id = ?1",
        "SELECT count(*) AS n FROM search_entry WHERE conversation_id = ?1",
    ] {
        let rows = setup.database.query(Statement::new(sql).bind(id)).await.unwrap();
        assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 0, "{sql}");
    }
}

#[tokio::test]
async fn continuation_ids_that_break_a_rule_are_named() {
    let setup = setup().await;
    for id in ["a%0Ab".to_owned(), "%7F".to_owned(), "x".repeat(256)] {
        let answer = setup.ada.put(&format!("{BY_CONTINUATION}/{id}"), &json!({})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        assert_eq!(answer.pointers(), ["/continuation_id"]);
    }
    let path = format!("{BY_CONTINUATION}/thread");
    for body in [json!({"continuation_id": "x"}), json!({"title": 7}), json!([])] {
        assert_eq!(setup.ada.put(&path, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for (body, pointer) in [
        (json!({"title": ""}), "/title"),
        (json!({"metadata": {"a": "x".repeat(64 * 1024)}}), "/metadata"),
    ] {
        let answer = setup.ada.put(&path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.pointers(), [pointer]);
    }
    let invalid_utf8 = setup.ada.put(&format!("{BY_CONTINUATION}/%FF"), &json!({})).await;
    assert_eq!(invalid_utf8.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn get_or_create_creates_once_and_then_gets() {
    let setup = setup().await;
    let path = format!("{BY_CONTINUATION}/thread%207%2F%C3%A4");
    let empty = setup.ada.request(Method::PUT, &path).body(Body::empty()).unwrap();
    let created = setup.ada.send(empty).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(created.body["continuation_id"], "thread 7/ä");
    let again = setup.ada.put(&path, &json!({"title": "ignored"})).await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &created.body));
    assert_eq!(again.headers["etag"], created.headers["etag"]);
    let eves = setup.eve.put(&path, &json!({"title": "Mine", "metadata": {"n": 1}})).await;
    assert_eq!(eves.status, StatusCode::CREATED);
    assert_eq!((&eves.body["title"], &eves.body["metadata"]), (&json!("Mine"), &json!({"n": 1})));
    assert_ne!(eves.body["id"], created.body["id"]);
    assert_eq!(setup.ada.get(PATH).await.body["data"], json!([created.body]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_get_or_create_at_once_one_creates() {
    let setup = setup().await;
    let path = format!("{BY_CONTINUATION}/shared");
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (client, path) = (setup.ada.clone(), path.clone());
            tokio::spawn(async move { client.put(&path, &json!({})).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    let created = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    let got = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!((created, got), (1, 63));
    assert!(answers.iter().all(|answer| answer.body["id"] == answers[0].body["id"]));
}

#[tokio::test]
async fn references_to_what_the_account_does_not_have_are_refused() {
    let setup = setup().await;
    for name in ["model_id", "blueprint_id"] {
        let answer = setup.ada.post(PATH, &json!({name: "model_01h455vb4pex5vsknk084sn02q"})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.pointers(), [format!("/{name}")]);
        assert_eq!(setup.ada.post(PATH, &json!({name: null})).await.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn the_first_text_of_a_user_names_a_conversation_without_a_title() {
    let setup = setup().await;
    let path = setup.conversation().await;
    let title = async |path: &str| setup.ada.get(path).await.body["title"].clone();
    let assistant = json!({"role": "assistant", "content": "Hello, what shall we do?"});
    setup.ada.post(&format!("{path}/messages"), &assistant).await;
    assert_eq!(title(&path).await, Value::Null);
    setup.append(&path, &["\u{0} \n", "Where does\nthe thread end?", "And then?"]).await;
    assert_eq!(title(&path).await, "Where does the thread end?");

    let named = setup.ada.post(PATH, &json!({"title": "Mine"})).await.body["id"].clone();
    let named = format!("{PATH}/{}", named.as_str().unwrap());
    setup.append(&named, &["not this"]).await;
    assert_eq!(title(&named).await, "Mine");
    setup.ada.patch(&named, &json!({"title": null})).await;
    setup.append(&named, &["but this"]).await;
    assert_eq!(title(&named).await, "but this");
}
