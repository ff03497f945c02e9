use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

use crate::calls::{COMPLETIONS, complete, get, question, send, settled, with};
use crate::world::{OPERATOR_KEY, World};

#[tokio::test]
async fn models_are_listed_by_name_and_chosen_by_name_id_or_as_their_provider_calls_them() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let own = world.model("openai", "small-1").await;
    let list = get(&world.ada, "/v1/models").await;
    assert_eq!(list.status, StatusCode::OK);
    let names: Vec<_> =
        list.json()["data"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
    assert_eq!(names, [json!(own), json!("Primary")]);
    assert_eq!(get(&world.eve, "/v1/models").await.json()["data"].as_array().unwrap().len(), 1);
    let one = get(&world.ada, &format!("/v1/models/{own}")).await.json();
    assert_eq!((&one["object"], &one["owned_by"]), (&json!("model"), &json!("openai")));
    for (name, model) in [
        (own.as_str(), "small-1"),
        ("small-1", "small-1"),
        ("Primary", "gpt-4o"),
        ("gpt-4o", "gpt-4o"),
    ] {
        let answer = complete(&world.ada, &question(name)).await;
        assert_eq!(answer.status, StatusCode::OK, "{name} {}", answer.text);
        assert_eq!(answer.json()["model"], model);
        assert_eq!(world.provider.requests().last().unwrap().model(), model);
    }
}

#[tokio::test]
async fn an_answer_comes_whole_and_in_pieces_on_both_wires() {
    let world = World::saying(ProviderReply::text("I am fine, thanks.")).await;
    for provider in ["openai", "anthropic"] {
        let model = world.model(provider, "small-1").await;
        let body = question(&model);
        let whole = complete(&world.ada, &body).await.json();
        assert_eq!(whole["object"], "chat.completion");
        assert!(whole["id"].as_str().unwrap().starts_with("chatcmpl-"));
        let choice = &whole["choices"][0];
        assert_eq!(
            choice["message"],
            json!({"role": "assistant", "content": "I am fine, thanks."})
        );
        assert_eq!((&choice["finish_reason"], &choice["index"]), (&json!("stop"), &json!(0)));
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
        assert_eq!(whole["usage"], usage);
        let body = with(&body, "stream", json!(true));
        let plain = complete(&world.ada, &body).await;
        assert_eq!(plain.headers["content-type"], "text/event-stream");
        assert_eq!(plain.said(), "I am fine, thanks.");
        assert!(plain.events().iter().all(|event| event.get("usage").is_none()));
        let body = with(&body, "stream_options", json!({"include_usage": true}));
        let events = complete(&world.ada, &body).await.events();
        assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
        let [.., finish, used] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert_eq!((&used["choices"], &used["usage"]), (&json!([]), &usage));
        assert!(events.iter().all(|event| event["id"] == events[0]["id"]));
    }
    for request in world.provider.requests() {
        assert_eq!(request.key(), Some(OPERATOR_KEY));
    }
}

#[tokio::test]
async fn tools_are_offered_called_and_answered() {
    let arguments = json!({"city": "Bremen"});
    for provider in ["openai", "anthropic"] {
        let replies = [
            ProviderReply::call("weather", &arguments),
            ProviderReply::call("weather", &arguments),
            ProviderReply::text("Rain."),
        ];
        let world = World::with(ProviderServer::scripted(replies).await, &[]).await;
        let model = world.model(provider, "small-1").await;
        let mut body = question(&model);
        body["tools"] = json!([{"type": "function", "function": {
            "name": "weather", "description": "How it is outside", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}, "strict": true,
        }}]);
        body["tool_choice"] = json!("required");
        let whole = complete(&world.ada, &body).await.json();
        let choice = &whole["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{whole}");
        assert_eq!(choice["message"]["content"], Value::Null);
        let call = choice["message"]["tool_calls"][0].clone();
        assert_eq!(
            (&call["type"], &call["function"]["name"]),
            (&json!("function"), &json!("weather"))
        );
        let given: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(given, arguments);
        let events = complete(&world.ada, &with(&body, "stream", json!(true))).await.events();
        let delta = events.iter().find_map(|event| event["choices"][0]["delta"].get("tool_calls"));
        assert_eq!(delta.unwrap()[0]["index"], 0);
        assert_eq!(delta.unwrap()[0]["function"]["name"], "weather");
        // What the SDK sends back is what it got, and more.
        let mut message = choice["message"].clone();
        message["refusal"] = Value::Null;
        message["annotations"] = json!([]);
        body["messages"] = json!([
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "And the weather?"}], "name": "ada"},
            message,
            {"role": "tool", "tool_call_id": call["id"], "content": "rain"},
        ]);
        let answer = complete(&world.ada, &body).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "Rain.");
        let asked = world.provider.requests().last().unwrap().body.clone();
        let choice = if provider == "openai" { json!("required") } else { json!({"type": "any"}) };
        assert_eq!(asked["tool_choice"], choice);
        assert!(asked.to_string().contains("rain"), "{asked}");
    }
}

#[tokio::test]
async fn what_is_asked_of_the_answer_reaches_the_provider() {
    let world = World::saying(ProviderReply::text("{}")).await;
    let mut body = question("Primary");
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": true}});
    for (name, value) in [
        ("response_format", format.clone()),
        ("max_completion_tokens", json!(77)),
        ("stop", json!("END")),
        ("temperature", json!(0.5)),
        ("seed", json!(7)),
        ("user", json!("someone")),
        ("store", json!(false)),
        ("metadata", json!({"mine": "x"})),
        ("n", json!(1)),
        ("top_p", Value::Null),
    ] {
        body[name] = value;
    }
    let answer = complete(&world.ada, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = world.provider.requests()[0].body.clone();
    assert_eq!(asked["response_format"], format);
    assert_eq!((&asked["max_completion_tokens"], &asked["stop"]), (&json!(77), &json!(["END"])));
    assert_eq!((&asked["temperature"], &asked["seed"]), (&json!(0.5), &json!(7)));
    assert!(asked.get("user").is_none() && asked.get("metadata").is_none());
}

#[tokio::test]
async fn a_conversation_that_is_named_keeps_question_and_answer() {
    let world = World::saying(ProviderReply::text("I am fine.")).await;
    let conversation = world.conversation().await;
    let named = with(&question("Primary"), "metadata", json!({"conversation_id": conversation}));
    complete(&world.ada, &named).await;
    let header = [("x-conversation-id", conversation.as_str())];
    let body = with(&question("Primary"), "stream", json!(true));
    send(&world.ada, Method::POST, COMPLETIONS, &header, Some(&body)).await;
    let used = settled(&world).await;
    let messages = world.messages(&conversation).await;
    let said: Vec<_> = messages
        .iter()
        .map(|m| (m["role"].as_str().unwrap(), m["content"].as_str().unwrap()))
        .collect();
    let once = [("user", "How are you?"), ("assistant", "I am fine.")];
    assert_eq!(said, [once, once].concat());
    assert_eq!(messages[1]["parent_id"], messages[0]["id"]);
    assert_eq!(messages[3]["parent_id"], messages[2]["id"]);
    assert_eq!((messages[1]["usage"]["total_tokens"].as_i64(), used), (Some(6), 12));
    assert_eq!(messages[1]["model"], "gpt-4o");
}
