use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use testing::{ProviderFault, ProviderReply, ProviderServer};

use tokio::time::timeout;

use crate::world::{OPERATOR_KEY, World, names, text};

/// Long after a provider has been given up.
const MOST: Duration = Duration::from_mins(1);

const WHOLE: &str = "one two three four five six";

/// Faults after which the model is asked again for ever, since the tool that it wants is none.
const LOOPS: [ProviderFault; 3] =
    [ProviderFault::BrokenCall, ProviderFault::NamelessCall, ProviderFault::ManyCalls];

/// Whether the answer is whole all the same. Of one whose length lies, everything was said when it breaks off.
fn is_harmless(fault: ProviderFault) -> bool {
    let is_whole = fault.is_harmless(true) || fault == ProviderFault::LengthLies;
    is_whole && !LOOPS.contains(&fault)
}

async fn world() -> World {
    let provider = ProviderServer::start(|_| ProviderReply::text(WHOLE)).await;
    World::with(provider, &[("provider_timeout", "3")]).await
}

/// A model for each wire and fault, and what is asked of it.
async fn questions(world: &World) -> Vec<(ProviderFault, String, Value)> {
    let mut questions = Vec::new();
    for wire in ["openai", "anthropic"] {
        for fault in ProviderFault::ALL {
            let model = world.model(wire, &format!("fault/{}", fault.name())).await;
            let body = json!({"content": "count", "model_id": model});
            questions.push((fault, world.conversation().await, body));
        }
    }
    questions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_a_stream_ends_cleanly_and_what_was_said_is_kept() {
    let world = world().await;
    let questions = questions(&world).await;
    let checks = questions.iter().map(async |(fault, conversation, body)| {
        let events = timeout(MOST, world.stream(conversation, body)).await;
        let events = events.unwrap_or_else(|_| panic!("{fault:?} has no end"));
        let last = events.last().unwrap();
        let messages = world.messages(conversation).await;
        if is_harmless(*fault) {
            assert_eq!(last.name, "run.completed", "{fault:?} {events:#?}");
            assert_eq!(messages[1]["content"], text(&events), "{fault:?}");
            assert!(text(&events) == WHOLE || *fault == ProviderFault::NoUtf8, "{fault:?}");
            return;
        }
        assert_eq!(last.name, "run.failed", "{fault:?} {events:#?}");
        assert_eq!(last.data["run"]["status"], "failed");
        let code = last.data["code"].as_str().unwrap();
        assert!(code.starts_with("provider_") || code == "step_limit", "{fault:?} {code}");
        if LOOPS.contains(fault) {
            return;
        }
        let said = text(&events);
        let kept =
            messages.get(1).map(|message| (message["content"].clone(), message["status"].clone()));
        let expected = (!said.is_empty()).then(|| (json!(said), json!("failed")));
        assert_eq!(kept, expected, "{fault:?}");
        assert_eq!(names(&events).contains(&"message.completed"), expected.is_some(), "{fault:?}");
        let text = format!("{events:?}");
        assert!(!text.contains(OPERATOR_KEY) && !text.contains("127.0.0.1"), "{fault:?} {text}");
    });
    stream::iter(checks).buffer_unordered(8).collect::<Vec<()>>().await;
    assert_eq!(
        world.count("SELECT count(*) AS n FROM run WHERE status IN ('queued', 'running')").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_a_whole_answer_is_right_or_a_problem() {
    let world = world().await;
    let questions = questions(&world).await;
    let checks = questions.iter().map(async |(fault, conversation, body)| {
        let answer = timeout(MOST, world.answer(conversation, body)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{fault:?} has no end"));
        if is_harmless(*fault) {
            assert_eq!(answer.status, StatusCode::OK, "{fault:?} {}", answer.body);
            let content = &answer.body["message"]["content"];
            assert!(*content == WHOLE || *fault == ProviderFault::NoUtf8, "{fault:?} {content}");
            return (*fault, answer.status, String::new());
        }
        let is_one = matches!(answer.status.as_u16(), 502 | 504);
        assert!(is_one, "{fault:?} {} {}", answer.status, answer.body);
        if *fault == ProviderFault::RateLimited {
            assert_eq!(answer.code(), "provider_rate_limited");
            assert_eq!(answer.headers["retry-after"], "7");
        }
        (*fault, answer.status, answer.code().to_owned())
    });
    let seen: Vec<_> = stream::iter(checks).buffer_unordered(8).collect().await;
    let codes: BTreeSet<_> =
        seen.iter().map(|(_, status, code)| (status.as_u16(), code.as_str())).collect();
    let expected = [
        (200, ""),
        (502, "provider_error"),
        (502, "provider_rate_limited"),
        (504, "provider_timeout"),
    ];
    assert_eq!(codes, expected.into());
    // Nothing hangs on to the provider.
    while world.provider.open() != 0 {
        tokio::task::yield_now().await;
    }
}
