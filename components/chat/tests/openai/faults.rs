use axum::http::StatusCode;
use futures::{StreamExt as _, stream};
use serde_json::json;
use testing::ProviderFault;

use crate::calls::{complete, question, with};
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
        let answer = soon(complete(&world.ada, &body)).await;
        // The provider is asked for a stream in either case.
        // What is said of the length does not matter to whoever has heard the end.
        let is_whole = fault.is_harmless(true) || **fault == ProviderFault::LengthLies;
        let is_refused = !answer.status.is_success();
        if is_refused {
            let expected = match fault {
                ProviderFault::RateLimited
                | ProviderFault::RateLimitedBare
                | ProviderFault::Overloaded => StatusCode::BAD_GATEWAY,
                ProviderFault::StallsBeforeHead
                | ProviderFault::HeadDrips
                | ProviderFault::InterimAnswers => StatusCode::GATEWAY_TIMEOUT,
                _ => answer.status,
            };
            let gateway = [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];
            assert!(gateway.contains(&answer.status), "{fault:?} {}", answer.text);
            if **fault != ProviderFault::InterimAnswers {
                assert_eq!(answer.status, expected, "{fault:?} {}", answer.text);
            }
            assert_eq!(
                **fault == ProviderFault::RateLimited,
                answer.headers.contains_key("retry-after"),
                "{fault:?}"
            );
            assert!(answer.code().starts_with("provider_"), "{fault:?}");
            assert!(!answer.text.contains("upstream words"), "{fault:?}");
        }
        if *is_streamed && !is_refused {
            let events = answer.events();
            let has_failed = events.last().unwrap().get("error").is_some();
            assert_eq!(has_failed, !is_whole, "{fault:?} {}", answer.text);
            let is_text = ![ProviderFault::NoUtf8, ProviderFault::BrokenCall].contains(fault);
            assert!(!is_whole || !is_text || answer.said() == WHOLE, "{fault:?}");
        } else {
            assert_eq!(is_refused, !is_whole, "{fault:?} {}", answer.text);
        }
    });
    // Not more at once than an account may have.
    stream::iter(checks).buffer_unordered(8).collect::<Vec<_>>().await;
    is_settled_as_counted(
        &world,
        &["fault/drips", "fault/more_after_end", "fault/no_done", "fault/two_finishes"],
    )
    .await;
}
