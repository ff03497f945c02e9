//! Branches, batches and parts: `POST …/messages`, `POST …/messages/batch`, `GET …/messages?leaf=&all=`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use serde_json::{Value, json};
use support::{Dice, PATH, Setup, setup};

/// The seqs of all pages of a path, and the texts.
async fn path(setup: &Setup, conversation: &str, query: &str) -> Vec<i64> {
    let answer = setup.ada.get(&format!("{conversation}/messages?limit=200{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let data = answer.body["data"].as_array().unwrap();
    data.iter().map(|message| message["seq"].as_i64().unwrap()).collect()
}

async fn append(setup: &Setup, conversation: &str, place: &str, id: &Value) -> Value {
    let body = json!({"role": "user", "content": "x", place: id});
    let answer = setup.ada.post(&format!("{conversation}/messages"), &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn places_that_do_not_exist_are_named() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let other = setup.conversation().await;
    let elsewhere = setup.append(&other, &["elsewhere"]).await["id"].clone();
    let here = setup.append(&conversation, &["here"]).await["id"].clone();
    let messages = format!("{conversation}/messages");
    let unknown = json!("msg_01h455vb4pex5vsknk084sn02q");
    for id in [&unknown, &elsewhere, &json!("msg")] {
        for place in ["parent_id", "sibling_of"] {
            let message = json!({"role": "user", "content": "x", place: id});
            let answer = setup.ada.post(&messages, &message).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{place} {id}");
            assert_eq!(answer.pointers(), [format!("/{place}")]);
            let batch = json!({"messages": [message]});
            let answer = setup.ada.post(&format!("{messages}/batch"), &batch).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{place} {id}");
            assert_eq!(answer.pointers(), [format!("/messages/0/{place}")]);
        }
    }
    let both = json!({"role": "user", "content": "x", "parent_id": here, "sibling_of": here});
    assert_eq!(setup.ada.post(&messages, &both).await.pointers(), ["/sibling_of"]);
    for id in [&unknown, &elsewhere] {
        let answer = setup.ada.get(&format!("{messages}?leaf={}", id.as_str().unwrap())).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{id}");
        assert_eq!(answer.pointers(), ["/leaf"]);
    }
    let leaf = here.as_str().unwrap();
    assert_eq!(setup.ada.get(&format!("{messages}?leaf=x")).await.status, StatusCode::BAD_REQUEST);
    let both = setup.ada.get(&format!("{messages}?leaf={leaf}&all=true")).await;
    assert_eq!(both.pointers(), ["/leaf"]);
    assert_eq!(
        setup.ada.get(&format!("{messages}?leaf={leaf}&all=false")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_edit_is_a_branch_and_the_newest_leaf_is_the_path() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let first = setup.append(&conversation, &["1"]).await;
    let second = setup.append(&conversation, &["2"]).await;
    setup.append(&conversation, &["3"]).await;
    let retry = append(&setup, &conversation, "sibling_of", &second["id"]).await;
    assert_eq!((&retry["seq"], &retry["parent_id"]), (&json!(4), &first["id"]));
    assert_eq!(path(&setup, &conversation, "").await, [1, 4]);
    setup.append(&conversation, &["5"]).await;
    assert_eq!(path(&setup, &conversation, "").await, [1, 4, 5]);
    let leaf = |message: &Value| format!("&leaf={}", message["id"].as_str().unwrap());
    assert_eq!(path(&setup, &conversation, &leaf(&second)).await, [1, 2]);
    assert_eq!(path(&setup, &conversation, &leaf(&retry)).await, [1, 4]);
    assert_eq!(path(&setup, &conversation, "&all=true").await, [1, 2, 3, 4, 5]);
    // Whoever edits the first message begins anew.
    let anew = append(&setup, &conversation, "sibling_of", &first["id"]).await;
    assert_eq!((&anew["seq"], &anew["parent_id"]), (&json!(6), &Value::Null));
    assert_eq!(path(&setup, &conversation, "").await, [6]);
    let back = append(&setup, &conversation, "parent_id", &second["id"]).await;
    assert_eq!(path(&setup, &conversation, "").await, [1, 2, 7]);
    assert_eq!(path(&setup, &conversation, &leaf(&back)).await, [1, 2, 7]);
}

/// Conversations that branch at random, against a model that follows parents one by one.
#[tokio::test]
async fn every_path_of_every_tree_is_read_whole_by_pages_of_any_size() {
    for seed in 1..=4 {
        let setup = setup().await;
        let conversation = setup.conversation().await;
        let mut dice = Dice(seed);
        // Index 0 stands for "no message".
        let (mut parents, mut ids) = (vec![0_usize], vec![Value::Null]);
        for seq in 1..=40_usize {
            let (place, parent, named) = match dice.roll(4) {
                0 if 1 < seq => {
                    let parent = 1 + dice.roll(seq - 1);
                    ("parent_id", parent, parent)
                }
                1 if 1 < seq => {
                    let sibling = 1 + dice.roll(seq - 1);
                    ("sibling_of", parents[sibling], sibling)
                }
                _ => ("parent_id", seq - 1, 0),
            };
            let message = append(&setup, &conversation, place, &ids[named]).await;
            assert_eq!(message["parent_id"], ids[parent], "seed {seed} seq {seq}");
            parents.push(parent);
            ids.push(message["id"].clone());
        }
        for (leaf, id) in ids.iter().enumerate().skip(1) {
            let mut expected = Vec::new();
            let mut seq = leaf;
            while seq != 0 {
                expected.push(i64::try_from(seq).unwrap());
                seq = parents[seq];
            }
            expected.reverse();
            let leaf = format!("&leaf={}", id.as_str().unwrap());
            assert_eq!(path(&setup, &conversation, &leaf).await, expected, "seed {seed} {leaf}");
            let limit = 1 + dice.roll(7);
            for start in ["", "&after=0"] {
                let seen = pages(&setup, &conversation, limit, &format!("{leaf}{start}")).await;
                assert_eq!(seen, expected, "seed {seed} limit {limit} {leaf} {start}");
            }
        }
        let all = pages(&setup, &conversation, 7, "&all=true").await;
        assert_eq!(all, (1..=40).collect::<Vec<_>>(), "seed {seed}");
    }
}

/// The seqs of all pages, followed by cursor, sorted.
async fn pages(setup: &Setup, conversation: &str, limit: usize, query: &str) -> Vec<i64> {
    let path = format!("{conversation}/messages?limit={limit}");
    let mut seen = Vec::new();
    let mut next = Some(format!("{path}{query}"));
    while let Some(url) = next {
        let answer = setup.ada.get(&url).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let data = answer.body["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        seen.extend(data.iter().map(|message| message["seq"].as_i64().unwrap()));
        next = answer.body["next_cursor"].as_str().map(|cursor| format!("{path}&cursor={cursor}"));
    }
    seen.sort_unstable();
    seen
}

#[tokio::test]
async fn a_batch_is_appended_whole_or_not_at_all() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let batch = format!("{conversation}/messages/batch");
    let message = |text: &str| json!({"role": "user", "content": text});
    for body in [
        json!({}),
        json!({"messages": {}}),
        json!({"messages": [7]}),
        json!({"messages": [{"role": "user", "content": "x", "seq": 1}]}),
        json!({"messages": [], "more": 1}),
    ] {
        assert_eq!(setup.ada.post(&batch, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for (messages, pointer) in [
        (vec![], "/messages"),
        (vec![message("x"); 201], "/messages"),
        (vec![message("a"), message(""), message("c")], "/messages/1/content"),
        (vec![message("a"), json!({"role": "root", "content": "x"})], "/messages/1/role"),
        (
            vec![
                message("a"),
                json!({"role": "user", "content": "x", "parent_id": "msg_01h455vb4pex5vsknk084sn02q"}),
            ],
            "/messages/1",
        ),
    ] {
        let answer = setup.ada.post(&batch, &json!({"messages": messages})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.pointers(), [pointer]);
    }
    assert_eq!(setup.ada.get(&conversation).await.body["message_count"], 0);

    let before = setup.append(&conversation, &["before"]).await;
    let messages: Vec<_> = (0..200).map(|n| message(&n.to_string())).collect();
    let answer = setup.ada.post(&batch, &json!({"messages": messages})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let data = answer.body["data"].as_array().unwrap();
    assert_eq!(data.len(), 200);
    let mut parent = &before;
    for (n, message) in data.iter().enumerate() {
        assert_eq!(message["content"], n.to_string());
        assert_eq!(message["seq"], n + 2);
        assert_eq!(message["parent_id"], parent["id"]);
        parent = message;
    }
    let page = setup.ada.get(&format!("{conversation}/messages?limit=200&after=1")).await;
    assert_eq!(page.body["data"], answer.body["data"]);
    let beside = json!({"messages": [{"role": "user", "content": "a", "sibling_of": data[0]["id"]}, message("b")]});
    let branch = setup.ada.post(&batch, &beside).await.body;
    assert_eq!(branch["data"][0]["parent_id"], before["id"]);
    assert_eq!(path(&setup, &conversation, "").await, [1, 202, 203]);
}

#[tokio::test]
async fn a_batch_names_its_conversation_by_the_first_text_of_a_user() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let messages = json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        {"role": "user", "content": "Another"},
    ]});
    let answer = setup.ada.post(&format!("{conversation}/messages/batch"), &messages).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(setup.ada.get(&conversation).await.body["title"], "Hello");
}

#[tokio::test]
async fn parts_that_break_a_rule_are_named() {
    let setup = setup().await;
    let messages = setup.conversation().await + "/messages";
    let call = |id: &str, name: &str, arguments: Value| json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments});
    for (part, pointer) in [
        (
            json!({"type": "file", "file_id": "file_01h455vb4pex5vsknk084sn02q", "name": ""}),
            "/content/1/name",
        ),
        (
            json!({"type": "file", "file_id": "file_01h455vb4pex5vsknk084sn02q", "name": "a\nb"}),
            "/content/1/name",
        ),
        (call("", "search", json!({})), "/content/1/id"),
        (call("call_1", &"x".repeat(256), json!({})), "/content/1/name"),
        (call("call_1", "search", json!(7)), "/content/1/arguments"),
        (
            json!({"type": "tool_result", "tool_call_id": "", "content": "x"}),
            "/content/1/tool_call_id",
        ),
    ] {
        let body = json!({"role": "assistant", "content": [{"type": "text", "text": "x"}, part]});
        let answer = setup.ada.post(&messages, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.pointers(), [pointer]);
    }
    for part in [
        json!({"type": "file", "file_id": 7}),
        json!({"type": "image_file", "file_id": "file_01h455vb4pex5vsknk084sn02q", "url": "https://example.com"}),
        json!({"type": "tool_call", "id": "a", "name": "b"}),
        json!({"type": "tool_result", "tool_call_id": "a", "content": []}),
    ] {
        let answer = setup.ada.post(&messages, &json!({"role": "user", "content": [part]})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    }
    let usage = json!({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3});
    for (body, pointer) in [
        (json!({"role": "user", "content": "x", "model": "m"}), "/model"),
        (json!({"role": "user", "content": "x", "usage": usage}), "/usage"),
        (json!({"role": "assistant", "content": "x", "model": ""}), "/model"),
        (json!({"role": "assistant", "content": "x", "model": "x".repeat(256)}), "/model"),
    ] {
        let answer = setup.ada.post(&messages, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert_eq!(answer.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn every_kind_of_part_comes_back_as_it_was_sent() {
    let setup = setup().await;
    let created = setup.ada.post(PATH, &json!({})).await.body;
    let messages = format!("{PATH}/{}/messages", created["id"].as_str().unwrap());
    let file = setup.file(setup.ada_person.account_id, "a.pdf", "complete").await;
    let content = json!([
        {"type": "text", "text": "Look"},
        {"type": "image_file", "file_id": file},
        {"type": "file", "file_id": file},
        {"type": "file", "file_id": file, "name": "a.pdf"},
        {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "x"}},
        {"type": "tool_call", "id": "call_2", "name": "search", "arguments": "{\"q\":1}"},
        {"type": "tool_result", "tool_call_id": "call_1", "content": "", "is_error": true},
    ]);
    let usage = json!({"input_tokens": 1, "output_tokens": 2, "total_tokens": 3});
    let body = json!({"role": "assistant", "content": content, "model": "gpt-4o", "usage": usage});
    let message = setup.ada.post(&messages, &body).await;
    assert_eq!(message.status, StatusCode::CREATED, "{}", message.body);
    assert_eq!(message.body["content"], content);
    assert_eq!((&message.body["model"], &message.body["usage"]), (&json!("gpt-4o"), &usage));
    assert_eq!(message.body["status"], "completed");
    assert_eq!(setup.ada.get(&messages).await.body["data"], json!([message.body]));
}
