//! `POST /api/conversations`, `GET /api/conversations`, `GET /api/conversations/{id}`
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
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, Setup, setup};

#[tokio::test]
async fn bodies_that_are_not_the_object_it_takes_are_bad_requests() {
    let setup = setup().await;
    for body in [
        "",
        "null",
        "[]",
        r#"{"title":7}"#,
        r#"{"metadata":[]}"#,
        r#"{"metadata":"{}"}"#,
        r#"{"id":"conv_01h455vb4pex5vsknk084sn02q"}"#,
        r#"{"account_id":"acct_01h455vb4pex5vsknk084sn02q"}"#,
        r#"{"message_count":7}"#,
        r#"{"title":"a","title":"b"}"#,
    ] {
        let answer = setup.ada.post_text(PATH, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{body}"
        );
    }
    insta::assert_json_snapshot!(setup.ada.post_text(PATH, r#"{"metadata":[1]}"#).await.redacted(), @r#"
    {
      "body": {
        "code": "invalid_request",
        "detail": "The body does not have the form that this route takes; see errors.",
        "errors": [
          {
            "detail": "Expected a JSON object.",
            "pointer": "/metadata"
          }
        ],
        "request_id": "[request]",
        "status": 400,
        "title": "The request cannot be understood",
        "type": "urn:selvage:problem:invalid_request"
      },
      "status": 400
    }
    "#);
}

#[tokio::test]
async fn values_one_past_their_limit_are_refused_and_at_the_limit_taken() {
    let setup = setup().await;
    let metadata =
        |bytes: usize| json!({"metadata": {"a": "x".repeat(bytes - r#"{"a":""}"#.len())}});
    let fields =
        |title: &str, continuation: &str| json!({"title": title, "continuation_id": continuation});
    for (body, pointer) in [
        (fields("", "a"), "/title"),
        (fields(&"é".repeat(256), "a"), "/title"),
        (fields("a\nb", "a"), "/title"),
        (fields("a\0", "a"), "/title"),
        (fields("a", ""), "/continuation_id"),
        (fields("a", &"é".repeat(256)), "/continuation_id"),
        (fields("a", "a\u{7f}"), "/continuation_id"),
        (metadata(64 * 1024 + 1), "/metadata"),
    ] {
        let answer = setup.ada.post(PATH, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{pointer}");
        assert_eq!(answer.pointers(), [pointer]);
    }
    for body in [fields(&"é".repeat(255), &"é".repeat(255)), metadata(64 * 1024)] {
        assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_continuation_id_is_taken_once_per_account() {
    let setup = setup().await;
    let body = json!({"continuation_id": "thread 7/ä"});
    assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::CREATED);
    insta::assert_json_snapshot!(setup.ada.post(PATH, &body).await.redacted(), @r#"
    {
      "body": {
        "code": "continuation_id_taken",
        "detail": "Another conversation of the account has this continuation_id.",
        "request_id": "[request]",
        "status": 409,
        "title": "The continuation id is taken",
        "type": "urn:selvage:problem:continuation_id_taken"
      },
      "status": 409
    }
    "#);
    assert_eq!(setup.eve.post(PATH, &body).await.status, StatusCode::CREATED);
    let other_case = json!({"continuation_id": "Thread 7/ä"});
    assert_eq!(setup.ada.post(PATH, &other_case).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_conversation_is_what_it_was_created_with() {
    let setup = setup().await;
    let body =
        json!({"title": "Loops", "continuation_id": "c-1", "metadata": {"tags": ["a"], "n": 1}});
    let created = setup.ada.post(PATH, &body).await;
    insta::assert_json_snapshot!(created.redacted(), @r#"
    {
      "body": {
        "archived": false,
        "continuation_id": "c-1",
        "created_at": "[time]",
        "expires_at": null,
        "id": "[conv]",
        "last_message_at": null,
        "message_count": 0,
        "metadata": {
          "n": 1,
          "tags": [
            "a"
          ]
        },
        "pinned": false,
        "temporary": false,
        "title": "Loops",
        "updated_at": "[time]"
      },
      "status": 201
    }
    "#);
    let got = setup.ada.get(&format!("{PATH}/{}", created.body["id"].as_str().unwrap())).await;
    assert_eq!((got.status, &got.body), (StatusCode::OK, &created.body));
    assert_eq!(got.headers["etag"], created.headers["etag"]);
    let empty = setup.ada.post(PATH, &json!({})).await;
    insta::assert_json_snapshot!(empty.redacted(), @r#"
    {
      "body": {
        "archived": false,
        "continuation_id": null,
        "created_at": "[time]",
        "expires_at": null,
        "id": "[conv]",
        "last_message_at": null,
        "message_count": 0,
        "metadata": {},
        "pinned": false,
        "temporary": false,
        "title": null,
        "updated_at": "[time]"
      },
      "status": 201
    }
    "#);
}

#[tokio::test]
async fn metadata_comes_back_byte_for_byte() {
    let setup = setup().await;
    let metadata =
        r#"{"z":1.0,"a": 12345678901234567890123, "nested":{"b":[1e2,"\u00e9\u0000"]},"a ":null}"#;
    let created = setup.ada.post_text(PATH, format!(r#"{{"metadata":{metadata}}}"#)).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let rows =
        setup.database.query(Statement::new("SELECT metadata FROM conversation")).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<String>("metadata").unwrap(), metadata);
}

#[tokio::test]
async fn an_append_changes_the_entity_tag() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let before = setup.ada.get(&conversation).await.headers["etag"].clone();
    setup.append(&conversation, &["hello"]).await;
    assert_ne!(setup.ada.get(&conversation).await.headers["etag"], before);
}

#[tokio::test]
async fn queries_that_the_list_does_not_take_are_refused() {
    let setup = setup().await;
    for query in [
        "limit=x",
        "limit=-1",
        "limit=1&limit=2",
        "archived=1",
        "pinned=maybe",
        "offset=1",
        "account_id=x",
    ] {
        let answer = setup.ada.get(&format!("{PATH}?{query}")).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{query}"
        );
    }
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("cursor=!", "/cursor"),
        ("cursor=", "/cursor"),
    ] {
        let answer = setup.ada.get(&format!("{PATH}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.pointers(), [pointer], "{query}");
    }
    insta::assert_json_snapshot!(setup.ada.get(&format!("{PATH}?limit=x")).await.redacted(), @r#"
    {
      "body": {
        "code": "invalid_request",
        "detail": "The query string has a parameter that this route does not take, or twice, or of the wrong type; see errors.",
        "errors": [
          {
            "detail": "Invalid digit found in string.",
            "pointer": "/limit"
          }
        ],
        "request_id": "[request]",
        "status": 400,
        "title": "The request cannot be understood",
        "type": "urn:selvage:problem:invalid_request"
      },
      "status": 400
    }
    "#);
}

#[tokio::test]
async fn an_empty_list_is_a_list() {
    let setup = setup().await;
    let answer = setup.ada.get(PATH).await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"data": [], "next_cursor": null}))
    );
}

async fn titles(setup: &Setup, query: &str) -> (Vec<String>, Option<String>) {
    let answer = setup.ada.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let data = answer.body["data"].as_array().unwrap();
    let titles = data.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
    (titles, answer.body["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn the_list_goes_by_activity_and_each_conversation_is_on_one_page() {
    let setup = setup().await;
    let mut paths = Vec::new();
    for n in 0..7 {
        // Three share each moment, so that the id must decide between them.
        if n % 3 == 0 {
            setup.hand.advance(Duration::from_millis(5));
        }
        let created = setup.ada.post(PATH, &json!({"title": n.to_string()})).await;
        paths.push(format!("{PATH}/{}", created.body["id"].as_str().unwrap()));
    }
    setup.eve.post(PATH, &json!({"title": "foreign"})).await;
    setup.hand.advance(Duration::from_secs(1));
    setup.append(&paths[1], &["hello"]).await;
    let (all, end) = titles(&setup, "").await;
    assert_eq!((all.len(), end), (7, None));
    assert_eq!(all[..2], ["1", "6"]);
    for limit in 1..=8 {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let query = cursor.map_or(String::new(), |cursor: String| format!("&cursor={cursor}"));
            let (page, next) = titles(&setup, &format!("limit={limit}{query}")).await;
            assert!(page.len() <= limit);
            seen.extend(page);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "limit {limit}");
    }
    let listed = setup.ada.get(PATH).await.body["data"][0].clone();
    assert_eq!(listed, setup.ada.get(&paths[1]).await.body);
    assert_ne!(listed["last_message_at"], Value::Null);
}

#[tokio::test]
async fn the_list_filters_by_flags() {
    let setup = setup().await;
    for title in ["plain", "pinned", "archived", "both"] {
        setup.ada.post(PATH, &json!({"title": title})).await;
        setup.hand.advance(Duration::from_millis(1));
    }
    for sql in [
        "UPDATE conversation SET pinned = 1 WHERE title IN ('pinned', 'both')",
        "UPDATE conversation SET archived = 1 WHERE title IN ('archived', 'both')",
    ] {
        setup.database.query(Statement::new(sql)).await.unwrap();
    }
    for (query, expected) in [
        ("", &["both", "archived", "pinned", "plain"][..]),
        ("archived=false", &["pinned", "plain"]),
        ("archived=true", &["both", "archived"]),
        ("pinned=true", &["both", "pinned"]),
        ("pinned=true&archived=false", &["pinned"]),
        ("pinned=false&archived=false", &["plain"]),
    ] {
        assert_eq!(titles(&setup, query).await.0, expected, "{query}");
    }
}

#[tokio::test]
async fn a_cursor_of_someone_else_opens_nothing() {
    let setup = setup().await;
    for title in ["a", "b"] {
        setup.eve.post(PATH, &json!({"title": title})).await;
    }
    let cursor = setup.eve.get(&format!("{PATH}?limit=1")).await.body["next_cursor"].clone();
    let path = format!("{PATH}?cursor={}", cursor.as_str().unwrap());
    assert_eq!(setup.ada.get(&path).await.body["data"], json!([]));
    assert_eq!(setup.eve.get(&path).await.body["data"].as_array().unwrap().len(), 1);
}
