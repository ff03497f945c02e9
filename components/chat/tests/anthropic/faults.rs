use axum::http::StatusCode;
use futures::{StreamExt as _, stream};
use serde_json::json;
use testing::ProviderFault as Fault;

use crate::calls::{Reply, with};
use crate::messages::{ask, events, put_together, question, refusal, text};
use crate::provider::{WHOLE, faulty_models, is_settled_as_counted};
use crate::world::soon;

/// Each fault on both wires, streamed and not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_the_answer_is_whole_or_an_error_and_settled() {
    let (world, models) = faulty_models().await;
    let asked: Vec<_> = models
        .iter()
        .flat_map(|(fault, model)| [(fault, model, true), (fault, model, false)])
        .collect();
    let checks = asked.iter().map(async |(fault, model, is_streamed)| {
        let body = with(&question(model), "stream", json!(is_streamed));
        let answer = soon(ask(&world.ada, &body)).await;
        // The provider is asked for a stream in either case, and what is said of the length does not matter to whoever has heard the end.
        // Arguments that are no object can be said on OpenAI's wire alone.
        let is_whole = (fault.is_harmless(true) || **fault == Fault::LengthLies)
            && **fault != Fault::BrokenCall;
        assert!(!answer.text.contains("upstream words"), "{fault:?}");
        if !answer.status.is_success() {
            assert!(!is_whole, "{fault:?} {}", answer.text);
            check_refusal(**fault, &answer);
        } else if *is_streamed {
            check_events(**fault, &answer, is_whole);
        } else {
            assert!(is_whole, "{fault:?} {}", answer.text);
            assert!(**fault == Fault::NoUtf8 || text(&answer.json()) == WHOLE, "{fault:?}");
        }
    });
    // Not more at once than an account may have.
    stream::iter(checks).buffer_unordered(8).collect::<Vec<_>>().await;
    is_settled_as_counted(
        &world,
        &[
            "fault/drips",
            "fault/more_after_end",
            "fault/no_done",
            "fault/two_finishes",
            "fault/broken_call",
        ],
    )
    .await;
}

/// A failure before anything was said.
fn check_refusal(fault: Fault, answer: &Reply) {
    let (status, kind, code) = refusal(answer);
    let expected = match status {
        StatusCode::BAD_GATEWAY => "api_error",
        StatusCode::GATEWAY_TIMEOUT => "timeout_error",
        other => panic!("{fault:?} {other} {}", answer.text),
    };
    assert_eq!(kind, expected, "{fault:?}");
    assert!(code.starts_with("provider_"), "{fault:?} {code}");
    match fault {
        Fault::RateLimited | Fault::RateLimitedBare | Fault::Overloaded => {
            assert_eq!(status, StatusCode::BAD_GATEWAY, "{fault:?}");
        }
        Fault::StallsBeforeHead | Fault::HeadDrips => {
            assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{fault:?}");
        }
        _ => {}
    }
    let is_waited_for = answer.headers.contains_key("retry-after");
    assert_eq!(is_waited_for, fault == Fault::RateLimited, "{fault:?}");
}

/// An answer as events: the whole of it, or an error in the end.
fn check_events(fault: Fault, answer: &Reply, is_whole: bool) {
    let events = events(answer);
    let last = events.last().unwrap();
    assert_eq!(last["type"] == "message_stop", is_whole, "{fault:?} {}", answer.text);
    if is_whole {
        let said = text(&put_together(&events));
        assert!(fault == Fault::NoUtf8 || said == WHOLE, "{fault:?} {said}");
    } else {
        let error = &last["error"];
        assert!(["api_error", "timeout_error"].contains(&error["type"].as_str().unwrap()));
        let code = error["details"]["error_code"].as_str().unwrap();
        assert!(code.starts_with("provider_"), "{fault:?} {code}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
}
