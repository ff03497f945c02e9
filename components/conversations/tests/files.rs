//! `…/{id}/files`, and the files that messages name.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{STRANGE_IDS, Setup, setup};
use testing::Answer;

async fn call(setup: &Setup, method: &Method, path: &str) -> Answer {
    match *method {
        Method::GET => setup.ada.get(path).await,
        Method::DELETE => setup.ada.delete(path).await,
        _ => setup.ada.put(path, &Value::Null).await,
    }
}

async fn names(setup: &Setup, conversation: &str) -> Vec<String> {
    let page = setup.ada.get(&format!("{conversation}/files")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.body["next_cursor"], Value::Null);
    let data = page.body["data"].as_array().unwrap();
    data.iter().map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_not_the_account_s_looks_like_what_does_not_exist() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let (ada, eve) = (setup.ada_person.account_id, setup.eve_person.account_id);
    let own = setup.file(ada, "own", "complete").await;
    let foreign = setup.file(eve, "foreign", "complete").await;
    let pending = setup.file(ada, "pending", "pending").await;
    let unknown = "file_01h455vb4pex5vsknk084sn02q".to_owned();
    let strange = STRANGE_IDS.map(str::to_owned);
    let mut first: Option<Value> = None;
    for file in [foreign, pending, unknown].iter().chain(&strange) {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let path = format!("{conversation}/files/{file}");
            let answer = call(&setup, &method, &path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            let mut body = answer.body;
            body["request_id"] = Value::Null;
            assert_eq!(*first.get_or_insert(body.clone()), body, "{method} {path}");
        }
    }
    // Eve gets at Ada's file neither through Ada's conversation nor through her own.
    let created = setup.eve.post(support::PATH, &json!({})).await;
    let of_eve = format!("{}/{}", support::PATH, created.body["id"].as_str().unwrap());
    setup.ada.put(&format!("{conversation}/files/{own}"), &Value::Null).await;
    for path in [&conversation, &of_eve] {
        for answer in [
            setup.eve.get(&format!("{path}/files/{own}")).await,
            setup.eve.put(&format!("{path}/files/{own}"), &Value::Null).await,
            setup.eve.delete(&format!("{path}/files/{own}")).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    }
    assert_eq!(setup.eve.get(&format!("{conversation}/files")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(names(&setup, &conversation).await, ["own"]);
}

#[tokio::test]
async fn a_conversation_has_a_limited_number_of_files() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let account = setup.ada_person.account_id;
    for n in 0..200 {
        let file = setup.file(account, &n.to_string(), "complete").await;
        let answer = setup.ada.put(&format!("{conversation}/files/{file}"), &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{n}");
    }
    let file = setup.file(account, "one too many", "complete").await;
    let path = format!("{conversation}/files/{file}");
    let answer = setup.ada.put(&path, &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (422, "validation_failed"));
    let attached = names(&setup, &conversation).await;
    assert_eq!(attached.len(), 200);
    // One that is attached already is none more.
    let rows =
        setup.database.query(Statement::new("SELECT min(file_id) AS id FROM conversation_file"));
    let id: String = rows.await.unwrap().first().unwrap().get("id").unwrap();
    let again = setup.ada.put(&format!("{conversation}/files/{id}"), &Value::Null).await;
    assert_eq!(again.status, StatusCode::OK);
}

#[tokio::test]
async fn files_and_conversations_are_attached_many_to_many() {
    let setup = setup().await;
    let (one, other) = (setup.conversation().await, setup.conversation().await);
    let account = setup.ada_person.account_id;
    let (plan, note) = (
        setup.file(account, "plan", "complete").await,
        setup.file(account, "note", "complete").await,
    );
    let mut first = Value::Null;
    for (conversation, file) in [(&one, &plan), (&one, &note), (&other, &plan)] {
        let path = format!("{conversation}/files/{file}");
        let attached = setup.ada.put(&path, &Value::Null).await;
        assert_eq!(attached.status, StatusCode::OK);
        setup.hand.advance(Duration::from_secs(1));
        // Attaching again changes nothing.
        assert_eq!(setup.ada.put(&path, &Value::Null).await.body, attached.body);
        assert_eq!(setup.ada.get(&path).await.body, attached.body);
        if first.is_null() {
            first = attached.redacted();
        }
    }
    insta::assert_json_snapshot!(first, @r#"
    {
      "body": {
        "attached_at": "[time]",
        "bucket": "user-files",
        "created_at": "[time]",
        "id": "[file]",
        "metadata": {},
        "mime_type": "text/plain",
        "name": "plan",
        "sha256": "0000000000000000000000000000000000000000000000000000000000000000",
        "size_bytes": 3
      },
      "status": 200
    }
    "#);
    assert_eq!(names(&setup, &one).await, ["note", "plan"]);
    assert_eq!(names(&setup, &other).await, ["plan"]);
    let path = format!("{one}/files/{plan}");
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(names(&setup, &one).await, ["note"]);
    assert_eq!(names(&setup, &other).await, ["plan"]);
    assert_eq!(setup.ada.delete(&other).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.count("SELECT count(*) AS n FROM conversation_file").await, 1);
    assert_eq!(setup.count("SELECT count(*) AS n FROM file").await, 2, "files stay");
    setup.database.query(Statement::new("DELETE FROM file")).await.unwrap();
    assert_eq!(names(&setup, &one).await, [""; 0]);
}

#[tokio::test]
async fn messages_name_only_files_that_the_account_has() {
    let setup = setup().await;
    let conversation = setup.conversation().await;
    let (ada, eve) = (setup.ada_person.account_id, setup.eve_person.account_id);
    let own = setup.file(ada, "own", "complete").await;
    let foreign = setup.file(eve, "foreign", "complete").await;
    let pending = setup.file(ada, "pending", "pending").await;
    let unknown = "file_01h455vb4pex5vsknk084sn02q".to_owned();
    let message = |files: [&str; 2]| {
        let [image, file] = files;
        json!({"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_file", "file_id": image},
            {"type": "file", "file_id": file, "name": "a"},
        ]})
    };
    let mut details = Vec::new();
    for file in [&foreign, &pending, &unknown] {
        let path = format!("{conversation}/messages");
        let answer = setup.ada.post(&path, &message([&own, file])).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/content/2/file_id"]));
        details.push(answer.body["errors"].clone());
        let batch = json!({"messages": [message([&own, &own]), message([file, &own])]});
        let answer = setup.ada.post(&format!("{path}/batch"), &batch).await;
        assert_eq!(answer.pointers(), ["/messages/1/content/1/file_id"]);
    }
    assert!(
        details.windows(2).all(|two| two[0] == two[1]),
        "they cannot be told apart: {details:?}"
    );
    assert_eq!(setup.ada.get(&conversation).await.body["message_count"], 0);
    let answer = setup.ada.post(&format!("{conversation}/messages"), &message([&own, &own])).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
}
