use std::time::Duration;

use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};

use crate::calls::with;
use crate::messages::{ask, events, put_together, question, text};
use crate::world::{World, soon};

/// The names of events, each run of pieces as one.
fn names(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn text_and_calls_are_told_in_anthropics_events() {
    let arguments = json!({"city": "Bremen"}).to_string();
    let calls =
        vec![("weather".to_owned(), arguments.clone()), ("time".to_owned(), "{}".to_owned())];
    let reply = ProviderReply { calls, ..ProviderReply::text("Let me see.") };
    let world = World::saying(reply).await;
    for (provider, known) in [("openai", 0), ("anthropic", 3)] {
        let body = with(&question(&world.model(provider, "small-1").await), "stream", json!(true));
        let events = events(&ask(&world.ada, &body).await);
        let block = ["content_block_start", "content_block_delta", "content_block_stop"];
        let [begin, end] = [&["message_start"][..], &["message_delta", "message_stop"]];
        assert_eq!(names(&events), [begin, &block, &block, &block, end].concat());
        // What the prompt takes is said at the beginning where the provider has said it, and at the end in any case.
        let begun = &events[0]["message"];
        assert_eq!(begun["usage"], json!({"input_tokens": known, "output_tokens": 0}));
        assert_eq!((&begun["content"], &begun["stop_reason"]), (&json!([]), &Value::Null));
        let starts = events.iter().filter(|event| event["type"] == "content_block_start");
        let starts: Vec<_> = starts.map(|event| event["content_block"].clone()).collect();
        assert_eq!(starts[0], json!({"type": "text", "text": ""}));
        assert_eq!((&starts[1]["name"], &starts[1]["input"]), (&json!("weather"), &json!({})));
        let written = events.iter().find_map(|event| event["delta"]["partial_json"].as_str());
        assert_eq!(written, Some(arguments.as_str()));
        let end = &events[events.len() - 2];
        assert_eq!(end["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
        assert_eq!(end["usage"], json!({"input_tokens": 3, "output_tokens": 5}));
    }
}

/// It takes as long as a stream may be silent, and a little more.
#[tokio::test]
async fn a_silence_is_filled_with_signs_of_life() {
    let reply = ProviderReply::counting(2).with_pause(Duration::from_secs(16));
    let provider = ProviderServer::start(move |_| reply.clone()).await;
    let world = World::with(provider, &[("provider_timeout", "60")]).await;
    let body = with(&question("Primary"), "stream", json!(true));
    let events = events(&soon(ask(&world.ada, &body)).await);
    assert!(names(&events).contains(&"ping"), "{events:#?}");
    assert_eq!(text(&put_together(&events)), "0 1 ");
}
