use axum::http::StatusCode;
use futures::{StreamExt as _, stream};
use serde_json::json;
use testing::{ProviderFault, ProviderReply, ProviderServer};

use crate::calls::{complete, question, settled, with};
use crate::world::{World, soon};

const WHOLE: &str = "one two three four five six";

/// Each fault on both wires, streamed and not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_the_answer_is_whole_or_an_error_and_settled() {
    let provider = ProviderServer::start(|_| ProviderReply::text(WHOLE)).await;
    let world = World::with(provider, &[("provider_timeout", "1")]).await;
    let mut asked = Vec::new();
    for wire in ["openai", "anthropic"] {
        for fault in ProviderFault::ALL {
            let model = world.model(wire, &format!("fault/{}", fault.name())).await;
            asked.extend([(fault, model.clone(), true), (fault, model, false)]);
        }
    }
    let checks = asked.iter().map(async |(fault, model, is_streamed)| {
        let body = with(&question(model), "stream", json!(is_streamed));
        let answer = soon(complete(&world.ada, &body)).await;
        // The provider is asked for a stream in either case.
        // What is said of the length does not matter to whoever has heard the end.
        let is_whole = fault.is_harmless(true) || *fault == ProviderFault::LengthLies;
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
            if *fault != ProviderFault::InterimAnswers {
                assert_eq!(answer.status, expected, "{fault:?} {}", answer.text);
            }
            assert_eq!(
                *fault == ProviderFault::RateLimited,
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
    settled(&world).await;
    while world.provider.open() != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Whatever the provider counted in whole answers is in the ledger.
    let counted: usize = world
        .provider
        .requests()
        .iter()
        .filter(|one| {
            ["fault/drips", "fault/more_after_end", "fault/no_done", "fault/two_finishes"]
                .contains(&one.model())
        })
        .map(|one| one.input_tokens() + one.output_tokens())
        .sum();
    let ledger = "SELECT coalesce(sum(input_tokens + output_tokens), 0) AS n FROM usage_entry \
                  WHERE is_estimated = 0 AND model IN ('fault/drips', 'fault/more_after_end', 'fault/no_done', 'fault/two_finishes')";
    assert_eq!(world.count(ledger).await, i64::try_from(counted).unwrap());
}
