//! `POST /api/conversations/{id}/messages`, `GET /api/conversations/{id}/messages`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, Setup, setup};

#[tokio::test]
async fn bodies_that_are_not_the_object_it_takes_are_bad_requests() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    for body in [
        "",
        "null",
        "{}",
        r#"{"role":"user"}"#,
        r#"{"content":"x"}"#,
        r#"{"role":7,"content":"x"}"#,
        r#"{"role":"user","content":null}"#,
        r#"{"role":"user","content":7}"#,
        r#"{"role":"user","content":{"type":"text","text":"x"}}"#,
        r#"{"role":"user","content":["x"]}"#,
        r#"{"role":"user","content":[{"type":"text"}]}"#,
        r#"{"role":"user","content":[{"type":"text","text":7}]}"#,
        r#"{"role":"user","content":[{"type":"text","text":"x","extra":1}]}"#,
        r#"{"role":"user","content":"x","parent_id":7}"#,
        r#"{"role":"user","content":"x","metadata":[]}"#,
        r#"{"role":"user","content":"x","seq":1}"#,
        r#"{"role":"user","content":"x","status":"completed"}"#,
        r#"{"role":"user","content":"\ud800"}"#,
    ] {
        let answer = setup.ada.post_text(&path, body).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::BAD_REQUEST, "invalid_request"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn values_that_break_a_rule_are_named() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    let foreign = setup.conversation().await;
    let foreign = setup.append(&foreign, &["elsewhere"]).await;
    let message = |content: Value| json!({"role": "user", "content": content});
    let with = |name: &str, value: Value| {
        let mut body = message(json!("x"));
        body[name] = value;
        body
    };
    let part = |text: &str| json!({"type": "text", "text": text});
    for (body, pointer) in [
        (with("role", json!("root")), "/role"),
        (message(json!("")), "/content"),
        (message(json!([])), "/content"),
        (message(json!([part(""), part("")])), "/content"),
        (message(json!("x".repeat(1024 * 1024 + 1))), "/content"),
        (message(json!([part(&"x".repeat(1024 * 1024)), part("x")])), "/content"),
        (message(Value::Array(vec![part("x"); 257])), "/content"),
        (with("metadata", json!({"a": "x".repeat(64 * 1024)})), "/metadata"),
        (with("parent_id", json!("msg_01h455vb4pex5vsknk084sn02q")), "/parent_id"),
        (with("parent_id", json!("msg")), "/parent_id"),
        (with("parent_id", foreign["id"].clone()), "/parent_id"),
    ] {
        let answer = setup.ada.post(&path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{pointer} {}", answer.body);
        assert_eq!(answer.pointers(), [pointer], "{}", answer.body);
    }
    let unknown_part = message(json!([{"type": "telepathy", "text": "x"}]));
    assert_eq!(setup.ada.post(&path, &unknown_part).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(setup.ada.get(&path).await.body["data"], json!([]));
}

#[tokio::test]
async fn content_at_its_limit_is_taken_and_a_body_past_the_route_s_is_not() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    let text = "é".repeat(512 * 1024);
    let answer = setup.ada.post(&path, &json!({"role": "user", "content": text})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body["content"], text);
    let parts = vec![json!({"type": "text", "text": "x"}); 256];
    let answer = setup.ada.post(&path, &json!({"role": "tool", "content": parts})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let body = format!(r#"{{"role":"user","content":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    assert_eq!(setup.ada.post_text(&path, body).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    let body = json!({"role": "user", "content": "Hello \"world\"\n\u{0} é 🦀 </script>", "metadata": {"n": 1}});
    let first = setup.ada.post(&path, &body).await;
    insta::assert_json_snapshot!(first.redacted(), @r#"
    {
      "body": {
        "content": "Hello \"world\"\n\u0000 é 🦀 </script>",
        "created_at": "[time]",
        "id": "[msg]",
        "metadata": {
          "n": 1
        },
        "model": null,
        "parent_id": null,
        "role": "user",
        "seq": 1,
        "status": "completed",
        "usage": null
      },
      "status": 201
    }
    "#);
    let body = json!({"role": "assistant", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": ""}]});
    let second = setup.ada.post(&path, &body).await;
    insta::assert_json_snapshot!(second.redacted(), @r#"
    {
      "body": {
        "content": [
          {
            "text": "Hi",
            "type": "text"
          },
          {
            "text": "",
            "type": "text"
          }
        ],
        "created_at": "[time]",
        "id": "[msg]",
        "metadata": {},
        "model": null,
        "parent_id": "[msg]",
        "role": "assistant",
        "seq": 2,
        "status": "completed",
        "usage": null
      },
      "status": 201
    }
    "#);
    assert_eq!(second.body["parent_id"], first.body["id"]);
    let page = setup.ada.get(&path).await;
    assert_eq!(page.body, json!({"data": [first.body, second.body], "next_cursor": null}));
}

#[tokio::test]
async fn a_message_answers_the_newest_one_or_the_one_it_names() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let one = setup.append(&conversation, &["one"]).await;
    let two = setup.append(&conversation, &["two"]).await;
    assert_eq!((&one["parent_id"], &two["parent_id"]), (&Value::Null, &one["id"]));
    let path = format!("{conversation}/messages");
    let body = json!({"role": "user", "content": "other two", "parent_id": one["id"]});
    let other = setup.ada.post(&path, &body).await.body;
    assert_eq!((&other["parent_id"], &other["seq"]), (&one["id"], &json!(3)));
}

#[tokio::test]
async fn appending_moves_the_conversation() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.hand.advance(Duration::from_secs(5));
    let message = setup.append(&conversation, &["hello"]).await;
    let after = setup.ada.get(&conversation).await.body;
    assert_eq!(after["message_count"], 1);
    assert_eq!(after["last_message_at"], message["created_at"]);
    assert_eq!(after["updated_at"], message["created_at"]);
    assert_ne!(after["created_at"], message["created_at"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_appended_at_once_have_no_gaps_and_no_doubles() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    let appends: Vec<_> = (0..64)
        .map(|n| {
            let (client, path) = (setup.ada.clone(), path.clone());
            tokio::spawn(async move {
                let answer =
                    client.post(&path, &json!({"role": "user", "content": format!("m{n}")})).await;
                assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
                answer.body
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for append in appends {
        acknowledged.push(append.await.unwrap());
    }
    acknowledged.sort_by_key(|message| message["seq"].as_i64());
    let seqs: Vec<_> =
        acknowledged.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=64).collect::<Vec<_>>());
    let page = setup.ada.get(&format!("{path}?limit=200")).await.body;
    assert_eq!(page["data"], Value::Array(acknowledged.clone()));
    let ids: BTreeSet<_> = acknowledged.iter().map(|message| message["id"].as_str()).collect();
    assert_eq!(ids.len(), 64);
    // Each answers the one before it: the chain is one line.
    for pair in acknowledged.windows(2) {
        assert_eq!(pair[1]["parent_id"], pair[0]["id"]);
    }
}

#[tokio::test]
async fn queries_that_the_page_does_not_take_are_refused() {
    let setup = setup().await;
    let path = setup.conversation().await + "/messages";
    for query in
        ["limit=x", "before=x", "before=9223372036854775808", "after=1&after=2", "offset=1"]
    {
        let answer = setup.ada.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("before=-1", "/before"),
        ("after=-1", "/after"),
        ("cursor=x", "/cursor"),
        ("before=1&after=1", ""),
        ("before=1&cursor=x", ""),
    ] {
        let answer = setup.ada.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.pointers(), [pointer], "{query}");
    }
}

/// The seqs of a page and the cursor after it.
async fn seqs(setup: &Setup, path: &str) -> (Vec<i64>, Option<String>) {
    let answer = setup.ada.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path} {}", answer.body);
    let data = answer.body["data"].as_array().unwrap();
    let seqs = data.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    (seqs, answer.body["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn pages_are_ascending_and_the_first_is_the_newest() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["m"; 12]).await;
    let path = format!("{conversation}/messages");
    let check = async |query: &str, expected: Vec<i64>, more: bool| {
        let (page, cursor) = seqs(&setup, &format!("{path}?{query}")).await;
        assert_eq!((page, cursor.is_some()), (expected, more), "{query}");
    };
    check("", (1..=12).collect(), false).await;
    check("limit=5", (8..=12).collect(), true).await;
    check("limit=5&before=8", (3..=7).collect(), true).await;
    check("limit=5&before=3", vec![1, 2], false).await;
    check("limit=5&before=6", (1..=5).collect(), false).await;
    check("before=1", vec![], false).await;
    check("before=0", vec![], false).await;
    check("limit=5&after=0", (1..=5).collect(), true).await;
    check("limit=5&after=7", (8..=12).collect(), false).await;
    check("limit=5&after=6", (7..=11).collect(), true).await;
    check("after=12", vec![], false).await;
    check("after=9223372036854775807", vec![], false).await;
}

#[tokio::test]
async fn cursors_lead_through_the_whole_history_in_both_directions() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["m"; 17]).await;
    let path = format!("{conversation}/messages");
    for limit in [1, 2, 5, 16, 17, 18] {
        for start in ["", "&after=0"] {
            let mut seen = Vec::new();
            let mut next = Some(format!("{path}?limit={limit}{start}"));
            while let Some(url) = next {
                let (page, cursor) = seqs(&setup, &url).await;
                seen.extend(page);
                next = cursor.map(|cursor| format!("{path}?limit={limit}&cursor={cursor}"));
            }
            seen.sort_unstable();
            assert_eq!(seen, (1..=17).collect::<Vec<_>>(), "{limit} {start}");
        }
    }
}

#[tokio::test]
async fn a_page_of_large_messages_ends_before_it_fills_the_memory() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let large = "x".repeat(1024 * 1024);
    setup.append(&conversation, &[large.as_str(); 7]).await;
    let path = format!("{conversation}/messages");
    let (newest, cursor) = seqs(&setup, &path).await;
    assert_eq!(newest, [4, 5, 6, 7]);
    let (rest, end) = seqs(&setup, &format!("{path}?cursor={}", cursor.unwrap())).await;
    assert_eq!((rest, end), (vec![1, 2, 3], None));
    let (oldest, cursor) = seqs(&setup, &format!("{path}?after=0")).await;
    assert_eq!(oldest, [1, 2, 3, 4]);
    let (rest, end) = seqs(&setup, &format!("{path}?cursor={}", cursor.unwrap())).await;
    assert_eq!((rest, end), (vec![5, 6, 7], None));
}

#[tokio::test]
async fn deleting_an_account_takes_its_history_along_and_no_other() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["hello"; 3]).await;
    let created = setup.eve.post(PATH, &json!({})).await.body;
    let eves = format!("{PATH}/{}/messages", created["id"].as_str().unwrap());
    setup.eve.post(&eves, &json!({"role": "user", "content": "mine"})).await;
    let delete = Statement::new("DELETE FROM account WHERE id = ?1")
        .bind(setup.ada_person.account_id.to_string());
    setup.database.query(delete).await.unwrap();
    let count = "SELECT (SELECT count(*) FROM message) AS messages, (SELECT count(*) FROM conversation) AS conversations";
    let rows = setup.database.query(Statement::new(count)).await.unwrap();
    let row = rows.first().unwrap();
    assert_eq!(
        (row.get::<i64>("messages").unwrap(), row.get::<i64>("conversations").unwrap()),
        (1, 1)
    );
}
