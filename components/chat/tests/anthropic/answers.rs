use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

use crate::calls::{send, settled, with};
use crate::messages::{MESSAGES, ask, events, put_together, question, text};
use crate::world::{OPERATOR_KEY, World};

#[tokio::test]
async fn an_answer_comes_whole_and_in_pieces_on_both_wires() {
    let world = World::saying(ProviderReply::text("I am fine, thanks.")).await;
    for provider in ["openai", "anthropic"] {
        let model = world.model(provider, "small-1").await;
        for name in [model.as_str(), "small-1"] {
            let body = question(name);
            let answer = ask(&world.ada, &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            assert_eq!(answer.headers["request-id"], answer.headers["x-request-id"]);
            let mut whole = answer.json();
            let mut told = {
                let answer = ask(&world.ada, &with(&body, "stream", json!(true))).await;
                assert_eq!(answer.headers["content-type"], "text/event-stream");
                put_together(&events(&answer))
            };
            for message in [&mut whole, &mut told] {
                let id = message.as_object_mut().unwrap().remove("id").unwrap();
                assert!(id.as_str().unwrap().starts_with("msg_"));
            }
            assert_eq!(whole, told);
            let expected = json!({
                "type": "message", "role": "assistant", "model": "small-1",
                "content": [{"type": "text", "text": "I am fine, thanks."}],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": {"input_tokens": 3, "output_tokens": 4},
            });
            assert_eq!(whole, expected);
        }
    }
    for request in world.provider.requests() {
        assert_eq!(request.key(), Some(OPERATOR_KEY));
    }
    assert_eq!(settled(&world).await, 8 * 7);
}

/// A whole answer and the same told in events, for a provider that replies so to both.
async fn both(reply: &ProviderReply, provider: &str) -> [Value; 2] {
    let world = World::saying(reply.clone()).await;
    let body = question(&world.model(provider, "small-1").await);
    let whole = ask(&world.ada, &body).await.json();
    let told = events(&ask(&world.ada, &with(&body, "stream", json!(true))).await);
    [whole, put_together(&told)]
}

#[tokio::test]
async fn why_an_answer_ends_is_said_as_far_as_the_provider_says_it() {
    let cut = ProviderReply { is_cut: true, ..ProviderReply::text("I am") };
    let stopped = ProviderReply { stopped_at: Some("END".into()), ..ProviderReply::text("I am") };
    for (reply, provider, reason, sequence) in [
        (&cut, "openai", "max_tokens", Value::Null),
        (&cut, "anthropic", "max_tokens", Value::Null),
        (&stopped, "openai", "end_turn", Value::Null),
        (&stopped, "anthropic", "stop_sequence", json!("END")),
    ] {
        for message in both(reply, provider).await {
            assert_eq!(message["stop_reason"], reason, "{provider} {message}");
            assert_eq!(message["stop_sequence"], sequence, "{provider} {message}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_one() {
    for provider in ["openai", "anthropic"] {
        for message in both(&ProviderReply::default(), provider).await {
            assert_eq!(
                (&message["content"], &message["stop_reason"]),
                (&json!([]), &json!("end_turn"))
            );
        }
    }
}

#[tokio::test]
async fn tools_are_offered_called_and_answered() {
    let arguments = json!({"city": "Bremen"});
    let calls = ["weather", "time"].map(|name| (name.to_owned(), arguments.to_string()));
    let asks = ProviderReply { calls: calls.to_vec(), ..ProviderReply::text("Let me see.") };
    for provider in ["openai", "anthropic"] {
        let replies = [asks.clone(), asks.clone(), ProviderReply::text("Rain.")];
        let world = World::with(ProviderServer::scripted(replies).await, &[]).await;
        let mut body = question(&world.model(provider, "small-1").await);
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        body["tools"] = json!([
            {"name": "weather", "description": "How it is outside", "input_schema": schema, "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "name": "time", "input_schema": schema, "strict": false},
        ]);
        body["tool_choice"] = json!({"type": "any", "disable_parallel_tool_use": true});
        let whole = ask(&world.ada, &body).await.json();
        assert_eq!(whole["stop_reason"], "tool_use", "{whole}");
        let [said, weather, time] = whole["content"].as_array().unwrap().as_slice() else {
            panic!("{whole}")
        };
        assert_eq!(*said, json!({"type": "text", "text": "Let me see."}));
        assert_eq!(
            (&weather["type"], &weather["name"], &weather["input"]),
            (&json!("tool_use"), &json!("weather"), &arguments)
        );
        assert_eq!(time["name"], "time");
        let told = events(&ask(&world.ada, &with(&body, "stream", json!(true))).await);
        assert_eq!(put_together(&told)["content"], whole["content"]);
        // What an SDK sends back is what it got, and what other servers say beside that.
        let mut spoken = whole["content"].clone();
        spoken[0]["citations"] = Value::Null;
        spoken[1]["caller"] = json!({"type": "direct"});
        let result = |id: &Value, content: Value| json!({"type": "tool_result", "tool_use_id": id, "content": content});
        let mut late = result(&time["id"], json!("unknown"));
        late["is_error"] = json!(true);
        let parts = json!([{"type": "text", "text": "rain"}, {"type": "text", "text": "and wind"}]);
        body["messages"] = json!([
            {"role": "user", "content": "How is the weather?"},
            {"role": "assistant", "content": spoken},
            {"role": "user", "content": [result(&weather["id"], parts), late, {"type": "text", "text": "And?"}]},
        ]);
        let answer = ask(&world.ada, &body).await;
        assert_eq!(text(&answer.json()), "Rain.", "{}", answer.text);
        check_tools(
            provider,
            &world.provider.requests().last().unwrap().body,
            whole["content"][1]["id"].as_str().unwrap(),
        );
    }
}

/// Tools, choice, calls and results, as this provider is to be told them.
fn check_tools(provider: &str, asked: &Value, id: &str) {
    let messages = asked["messages"].as_array().unwrap();
    if provider == "openai" {
        assert_eq!(
            (&asked["tool_choice"], &asked["parallel_tool_calls"]),
            (&json!("required"), &json!(false))
        );
        assert_eq!(asked["tools"][0]["function"]["name"], "weather");
        let roles: Vec<_> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "tool", "tool", "user"]);
        assert_eq!(
            (&messages[2]["tool_call_id"], &messages[2]["content"]),
            (&json!(id), &json!("rain\nand wind"))
        );
    } else {
        assert_eq!(asked["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
        assert_eq!(asked["tools"][0]["name"], "weather");
        let results = &messages[2]["content"];
        assert_eq!(
            (&results[0]["tool_use_id"], &results[0]["content"]),
            (&json!(id), &json!("rain\nand wind"))
        );
        assert_eq!((&results[1]["is_error"], &results[2]["text"]), (&json!(true), &json!("And?")));
    }
}

#[tokio::test]
async fn what_the_model_is_to_do_with_tools_is_said_in_the_words_of_its_provider() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let named = json!({"type": "function", "function": {"name": "x"}});
    for (provider, choice, expected) in [
        ("openai", json!({"type": "auto"}), json!("auto")),
        ("openai", json!({"type": "none"}), json!("none")),
        ("openai", json!({"type": "tool", "name": "x"}), named),
        ("anthropic", json!({"type": "auto"}), json!({"type": "auto"})),
        ("anthropic", json!({"type": "none"}), json!({"type": "none"})),
        ("anthropic", json!({"type": "tool", "name": "x"}), json!({"type": "tool", "name": "x"})),
    ] {
        let mut body = question(&world.model(provider, "small-1").await);
        body["tools"] = json!([{"name": "x", "input_schema": {"type": "object"}}]);
        body["tool_choice"] = choice;
        let answer = ask(&world.ada, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(world.provider.requests().last().unwrap().body["tool_choice"], expected);
        // Without tools there is nothing to choose.
        body.as_object_mut().unwrap().remove("tools");
        if body["tool_choice"]["type"] != "tool" {
            assert_eq!(ask(&world.ada, &body).await.status, StatusCode::OK);
            let asked = world.provider.requests().last().unwrap().body.clone();
            assert!(asked.get("tool_choice").is_none());
        }
    }
}

#[tokio::test]
async fn what_is_asked_of_the_answer_reaches_the_provider() {
    let world = World::saying(ProviderReply::text("Fine.")).await;
    let image = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let inline = json!({"type": "url", "url": "data:image/gif;base64,BB=="});
    for provider in ["openai", "anthropic"] {
        let mut body = question(&world.model(provider, "small-1").await);
        for (name, value) in [
            (
                "system",
                json!([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "Be kind."}]),
            ),
            ("max_tokens", json!(77)),
            ("stop_sequences", json!(["END", "STOP"])),
            ("temperature", json!(0.5)),
            ("top_p", json!(0.25)),
            ("thinking", json!({"type": "disabled"})),
            ("service_tier", json!("auto")),
            ("metadata", json!({"user_id": "someone"})),
            ("cache_control", json!({"type": "ephemeral"})),
            ("tool_choice", Value::Null),
        ] {
            body[name] = value;
        }
        body["messages"] = json!([
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image", "source": image}, {"type": "image", "source": inline}]},
            {"role": "assistant", "content": "A dot."},
            {"role": "system", "content": "Be exact."},
            {"role": "user", "content": "Are you sure?"},
        ]);
        let answer = ask(&world.ada, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let asked = world.provider.requests().last().unwrap().body.clone();
        let system = "Be brief.\n\nBe kind.\n\nBe exact.";
        assert_eq!((&asked["temperature"], &asked["top_p"]), (&json!(0.5), &json!(0.25)));
        let messages = if provider == "openai" {
            assert_eq!(
                (&asked["max_completion_tokens"], &asked["stop"]),
                (&json!(77), &json!(["END", "STOP"]))
            );
            assert_eq!(asked["messages"][0], json!({"role": "system", "content": system}));
            let url = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
            let parts = &asked["messages"][1]["content"];
            assert_eq!(
                (&parts[1], &parts[2]),
                (&url("data:image/png;base64,AA=="), &url("data:image/gif;base64,BB=="))
            );
            &asked["messages"].as_array().unwrap()[1..]
        } else {
            assert_eq!(
                (&asked["max_tokens"], &asked["stop_sequences"]),
                (&json!(77), &json!(["END", "STOP"]))
            );
            assert_eq!(asked["system"], system);
            assert_eq!(asked["messages"][0]["content"][1]["source"], image);
            asked["messages"].as_array().unwrap()
        };
        let roles: Vec<_> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        assert!(asked.get("metadata").is_none() && asked.get("thinking").is_none());
    }
    // What only one of them knows.
    let claude = world.model("anthropic", "small-1").await;
    let body = with(&question(&claude), "top_k", json!(5));
    assert_eq!(ask(&world.ada, &body).await.status, StatusCode::OK);
    assert_eq!(world.provider.requests().last().unwrap().body["top_k"], 5);
    // And an answer that was begun for the model.
    let begun =
        json!([{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Well,"}]);
    let body = with(&question(&claude), "messages", begun);
    assert_eq!(ask(&world.ada, &body).await.status, StatusCode::OK);
    assert_eq!(world.provider.requests().last().unwrap().body["messages"][1]["role"], "assistant");
}

#[tokio::test]
async fn a_conversation_that_is_named_keeps_question_and_answer() {
    let world = World::saying(ProviderReply::text("I am fine.")).await;
    let conversation = world.conversation().await;
    let header = [("x-conversation-id", conversation.as_str())];
    let body = question("Primary");
    for stream in [false, true] {
        let body = with(&body, "stream", json!(stream));
        send(&world.ada, Method::POST, MESSAGES, &header, Some(&body)).await;
    }
    let used = settled(&world).await;
    let messages = world.messages(&conversation).await;
    let said: Vec<_> = messages
        .iter()
        .map(|m| (m["role"].as_str().unwrap(), m["content"].as_str().unwrap()))
        .collect();
    let once = [("user", "How are you?"), ("assistant", "I am fine.")];
    assert_eq!(said, [once, once].concat());
    assert_eq!((messages[1]["usage"]["total_tokens"].as_i64(), used), (Some(6), 12));
}
