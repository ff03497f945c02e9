//! `GET /api/search`
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
use support::{PATH, Setup, setup, url};
use testing::Answer;

async fn search(setup: &Setup, parameters: &[(&str, &str)]) -> Vec<Value> {
    let answer = setup.ada.get(&url(parameters)).await;
    assert_eq!(answer.status, StatusCode::OK, "{parameters:?} {}", answer.body);
    answer.body["data"].as_array().unwrap().clone()
}

async fn say(setup: &Setup, conversation: &str, role: &str, content: Value) -> Answer {
    let body = json!({"role": role, "content": content});
    let answer = setup.ada.post(&format!("{conversation}/messages"), &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer
}

#[tokio::test]
async fn what_the_search_does_not_take_is_refused() {
    let setup = setup().await;
    for query in [
        url(&[("q", "x"), ("offset", "1")]),
        url(&[("q", "x"), ("role", "root")]),
        url(&[("q", "x"), ("conversation_id", "conv")]),
        url(&[("q", "x"), ("from", "yesterday")]),
        url(&[("q", "x"), ("to", "1700000000")]),
        url(&[("q", "x"), ("account_id", "x")]),
        url(&[("q", "x"), ("q", "y")]),
    ] {
        assert_eq!(setup.ada.get(&query).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for (query, pointer) in [
        (url(&[("q", &"x".repeat(1_001))]), "/q"),
        (url(&[("q", "x"), ("limit", "0")]), "/limit"),
        (url(&[("q", "x"), ("limit", "201")]), "/limit"),
        (url(&[("q", "x"), ("cursor", "x")]), "/cursor"),
    ] {
        let answer = setup.ada.get(&query).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn no_account_finds_what_another_wrote() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["the secret word is xylophone"]).await;
    setup.ada.patch(&conversation, &json!({"title": "xylophone"})).await;
    assert_eq!(search(&setup, &[("q", "xylophone")]).await.len(), 2);
    let id = conversation.rsplit_once('/').unwrap().1;
    let account = setup.ada_person.account_id.to_string();
    let suffix = account.rsplit_once('_').unwrap().1;
    for q in ["xylophone", suffix, "\"xylophone\" OR scope : x", "title", "user"] {
        for more in [("limit", "1"), ("conversation_id", id)] {
            let answer = setup.eve.get(&url(&[("q", q), more])).await;
            assert_eq!((answer.status, &answer.body["data"]), (StatusCode::OK, &json!([])), "{q}");
        }
    }
    // Neither does its owner by what the index needs for itself.
    assert_eq!(search(&setup, &[("q", suffix)]).await, Vec::<Value>::new());
    assert_eq!(search(&setup, &[("q", "user")]).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_score_tells_nothing_of_what_others_wrote() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["rare common", "common common common"]).await;
    let before = search(&setup, &[("q", "common")]).await;
    let created = setup.eve.post(PATH, &json!({})).await.body;
    let eves = format!("{PATH}/{}/messages", created["id"].as_str().unwrap());
    for _ in 0..20 {
        setup.eve.post(&eves, &json!({"role": "user", "content": "common rare"})).await;
    }
    assert_eq!(search(&setup, &[("q", "common")]).await, before);
}

#[tokio::test]
async fn a_word_is_found_right_after_the_append_that_wrote_it() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.hand.advance(Duration::from_secs(1));
    let message = setup.append(&conversation, &["Where does the thread <end>?"]).await;
    let answer = setup.ada.get(&url(&[("q", "THREAD"), ("role", "user")])).await;
    insta::assert_json_snapshot!(answer.redacted(), {".body.data[].score" => "[score]"}, @r#"
    {
      "body": {
        "data": [
          {
            "conversation_id": "[conv]",
            "created_at": "[time]",
            "message_id": "[msg]",
            "role": "user",
            "score": "[score]",
            "snippet": "Where does the <mark>thread</mark> &lt;end&gt;?",
            "title": "Where does the thread <end>?",
            "type": "message"
          }
        ],
        "next_cursor": null
      },
      "status": 200
    }
    "#);
    assert_eq!(answer.body["data"][0]["message_id"], message["id"]);
    let batch = json!({"messages": [{"role": "assistant", "content": "At the selvage."}]});
    setup.ada.post(&format!("{conversation}/messages/batch"), &batch).await;
    assert_eq!(search(&setup, &[("q", "selvage")]).await.len(), 1);
}

#[tokio::test]
async fn titles_and_the_texts_of_parts_are_found_and_nothing_else() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup
        .ada
        .patch(&conversation, &json!({"title": "Café Société", "metadata": {"a": "hidden"}}))
        .await;
    let parts = json!([
        {"type": "text", "text": "first part"},
        {"type": "tool_call", "id": "hidden", "name": "hidden", "arguments": {"q": "hidden"}},
        {"type": "text", "text": "second part"},
    ]);
    say(&setup, &conversation, "assistant", parts).await;
    for (q, kinds) in [
        ("cafe", &["conversation"][..]),
        ("CAFÉ société", &["conversation"]),
        ("first", &["message"]),
        ("second first", &["message"]),
        ("\"first part\"", &["message"]),
        ("\"part first\"", &[]),
        ("hidden", &[]),
        ("content", &[]),
        ("first missing", &[]),
    ] {
        let found = search(&setup, &[("q", q)]).await;
        let found: Vec<_> = found.iter().map(|hit| hit["type"].as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{q}");
    }
    setup.ada.patch(&conversation, &json!({"title": "Other"})).await;
    assert_eq!(search(&setup, &[("q", "cafe")]).await.len(), 0);
    assert_eq!(search(&setup, &[("q", "other")]).await.len(), 1);
    setup.ada.patch(&conversation, &json!({"title": null})).await;
    assert_eq!(search(&setup, &[("q", "other")]).await.len(), 0);
    setup.ada.delete(&conversation).await;
    assert_eq!(search(&setup, &[("q", "first")]).await.len(), 0);
    assert_index_is_sound(&setup).await;
}

/// FTS5 compares the index with what it is an index of.
async fn assert_index_is_sound(setup: &Setup) {
    for index in ["search_index", "memory_index"] {
        let check = format!("INSERT INTO {index} ({index}) VALUES ('integrity-check')");
        setup.database.query(Statement::new(check)).await.unwrap();
    }
}

#[tokio::test]
async fn the_index_forgets_with_the_account_and_remembers_the_others() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup.append(&conversation, &["one", "two", "three"]).await;
    let created = setup.eve.post(PATH, &json!({"title": "one"})).await.body;
    assert_eq!(created["title"], "one");
    let delete = Statement::new("DELETE FROM account WHERE id = ?1")
        .bind(setup.ada_person.account_id.to_string());
    setup.database.query(delete).await.unwrap();
    assert_index_is_sound(&setup).await;
    let count = "SELECT count(*) AS n FROM search_entry";
    let rows = setup.database.query(Statement::new(count)).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 1);
    let answer = setup.eve.get(&url(&[("q", "one")])).await;
    assert_eq!(answer.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn filters_narrow_by_conversation_role_and_date() {
    let setup = setup().await;
    let (one, two) = (setup.conversation().await, setup.conversation().await);
    let first = say(&setup, &one, "user", json!("word")).await.body;
    setup.hand.advance(Duration::from_mins(1));
    let second = say(&setup, &one, "assistant", json!("word")).await.body;
    setup.hand.advance(Duration::from_mins(1));
    let third = say(&setup, &two, "assistant", json!("word")).await.body;
    let id = one.rsplit_once('/').unwrap().1;
    let time = |message: &Value| message["created_at"].as_str().unwrap().to_owned();
    for (filter, expected) in [
        (vec![("role", "assistant")], vec![&third, &second]),
        (vec![("role", "tool")], vec![]),
        (vec![("conversation_id", id), ("role", "user")], vec![&first]),
        (vec![("conversation_id", id), ("role", "assistant")], vec![&second]),
        (vec![("role", "assistant"), ("from", &time(&third))], vec![&third]),
        (vec![("role", "assistant"), ("to", &time(&third))], vec![&second]),
        (
            vec![("from", &time(&second)), ("to", &time(&third)), ("conversation_id", id)],
            vec![&second],
        ),
    ] {
        let parameters: Vec<_> = [("q", "word")].into_iter().chain(filter).collect();
        let found = search(&setup, &parameters).await;
        let found: Vec<_> = found.iter().map(|hit| &hit["message_id"]).collect();
        let expected: Vec<_> = expected.iter().map(|message| &message["id"]).collect();
        assert_eq!(found, expected, "{parameters:?}");
    }
}

#[tokio::test]
async fn the_best_comes_first_and_pages_fit_together() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    setup
        .append(
            &conversation,
            &["nothing", "word and many others beside it, quite a lot", "word word"],
        )
        .await;
    let best = search(&setup, &[("q", "word")]).await;
    assert_eq!(best[0]["snippet"], "<mark>word</mark> <mark>word</mark>");
    setup.append(&conversation, &["word"; 10]).await;
    let all = search(&setup, &[("q", "word")]).await;
    assert_eq!(all.len(), 12);
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = vec![("q", "word"), ("limit", "5")];
        if let Some(cursor) = &cursor {
            parameters.push(("cursor", cursor.as_str()));
        }
        let answer = setup.ada.get(&url(&parameters)).await;
        seen.extend(answer.body["data"].as_array().unwrap().clone());
        // What is written meanwhile belongs to no page of this search.
        setup.append(&conversation, &["word"]).await;
        let Some(next) = answer.body["next_cursor"].as_str() else { break };
        cursor = Some(next.to_owned());
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn snippets_are_html_with_nothing_live_but_marks() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let text = format!(
        "{}<img src=x onerror=alert(1)> needle & \u{2}\u{3} \"quote\" {}",
        "before ".repeat(40),
        "after ".repeat(100)
    );
    setup.append(&conversation, &["title", &text]).await;
    let found = search(&setup, &[("q", "needle")]).await;
    let snippet = found[0]["snippet"].as_str().unwrap();
    assert!(snippet.contains("<mark>needle</mark>"), "{snippet}");
    let rest = snippet.replace("<mark>", "").replace("</mark>", "");
    assert!(!rest.contains(['<', '>', '"', '\'', '\u{2}', '\u{3}']), "{snippet}");
    assert!(snippet.starts_with('…') && snippet.ends_with('…'), "{snippet}");
    assert!(snippet.chars().count() < 400, "{snippet}");
}

/// What each of these would take if every text were read and every word in it marked is minutes.
#[tokio::test]
async fn a_word_that_is_everywhere_does_not_read_everything() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let large = "word ".repeat(200_000);
    setup.append(&conversation, &[large.as_str(); 7]).await;
    let found = search(&setup, &[("q", "WORD"), ("role", "user")]).await;
    assert_eq!(found.len(), 5, "the newest that one search may read");
    let snippet = found[0]["snippet"].as_str().unwrap();
    assert!(snippet.starts_with("<mark>word</mark> word"), "{snippet}");
    let short = "word ".repeat(1_500);
    setup.append(&conversation, &[short.as_str(); 100]).await;
    let found = search(&setup, &[("q", "word"), ("role", "user"), ("limit", "200")]).await;
    assert_eq!(found.len(), 104, "all that are cheap to read, and of the large ones what is left");
    let far = format!("{}needle {}", "hay ".repeat(5_000), "hay ".repeat(5_000));
    setup.append(&conversation, &[far.as_str()]).await;
    let found = search(&setup, &[("q", "needle")]).await;
    let snippet = found[0]["snippet"].as_str().unwrap();
    assert!(
        snippet.starts_with('…') && snippet.contains("hay <mark>needle</mark> hay"),
        "{snippet}"
    );
}
