use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

use crate::calls::{delete, get, post, settled, with};
use crate::world::World;

pub const RESPONSES: &str = "/v1/responses";

/// A request for a response.
pub fn ask(input: &str) -> Value {
    json!({"model": "Primary", "input": input})
}

/// The text of a response.
pub fn text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{response}"))
}

fn path(response: &Value) -> String {
    format!("{RESPONSES}/{}", response["id"].as_str().unwrap_or_else(|| panic!("{response}")))
}

#[tokio::test]
async fn a_response_is_given_kept_and_deleted() {
    let world = World::saying(ProviderReply::text("I am fine, thanks.")).await;
    for provider in ["openai", "anthropic"] {
        let model = world.model(provider, "small-1").await;
        let mut body = ask("How are you?");
        for (name, value) in [
            ("model", json!(model)),
            ("instructions", json!("Be brief.")),
            ("metadata", json!({"topic": "x"})),
            ("temperature", json!(0.5)),
            ("max_output_tokens", json!(77)),
        ] {
            body[name] = value;
        }
        let given = post(&world.ada, RESPONSES, &body).await;
        assert_eq!(given.status, StatusCode::OK, "{}", given.text);
        let given = given.json();
        assert_eq!((&given["object"], &given["status"]), (&json!("response"), &json!("completed")));
        assert_eq!((text(&given), &given["model"]), ("I am fine, thanks.", &json!("small-1")));
        let item = &given["output"][0];
        assert_eq!((&item["type"], &item["role"]), (&json!("message"), &json!("assistant")));
        assert_eq!((&given["error"], &given["incomplete_details"]), (&Value::Null, &Value::Null));
        for (name, value) in [
            ("instructions", json!("Be brief.")),
            ("metadata", json!({"topic": "x"})),
            ("temperature", json!(0.5)),
            ("max_output_tokens", json!(77)),
            ("tools", json!([])),
            ("tool_choice", json!("auto")),
            ("store", json!(true)),
        ] {
            assert_eq!(given[name], value);
        }
        let usage = &given["usage"];
        let sum =
            usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
        assert_eq!(usage["total_tokens"], sum);
        let asked = world.provider.requests().last().unwrap().body.to_string();
        assert!(asked.contains("Be brief.") && asked.contains("How are you?"), "{asked}");
        let path = path(&given);
        assert_eq!(get(&world.ada, &path).await.json(), given);
        let items = get(&world.ada, &format!("{path}/input_items")).await.json();
        assert_eq!(
            items["data"][0]["content"],
            json!([{"type": "input_text", "text": "How are you?"}])
        );
        assert_eq!(items["data"].as_array().unwrap().len(), 1);
        let deleted = delete(&world.ada, &path).await.json();
        assert_eq!(deleted, json!({"id": given["id"], "object": "response", "deleted": true}));
        assert_eq!(get(&world.ada, &path).await.status, StatusCode::NOT_FOUND);
    }
    for table in ["run", "run_event", "message", "conversation"] {
        let sql: &'static str = match table {
            "run" => "SELECT count(*) AS n FROM run",
            "run_event" => "SELECT count(*) AS n FROM run_event",
            "message" => "SELECT count(*) AS n FROM message",
            _ => "SELECT count(*) AS n FROM conversation",
        };
        assert_eq!(world.count(sql).await, 0, "{table}");
    }
    // The bill stays.
    assert_ne!(settled(&world).await, 0);
}

