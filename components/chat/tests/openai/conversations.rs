use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::ProviderReply;

use crate::calls::{Reply, delete, get, post, with};
use crate::world::World;

const CONVERSATIONS: &str = "/v1/conversations";

async fn world() -> World {
    World::saying(ProviderReply::text("Fine.")).await
}

fn said(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": text})
}

fn ids(reply: &Reply) -> Vec<String> {
    let body = reply.json();
    let data = body["data"].as_array().unwrap_or_else(|| panic!("{body}"));
    data.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn without_a_credential_or_the_scope_nothing_is_shown() {
    let world = world().await;
    let path = format!("{CONVERSATIONS}/{}", world.conversation().await);
    let items = format!("{path}/items");
    let item = json!({"items": [said("user", "x")]});
    let key = world.ada_person.api_key(&world.database, "chat", world.clock.now()).await;
    let key = world.anonymous.with_token(key);
    for (client, status) in
        [(&world.anonymous, StatusCode::UNAUTHORIZED), (&key, StatusCode::FORBIDDEN)]
    {
        for refused in [
            post(client, CONVERSATIONS, &json!({})).await,
            get(client, &path).await,
            post(client, &path, &json!({"metadata": {}})).await,
            delete(client, &path).await,
            post(client, &items, &item).await,
            get(client, &items).await,
        ] {
            assert_eq!(refused.status, status);
            refused.code();
        }
    }
}

#[tokio::test]
async fn another_accounts_conversation_is_not_there() {
    let world = world().await;
    let created = post(&world.ada, CONVERSATIONS, &json!({"items": [said("user", "x")]})).await;
    let path = format!("{CONVERSATIONS}/{}", created.json()["id"].as_str().unwrap());
    let items = format!("{path}/items");
    let item = format!("{items}/{}", ids(&get(&world.ada, &items).await)[0]);
    for refused in [
        get(&world.eve, &path).await,
        post(&world.eve, &path, &json!({"metadata": {}})).await,
        delete(&world.eve, &path).await,
        // Before anything is said of what is wrong with the items.
        post(&world.eve, &items, &json!({"items": [{"type": "reasoning"}]})).await,
        get(&world.eve, &items).await,
        get(&world.eve, &item).await,
        get(&world.ada, &format!("{items}/msg_01h455vb4pex5vsknk084sn02q")).await,
        get(&world.ada, &format!("{items}/rs_1")).await,
        get(&world.ada, &format!("{}1", item.replace("msg_", "fc_"))).await,
    ] {
        assert_eq!((refused.status, &*refused.code()), (StatusCode::NOT_FOUND, "not_found"));
    }
    let other = world.conversation().await;
    let elsewhere = item.replace(created.json()["id"].as_str().unwrap(), &other);
    assert_eq!(get(&world.ada, &elsewhere).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_conversation_cannot_keep_is_refused_where_it_stands() {
    let world = world().await;
    let items = format!("{CONVERSATIONS}/{}/items", world.conversation().await);
    let image = world.image(b"png").await;
    let part = |part: Value| json!({"role": "user", "content": [{"type": "input_text", "text": "x"}, part]});
    for (item, param) in [
        (json!({"type": "reasoning", "summary": []}), "items/1"),
        (json!({"type": "item_reference", "id": "msg_1"}), "items/1"),
        (json!({"type": "message", "role": "owner", "content": "x"}), "items/1"),
        (json!({"role": "user"}), "items/1"),
        (json!({"role": "user", "content": "x", "name": "ada"}), "items/1"),
        (json!({"role": "user", "content": ""}), "items/1/content"),
        (json!({"role": "user", "content": 7}), "items/1/content"),
        (
            part(json!({"type": "input_image", "image_url": "https://example.com/a.png"})),
            "items/1/content/1",
        ),
        (
            part(json!({"type": "input_image", "file_id": image, "detail": "high"})),
            "items/1/content/1",
        ),
        (part(json!({"type": "input_file", "file_data": "eA=="})), "items/1/content/1"),
        (part(json!({"type": "input_audio"})), "items/1/content/1"),
        (part(json!({"type": "output_text", "text": "x"})), "items/1/content/1"),
        (
            json!({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
            "items/1/content/0",
        ),
        (
            part(json!({"type": "input_image", "file_id": "file_01h455vb4pex5vsknk084sn02q"})),
            "items/1/content/1/file_id",
        ),
        (
            json!({"type": "function_call", "call_id": "", "name": "f", "arguments": "{}"}),
            "items/1/id",
        ),
        (json!({"type": "function_call", "call_id": "1", "name": "f"}), "items/1"),
        (
            json!({"type": "function_call_output", "call_id": "1", "output": [{"type": "input_image"}]}),
            "items/1/output",
        ),
    ] {
        let body = json!({"items": [said("user", "before"), item]});
        for path in [items.as_str(), CONVERSATIONS] {
            let refused = post(&world.ada, path, &body).await;
            let error = refused.json()["error"].clone();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{item} {error}");
            assert_eq!(
                (refused.code().as_str(), error["param"].as_str()),
                ("validation_failed", Some(param)),
                "{item}"
            );
        }
    }
    for (body, status) in [
        (json!({"items": []}), StatusCode::BAD_REQUEST),
        (json!({"items": vec![said("user", "x"); 21]}), StatusCode::BAD_REQUEST),
        (json!({"items": "x"}), StatusCode::BAD_REQUEST),
        (json!({}), StatusCode::BAD_REQUEST),
        (json!({"items": [], "more": 1}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(post(&world.ada, &items, &body).await.status, status, "{body}");
    }
    // Nothing of all this was kept.
    assert_eq!(world.count("SELECT count(*) AS n FROM message").await, 0);
    assert_eq!(world.count("SELECT count(*) AS n FROM conversation").await, 1);
}

#[tokio::test]
async fn what_is_noted_on_a_conversation_stays_within_bounds() {
    let world = world().await;
    let many: serde_json::Map<_, _> = (0..17).map(|n| (n.to_string(), json!("x"))).collect();
    for (metadata, status) in [
        (Value::Object(many), StatusCode::BAD_REQUEST),
        (json!({"x".repeat(65): "x"}), StatusCode::BAD_REQUEST),
        (json!({"x": "é".repeat(513)}), StatusCode::BAD_REQUEST),
        (json!({"x": 1}), StatusCode::BAD_REQUEST),
        (json!([]), StatusCode::BAD_REQUEST),
    ] {
        let refused = post(&world.ada, CONVERSATIONS, &json!({"metadata": metadata})).await;
        assert_eq!(refused.status, status, "{metadata}");
        refused.code();
    }
    let body = json!({"metadata": {"x".repeat(64): "é".repeat(512)}});
    assert_eq!(post(&world.ada, CONVERSATIONS, &body).await.json()["metadata"], body["metadata"]);
}

#[tokio::test]
async fn a_conversation_is_begun_noted_on_and_deleted() {
    let world = world().await;
    let created = post(&world.ada, CONVERSATIONS, &json!({"metadata": {"topic": "x"}})).await;
    assert_eq!(created.status, StatusCode::OK, "{}", created.text);
    let body = created.json();
    let path = format!("{CONVERSATIONS}/{}", body["id"].as_str().unwrap());
    assert_eq!(
        (&body["object"], &body["metadata"]),
        (&json!("conversation"), &json!({"topic": "x"}))
    );
    assert!(body["created_at"].as_u64().is_some_and(|seconds| 1_600_000_000 < seconds));
    assert_eq!(get(&world.ada, &path).await.json(), body);
    let changed = post(&world.ada, &path, &json!({"metadata": {"topic": "y"}})).await.json();
    assert_eq!(changed, with(&body, "metadata", json!({"topic": "y"})));
    post(&world.ada, &format!("{path}/items"), &json!({"items": [said("user", "x")]})).await;
    let deleted = delete(&world.ada, &path).await.json();
    assert_eq!(
        deleted,
        json!({"id": body["id"], "object": "conversation.deleted", "deleted": true})
    );
    assert_eq!(get(&world.ada, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&world.ada, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.count("SELECT count(*) AS n FROM message").await, 0);
}

#[tokio::test]
async fn items_come_back_as_they_were_given() {
    let world = world().await;
    let image = world.image(b"png").await;
    let given = json!([
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be kind."}]},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "file_id": image, "image_url": null, "detail": "auto"},
            {"type": "input_file", "file_id": image, "filename": "a.png"},
        ]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}]},
        {"type": "function_call", "call_id": "1", "name": "look", "arguments": "{ \"at\": 1}"},
        {"type": "function_call_output", "call_id": "1", "output": "a cat"},
    ]);
    let created = post(&world.ada, CONVERSATIONS, &json!({"items": given})).await;
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let path = format!("{CONVERSATIONS}/{id}/items");
    let list = get(&world.ada, &format!("{path}?order=asc")).await.json();
    assert_eq!((&list["object"], &list["has_more"]), (&json!("list"), &json!(false)));
    let mut data = list["data"].as_array().unwrap().clone();
    assert_eq!((&list["first_id"], &list["last_id"]), (&data[0]["id"], &data[5]["id"]));
    for item in &data {
        let one = get(&world.ada, &format!("{path}/{}", item["id"].as_str().unwrap())).await;
        assert_eq!(one.json(), *item);
    }
    // What comes out goes in again.
    let again = post(&world.ada, &path, &json!({"items": data})).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert_eq!(again.json()["data"].as_array().unwrap().len(), 6);
    for item in &mut data {
        let item = item.as_object_mut().unwrap();
        item.remove("id");
        assert_eq!(item.remove("status"), Some(json!("completed")));
    }
    assert_eq!(Value::Array(data), given);
    assert_eq!(world.messages(&id).await.len(), 12);
}

#[tokio::test]
async fn items_are_paged_in_both_orders() {
    let world = world().await;
    let conversation = world.conversation().await;
    let path = format!("{CONVERSATIONS}/{conversation}/items");
    // A message that holds several items, as answers of models do.
    let calls: Vec<_> = (0..3)
        .map(|n| json!({"type": "tool_call", "id": n.to_string(), "name": "f", "arguments": {}}))
        .collect();
    let content = [vec![json!({"type": "text", "text": "I call."})], calls].concat();
    for n in 0..4 {
        let body = json!({"items": [said("user", &n.to_string())]});
        post(&world.ada, &path, &body).await;
        let content = serde_json::from_value(json!(content)).unwrap();
        world.append(&conversation, message::MessageRole::Assistant, content).await;
    }
    let all = ids(&get(&world.ada, &format!("{path}?order=asc&limit=100")).await);
    assert_eq!(all.len(), 20);
    for (order, limit) in [("asc", 1), ("asc", 3), ("desc", 1), ("desc", 7), ("desc", 20)] {
        let mut seen: Vec<String> = Vec::new();
        loop {
            let after = seen.last().map(|id| format!("&after={id}")).unwrap_or_default();
            let page = get(&world.ada, &format!("{path}?order={order}&limit={limit}{after}")).await;
            assert!(ids(&page).len() <= limit);
            seen.extend(ids(&page));
            if page.json()["has_more"] == false {
                break;
            }
        }
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, all, "{order} {limit}");
    }
    for (query, status) in [
        ("limit=0", StatusCode::BAD_REQUEST),
        ("limit=101", StatusCode::BAD_REQUEST),
        ("after=msg_01h455vb4pex5vsknk084sn02q", StatusCode::BAD_REQUEST),
        ("after=x", StatusCode::BAD_REQUEST),
        ("order=up", StatusCode::BAD_REQUEST),
        ("include=x", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(get(&world.ada, &format!("{path}?{query}")).await.status, status, "{query}");
    }
}
