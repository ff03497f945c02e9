//! Forks and shares: `POST …/fork`, `…/shares`, `/api/shares/{id}`, `/api/shared/{token}`
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
use support::{PATH, Setup, setup};

/// A conversation with a system message, three more, and a branch beside the last.
async fn tree(setup: &Setup) -> (String, Vec<Value>) {
    let created =
        setup.ada.post(PATH, &json!({"title": "Tree", "metadata": {"a": "private"}})).await;
    let conversation = format!("{PATH}/{}", created.body["id"].as_str().unwrap());
    let messages = format!("{conversation}/messages");
    let batch = json!({"messages": [
        {"role": "system", "content": "instructions"},
        {"role": "user", "content": "question", "metadata": {"b": "private"}},
        {"role": "assistant", "content": "answer", "model": "m"},
        {"role": "user", "content": "old"},
    ]});
    let stored = setup.ada.post(&format!("{messages}/batch"), &batch).await.body;
    let mut all = stored["data"].as_array().unwrap().clone();
    let edit = json!({"role": "user", "content": "new", "sibling_of": all[3]["id"]});
    all.push(setup.ada.post(&messages, &edit).await.body);
    (conversation, all)
}

fn texts(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_cannot_be_forked_or_shared_is_refused() {
    let setup = setup().await;
    let (conversation, all) = tree(&setup).await;
    let empty = setup.conversation().await;
    let unknown = json!({"message_id": "msg_01h455vb4pex5vsknk084sn02q"});
    for route in ["fork", "shares"] {
        let path = format!("{conversation}/{route}");
        for body in [json!({"message_id": 7}), json!({"message_id": all[0]["id"], "title": "x"})] {
            assert_eq!(
                setup.ada.post(&path, &body).await.status,
                StatusCode::BAD_REQUEST,
                "{body}"
            );
        }
        let answer = setup.ada.post(&path, &unknown).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.pointers(), ["/message_id"]);
        let elsewhere = json!({"message_id": all[0]["id"]});
        let answer = setup.ada.post(&format!("{empty}/{route}"), &elsewhere).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(
        setup.ada.post(&format!("{conversation}/fork"), &json!({})).await.status,
        StatusCode::BAD_REQUEST
    );
    let nothing = setup.ada.post(&format!("{empty}/shares"), &json!({})).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    for token in ["x", "", "%00", "..%2f", "'%20OR%201=1"] {
        let answer = setup.anonymous.get(&format!("/api/shared/{token}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{token}");
    }
    let copy = setup.anonymous.post("/api/shared/x/copy", &json!({})).await;
    assert_eq!(copy.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_fork_has_the_path_up_to_the_message_and_goes_its_own_way() {
    let setup = setup().await;
    let (conversation, all) = tree(&setup).await;
    let fork =
        setup.ada.post(&format!("{conversation}/fork"), &json!({"message_id": all[4]["id"]})).await;
    assert_eq!(fork.status, StatusCode::CREATED, "{}", fork.body);
    assert_eq!(fork.body["title"], "Tree");
    assert_eq!(fork.body["metadata"], json!({"a": "private"}));
    assert_eq!(fork.body["message_count"], 4);
    let path = format!("{PATH}/{}", fork.body["id"].as_str().unwrap());
    assert_eq!(setup.ada.get(&path).await.body, fork.body);
    let page = setup.ada.get(&format!("{path}/messages")).await.body;
    assert_eq!(texts(&page), ["instructions", "question", "answer", "new"]);
    let copies = page["data"].as_array().unwrap();
    for (n, (copy, original)) in copies.iter().zip([&all[0], &all[1], &all[2], &all[4]]).enumerate()
    {
        assert_eq!(copy["seq"], n + 1);
        assert_eq!(
            copy["parent_id"],
            if n == 0 { Value::Null } else { copies[n - 1]["id"].clone() }
        );
        assert_ne!(copy["id"], original["id"]);
        assert!(copy["id"].as_str().unwrap().parse::<ids::MessageId>().is_ok());
        for name in ["role", "content", "status", "model", "usage", "metadata", "created_at"] {
            assert_eq!(copy[name], original[name], "{name}");
        }
    }
    setup.append(&path, &["more"]).await;
    assert_eq!(setup.ada.get(&conversation).await.body["message_count"], 5);
    let found = setup.ada.get("/api/search?q=answer").await.body;
    assert_eq!(found["data"].as_array().unwrap().len(), 2, "copies are found, too");
}

#[tokio::test]
async fn a_link_shows_exactly_the_snapshot() {
    let setup = setup().await;
    let (conversation, all) = tree(&setup).await;
    let shares = format!("{conversation}/shares");
    let created = setup.ada.post(&shares, &json!({"message_id": all[2]["id"]})).await;
    insta::assert_json_snapshot!(created.redacted(), @r#"
    {
      "body": {
        "conversation_id": "[conv]",
        "created_at": "[time]",
        "id": "[shr]",
        "title": "Tree",
        "token": "[token]"
      },
      "status": 201
    }
    "#);
    let link = format!("/api/shared/{}", created.body["token"].as_str().unwrap());
    setup.ada.patch(&conversation, &json!({"title": "Later"})).await;
    let shared = setup.anonymous.get(&link).await;
    insta::assert_json_snapshot!(shared.redacted(), @r#"
    {
      "body": {
        "created_at": "[time]",
        "data": [
          {
            "content": "question",
            "created_at": "[time]",
            "id": "[msg]",
            "model": null,
            "parent_id": "[msg]",
            "role": "user",
            "seq": 2,
            "status": "completed",
            "usage": null
          },
          {
            "content": "answer",
            "created_at": "[time]",
            "id": "[msg]",
            "model": "m",
            "parent_id": "[msg]",
            "role": "assistant",
            "seq": 3,
            "status": "completed",
            "usage": null
          }
        ],
        "next_cursor": null,
        "title": "Tree"
      },
      "status": 200
    }
    "#);
    assert_eq!(setup.ada.get(&shares).await.body["data"][0].get("token"), None);
}

#[tokio::test]
async fn a_link_opens_nothing_beside_it_and_nothing_once_it_is_revoked() {
    let setup = setup().await;
    let (conversation, all) = tree(&setup).await;
    let shares = format!("{conversation}/shares");
    let created = setup.ada.post(&shares, &json!({"message_id": all[2]["id"]})).await;
    let link = format!("/api/shared/{}", created.body["token"].as_str().unwrap());
    let all_of_it = format!("{link}?limit=1");
    let first = setup.eve.get(&all_of_it).await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = setup.eve.get(&format!("{all_of_it}&cursor={cursor}")).await.body;
    assert_eq!(texts(&second), ["question"]);
    // A cursor made up to reach beyond the snapshot reaches nothing.
    let beyond = "YWZ0ZXIuMy5hbGwuOTk5"; // after.3.all.999
    assert_eq!(texts(&setup.eve.get(&format!("{link}?cursor={beyond}")).await.body), [""; 0]);
    assert_eq!(setup.eve.get(&format!("{link}?cursor=x")).await.pointers(), ["/cursor"]);
    // The link opens nothing beside it.
    for path in [conversation.clone(), shares.clone(), format!("{conversation}/messages")] {
        assert_eq!(setup.eve.get(&path).await.status, StatusCode::NOT_FOUND);
    }
    let listed = setup.ada.get(&shares).await.body;
    assert_eq!(listed["data"][0]["id"], created.body["id"]);
    assert_eq!(listed["data"][0].get("token"), None);
    let share = format!("/api/shares/{}", created.body["id"].as_str().unwrap());
    assert_eq!(setup.eve.delete(&share).await.status, StatusCode::NOT_FOUND);
    assert_eq!(setup.ada.delete(&share).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        setup.eve.post(&format!("{link}/copy"), &json!({})).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(setup.ada.get(&shares).await.body["data"], json!([]));
}

#[tokio::test]
async fn someone_else_goes_on_with_a_copy_of_the_snapshot() {
    let setup = setup().await;
    let (conversation, _) = tree(&setup).await;
    let token =
        setup.ada.post(&format!("{conversation}/shares"), &json!({})).await.body["token"].clone();
    let link = format!("/api/shared/{}", token.as_str().unwrap());
    let copy = setup.eve.post(&format!("{link}/copy"), &json!({})).await;
    assert_eq!(copy.status, StatusCode::CREATED, "{}", copy.body);
    assert_eq!((&copy.body["title"], &copy.body["metadata"]), (&json!("Tree"), &json!({})));
    let path = format!("{PATH}/{}", copy.body["id"].as_str().unwrap());
    let page = setup.eve.get(&format!("{path}/messages")).await.body;
    assert_eq!(texts(&page), ["question", "answer", "new"]);
    assert!(!page.to_string().contains("private") && !page.to_string().contains("instructions"));
    assert_eq!((&page["data"][0]["seq"], &page["data"][0]["parent_id"]), (&json!(1), &Value::Null));
    assert_eq!(setup.ada.get(&path).await.status, StatusCode::NOT_FOUND);
    // The copy is nobody's but its maker's: the original may go.
    assert_eq!(setup.ada.delete(&conversation).await.status, StatusCode::NO_CONTENT);
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::NOT_FOUND);
    let after = setup.eve.get(&format!("{path}/messages")).await.body;
    assert_eq!(after, page);
}

#[tokio::test]
async fn a_conversation_has_a_limited_number_of_links() {
    let setup = setup().await;
    let (conversation, _) = tree(&setup).await;
    let shares = format!("{conversation}/shares");
    for _ in 0..100 {
        assert_eq!(setup.ada.post(&shares, &json!({})).await.status, StatusCode::CREATED);
    }
    assert_eq!(setup.ada.post(&shares, &json!({})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(setup.ada.get(&shares).await.body["data"].as_array().unwrap().len(), 100);
}
