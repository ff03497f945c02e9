//! `/api/memory`
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
use serde_json::{Value, json};
use support::{STRANGE_IDS, Setup, setup};

const PATH: &str = "/api/memory";

async fn values(setup: &Setup, query: &str) -> Vec<String> {
    let answer = setup.ada.get(&format!("{PATH}?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let data = answer.body["data"].as_array().unwrap();
    data.iter().map(|memory| memory["value"].as_str().unwrap().to_owned()).collect()
}

async fn remember(setup: &Setup, body: Value) -> Value {
    let answer = setup.ada.post(PATH, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    setup.hand.advance(Duration::from_millis(1));
    answer.body
}

#[tokio::test]
async fn what_is_no_memory_is_refused() {
    let setup = setup().await;
    for body in [
        json!(null),
        json!({}),
        json!({"kind": "fact", "key": "a"}),
        json!({"kind": "episode", "value": 7}),
        json!({"kind": "episode", "value": "x", "metadata": []}),
        json!({"kind": "episode", "value": "x", "user_id": "user_01h455vb4pex5vsknk084sn02q"}),
        json!({"kind": "episode", "value": "x", "last_accessed_at": "2026-11-22T02:33:09.250Z"}),
    ] {
        assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let episode = |name: &str, value: Value| {
        let mut body = json!({"kind": "episode", "value": "x"});
        body[name] = value;
        body
    };
    for (body, pointer) in [
        (episode("kind", json!("dream")), "/kind"),
        (episode("kind", json!("fact")), "/key"),
        (episode("key", json!("a")), "/key"),
        (json!({"kind": "fact", "key": "", "value": "x"}), "/key"),
        (json!({"kind": "fact", "key": "x".repeat(256), "value": "x"}), "/key"),
        (json!({"kind": "fact", "key": "a\nb", "value": "x"}), "/key"),
        (episode("value", json!("")), "/value"),
        (episode("value", json!("x".repeat(64 * 1024 + 1))), "/value"),
        (episode("metadata", json!({"a": "x".repeat(64 * 1024)})), "/metadata"),
        (episode("source_conversation_id", json!("conv")), "/source_conversation_id"),
        (
            episode("source_conversation_id", json!("conv_01h455vb4pex5vsknk084sn02q")),
            "/source_conversation_id",
        ),
    ] {
        let answer = setup.ada.post(PATH, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    let largest = episode("value", json!("x".repeat(64 * 1024)));
    assert_eq!(setup.ada.post(PATH, &largest).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn nobody_else_s_memory_is_there() {
    let setup = setup().await;
    let memory = remember(&setup, json!({"kind": "fact", "key": "color", "value": "mauve"})).await;
    let foreign = memory["id"].as_str().unwrap();
    let elsewhere = setup.eve.post("/api/conversations", &json!({})).await.body["id"].clone();
    // Not even in the same account: a memory is a person's.
    let colleague = setup.colleague("owner").await;
    for client in [&setup.eve, &colleague] {
        for id in STRANGE_IDS.into_iter().chain([foreign, "mem_01h455vb4pex5vsknk084sn02q"]) {
            let path = format!("{PATH}/{id}");
            assert_eq!(client.get(&path).await.status, StatusCode::NOT_FOUND, "{id}");
            let change = client.patch(&path, &json!({"value": "x"})).await;
            assert_eq!(change.status, StatusCode::NOT_FOUND, "{id}");
            assert_eq!(client.delete(&path).await.status, StatusCode::NOT_FOUND, "{id}");
        }
        for query in ["", "?q=mauve", "?kind=fact"] {
            assert_eq!(client.get(&format!("{PATH}{query}")).await.body["data"], json!([]));
        }
        let put = client.put(&format!("{PATH}/facts/color"), &json!({"value": "blue"})).await;
        assert_eq!(put.status, StatusCode::CREATED);
    }
    let body = json!({"kind": "episode", "value": "x", "source_conversation_id": elsewhere});
    assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(values(&setup, "q=color").await, ["mauve"]);
}

#[tokio::test]
async fn a_fact_is_overwritten_under_its_key_and_an_episode_is_not() {
    let setup = setup().await;
    let path = format!("{PATH}/facts/favorite%20color%2Fhue");
    assert_eq!(setup.ada.put(&path, &json!({})).await.status, StatusCode::BAD_REQUEST);
    let first = setup.ada.put(&path, &json!({"value": "blue", "metadata": {"n": 1}})).await;
    insta::assert_json_snapshot!(first.redacted(), @r#"
    {
      "body": {
        "created_at": "[time]",
        "id": "[mem]",
        "key": "favorite color/hue",
        "kind": "fact",
        "last_accessed_at": null,
        "metadata": {
          "n": 1
        },
        "source_conversation_id": null,
        "updated_at": "[time]",
        "value": "blue"
      },
      "status": 201
    }
    "#);
    setup.hand.advance(Duration::from_secs(1));
    let second = setup.ada.put(&path, &json!({"value": "red"})).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!((&second.body["id"], &second.body["value"]), (&first.body["id"], &json!("red")));
    assert_eq!(second.body["created_at"], first.body["created_at"]);
    assert_ne!(second.body["updated_at"], first.body["updated_at"]);
    let third = json!({"kind": "fact", "key": "favorite color/hue", "value": "green"});
    assert_eq!(setup.ada.post(PATH, &third).await.status, StatusCode::OK);
    assert_eq!(values(&setup, "").await, ["green"]);
    for _ in 0..2 {
        remember(&setup, json!({"kind": "episode", "value": "met"})).await;
    }
    assert_eq!(values(&setup, "kind=episode").await, ["met", "met"]);
    assert_eq!(values(&setup, "kind=fact").await, ["green"]);
}

#[tokio::test]
async fn words_are_found_and_finding_and_reading_count_as_access() {
    let setup = setup().await;
    let sky = remember(&setup, json!({"kind": "fact", "key": "sky", "value": "is blue"})).await;
    remember(&setup, json!({"kind": "episode", "value": "We saw a blue whale"})).await;
    assert_eq!(sky["last_accessed_at"], Value::Null);
    assert_eq!(values(&setup, "q=blue").await, ["We saw a blue whale", "is blue"]);
    assert_eq!(values(&setup, "q=BLUE+sky").await, ["is blue"]);
    assert_eq!(values(&setup, "q=blue&kind=episode").await, ["We saw a blue whale"]);
    for q in ["", "%22", "green", "fact", "%2A", "AND", "NEAR("] {
        assert_eq!(values(&setup, &format!("q={q}")).await, [""; 0], "{q}");
    }
    setup.hand.advance(Duration::from_secs(1));
    let path = format!("{PATH}/{}", sky["id"].as_str().unwrap());
    let read = setup.ada.get(&path).await.body;
    let listed = setup.ada.get(&format!("{PATH}?kind=fact")).await.body["data"][0].clone();
    assert_eq!(listed, read);
    setup.hand.advance(Duration::from_secs(1));
    values(&setup, "q=sky").await;
    let later = setup.ada.get(&format!("{PATH}?kind=fact")).await.body["data"][0].clone();
    assert_ne!(later["last_accessed_at"], read["last_accessed_at"]);
    assert_eq!(later["updated_at"], read["updated_at"]);
    let changed = setup.ada.patch(&path, &json!({"value": "is grey", "metadata": {"n": 1}})).await;
    assert_eq!((changed.status, &changed.body["value"]), (StatusCode::OK, &json!("is grey")));
    assert_eq!(setup.ada.patch(&path, &json!({"value": ""})).await.pointers(), ["/value"]);
    let renamed = setup.ada.patch(&path, &json!({"key": "x"})).await;
    assert_eq!(renamed.status, StatusCode::BAD_REQUEST);
    assert_eq!(values(&setup, "q=blue+sky").await, [""; 0]);
    assert_eq!(values(&setup, "q=grey").await, ["is grey"]);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(values(&setup, "q=grey").await, [""; 0]);
}

#[tokio::test]
async fn every_memory_is_on_one_page() {
    let setup = setup().await;
    for n in 0..7 {
        let body = json!({"kind": "episode", "value": format!("episode {n}")});
        assert_eq!(setup.ada.post(PATH, &body).await.status, StatusCode::CREATED);
        if n % 3 == 0 {
            setup.hand.advance(Duration::from_millis(1));
        }
    }
    for query in ["", "&q=episode"] {
        let expected = values(&setup, query).await;
        assert_eq!(expected.len(), 7);
        for limit in 1..=8 {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("{PATH}?limit={limit}{query}{cursor}");
                let answer = setup.ada.get(&path).await;
                let data = answer.body["data"].as_array().unwrap();
                assert!(data.len() <= limit);
                seen.extend(data.iter().map(|memory| memory["value"].as_str().unwrap().to_owned()));
                let Some(next) = answer.body["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(seen, expected, "limit {limit}{query}");
        }
    }
    for (query, pointer) in [("limit=0", "/limit"), ("cursor=x", "/cursor")] {
        assert_eq!(setup.ada.get(&format!("{PATH}?{query}")).await.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn what_came_from_a_conversation_is_forgotten_at_once_or_outlives_it() {
    let setup = setup().await;
    let (one, two) = (setup.conversation().await, setup.conversation().await);
    let id = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
    for (value, source) in [("a", &one), ("b", &one), ("c", &two)] {
        let body = json!({"kind": "episode", "value": value, "source_conversation_id": id(source)});
        assert_eq!(remember(&setup, body).await["source_conversation_id"], id(source));
    }
    remember(&setup, json!({"kind": "episode", "value": "d"})).await;
    assert_eq!(values(&setup, &format!("source_conversation_id={}", id(&one))).await, ["b", "a"]);
    assert_eq!(setup.ada.delete(PATH).await.status, StatusCode::BAD_REQUEST);
    let forget = format!("{PATH}?source_conversation_id={}", id(&one));
    assert_eq!(setup.colleague("owner").await.delete(&forget).await.body, json!({"deleted": 0}));
    assert_eq!(setup.ada.delete(&forget).await.body, json!({"deleted": 2}));
    assert_eq!(values(&setup, "").await, ["d", "c"]);
    assert_eq!(setup.ada.delete(&two).await.status, StatusCode::NO_CONTENT);
    let left = setup.ada.get(PATH).await.body["data"].clone();
    assert_eq!(
        (left[1]["value"].as_str(), &left[1]["source_conversation_id"]),
        (Some("c"), &Value::Null)
    );
}