#[tokio::test]
async fn a_chain_of_responses_tells_the_model_all_of_it() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let first = post(&world.ada, RESPONSES, &with(&ask("one"), "instructions", json!("kindly")))
        .await
        .json();
    let next = |input: &str, previous: &Value| {
        with(&ask(input), "previous_response_id", previous["id"].clone())
    };
    let second = post(&world.ada, RESPONSES, &next("two", &first)).await.json();
    assert_eq!(second["previous_response_id"], first["id"]);
    post(&world.ada, RESPONSES, &next("three", &second)).await;
    let told = |n: usize| {
        let body = world.provider.requests()[n].body.clone();
        let messages = body["messages"].as_array().unwrap().clone();
        messages.iter().map(|m| m["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(told(2), ["one", "Fine.", "two", "Fine.", "three"]);
    // Another path from the first, kept and not.
    for store in [true, false] {
        let other = with(&next("other", &first), "store", json!(store));
        let given = post(&world.ada, RESPONSES, &other).await;
        assert_eq!(given.status, StatusCode::OK, "{}", given.text);
    }
    assert_eq!(told(3), ["one", "Fine.", "other"]);
    assert_eq!(told(4), told(3));
    assert_eq!(world.count("SELECT count(*) AS n FROM conversation").await, 1);
    assert_eq!(world.count("SELECT count(*) AS n FROM run").await, 4);
    // What others go on with stays until the last of them is gone.
    delete(&world.ada, &path(&first)).await;
    assert_eq!(world.count("SELECT count(*) AS n FROM message").await, 8);
    let refused = post(&world.ada, RESPONSES, &next("four", &first)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let fourth = post(&world.ada, RESPONSES, &next("four", &second)).await;
    assert_eq!(fourth.status, StatusCode::OK);
}

#[tokio::test]
async fn a_conversation_that_is_named_keeps_what_is_said() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let begun = json!({"items": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello."}]});
    let conversation = post(&world.ada, "/v1/conversations", &begun).await.json()["id"].clone();
    let body = with(&ask("How are you?"), "conversation", conversation.clone());
    let given = post(&world.ada, RESPONSES, &body).await.json();
    assert_eq!(given["conversation"], json!({"id": conversation}));
    let asked = world.provider.requests()[0].body.to_string();
    assert!(
        ["Be brief.", "Hello.", "How are you?"].iter().all(|said| asked.contains(said)),
        "{asked}"
    );
    let items = format!("/v1/conversations/{}/items?order=asc", conversation.as_str().unwrap());
    let list = get(&world.ada, &items).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 4);
    assert_eq!(list["data"][3], given["output"][0]);
    // The conversation's items are not the response's to delete.
    delete(&world.ada, &path(&given)).await;
    assert_eq!(get(&world.ada, &items).await.json(), list);
    let both = with(&body, "previous_response_id", given["id"].clone());
    assert!(!post(&world.ada, RESPONSES, &both).await.status.is_success());
}

#[tokio::test]
async fn functions_are_called_by_the_client_and_answered_in_the_next_response() {
    let arguments = json!({"city": "Bremen"});
    for (provider, store) in [("openai", true), ("anthropic", true), ("openai", false)] {
        let replies = [ProviderReply::call("weather", &arguments), ProviderReply::text("Rain.")];
        let world = World::with(ProviderServer::scripted(replies).await, &[]).await;
        let mut body = ask("How is the weather?");
        body["model"] = json!(world.model(provider, "small-1").await);
        body["store"] = json!(store);
        body["tools"] = json!([{
            "type": "function", "name": "weather", "description": "How it is outside", "strict": true,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        }]);
        body["tool_choice"] = json!({"type": "function", "name": "weather"});
        let asked = post(&world.ada, RESPONSES, &body).await.json();
        assert_eq!(asked["status"], "completed", "{asked}");
        assert_eq!(
            (&asked["tools"], &asked["tool_choice"]),
            (&body["tools"], &body["tool_choice"])
        );
        let call = &asked["output"][0];
        assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("weather")));
        let given: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(given, arguments);
        let result =
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": "rain"});
        let mut body = body.clone();
        body["tool_choice"] = json!("auto");
        if store {
            assert_eq!(get(&world.ada, &path(&asked)).await.json(), asked);
            body["input"] = json!([result]);
            body["previous_response_id"] = asked["id"].clone();
        } else {
            body["input"] =
                json!([{"role": "user", "content": "How is the weather?"}, call, result]);
        }
        let told = post(&world.ada, RESPONSES, &body).await.json();
        assert_eq!(text(&told), "Rain.");
        let requests = world.provider.requests();
        let offered = requests[0].body["tool_choice"].clone();
        let choice = if provider == "openai" {
            json!({"type": "function", "function": {"name": "weather"}})
        } else {
            json!({"type": "tool", "name": "weather"})
        };
        assert_eq!(offered, choice);
        let messages = requests[1].body["messages"].to_string();
        assert!(messages.contains("rain") && messages.contains("Bremen"), "{messages}");
    }
}

#[tokio::test]
async fn what_is_asked_of_the_answer_reaches_the_provider() {
    let world = World::saying(ProviderReply::text("{}")).await;
    let mut body = ask("x");
    body["text"] = json!({"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": true}});
    body["top_p"] = json!(0.5);
    let given = post(&world.ada, RESPONSES, &body).await.json();
    assert_eq!(given["text"]["format"], body["text"]["format"]);
    let asked = world.provider.requests()[0].body.clone();
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": true}});
    assert_eq!((&asked["response_format"], &asked["top_p"]), (&format, &json!(0.5)));
}

#[tokio::test]
async fn images_out_of_files_are_shown_to_the_model() {
    let world = World::saying(ProviderReply::text("A cat.")).await;
    let image = world.image(b"png").await;
    for store in [true, false] {
        let mut body = ask("x");
        body["store"] = json!(store);
        body["input"] = json!([{"role": "user", "content": [
            {"type": "input_text", "text": "What is this?"}, {"type": "input_image", "file_id": image},
        ]}]);
        let given = post(&world.ada, RESPONSES, &body).await;
        assert_eq!(given.status, StatusCode::OK, "{}", given.text);
        let asked = world.provider.requests().last().unwrap().body.to_string();
        assert!(asked.contains("data:image/png;base64,cG5n"), "{asked}");
    }
}

#[tokio::test]
async fn what_is_not_stored_leaves_nothing_but_its_bill() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let body = with(&ask("How are you?"), "store", json!(false));
    let given = post(&world.ada, RESPONSES, &body).await.json();
    assert_eq!((text(&given), &given["store"]), ("Fine.", &json!(false)));
    assert_eq!(get(&world.ada, &path(&given)).await.status, StatusCode::NOT_FOUND);
    let streamed = post(&world.ada, RESPONSES, &with(&body, "stream", json!(true))).await.tale();
    assert_eq!(text(&streamed.last().unwrap()["response"]), "Fine.");
    let total = given["usage"]["total_tokens"].as_i64().unwrap();
    assert_eq!(settled(&world).await, total * 2);
    for sql in [
        "SELECT count(*) AS n FROM run",
        "SELECT count(*) AS n FROM message",
        "SELECT count(*) AS n FROM conversation",
    ] {
        assert_eq!(world.count(sql).await, 0, "{sql}");
    }
}
