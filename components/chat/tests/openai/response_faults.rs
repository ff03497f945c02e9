use futures::{StreamExt as _, stream};
use serde_json::json;
use testing::ProviderFault;

use crate::calls::{get, post, with};
use crate::provider::{WHOLE, faulty_models, is_settled_as_counted};
use crate::responses::{RESPONSES, ask, text};
use crate::world::soon;

/// Each fault on both wires, streamed and not, kept and not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_the_response_is_whole_or_an_error_and_settled() {
    let (world, models) = faulty_models().await;
    let mut asked = Vec::new();
    for (fault, model) in &models {
        for (streams, store) in [(true, true), (false, true), (true, false), (false, false)] {
            asked.push((fault, model, streams, store));
        }
    }
    let checks = asked.iter().map(async |(fault, model, streams, store)| {
        let mut body = with(&ask("x"), "model", json!(model));
        body["stream"] = json!(streams);
        body["store"] = json!(store);
        let answer = soon(post(&world.ada, RESPONSES, &body)).await;
        let is_whole = fault.is_harmless(true) || **fault == ProviderFault::LengthLies;
        assert!(!answer.text.contains("upstream words"), "{fault:?}");
        if !answer.status.is_success() {
            assert!([502, 504].contains(&answer.status.as_u16()), "{fault:?} {}", answer.text);
            assert!(answer.code().starts_with("provider_"), "{fault:?} {}", answer.text);
            assert!(!is_whole, "{fault:?}");
            return;
        }
        let response = if *streams {
            answer.tale().last().unwrap()["response"].clone()
        } else {
            answer.json()
        };
        let status = response["status"].as_str().unwrap();
        let is_said = ["completed", "incomplete"].contains(&status);
        assert_eq!((is_said, status == "failed"), (is_whole, !is_whole), "{fault:?} {response}");
        let is_text = ![ProviderFault::NoUtf8, ProviderFault::BrokenCall].contains(fault);
        assert!(!is_whole || !is_text || text(&response) == WHOLE, "{fault:?}");
        assert_eq!(status == "failed", response["error"]["message"].is_string());
        if *store {
            let path = format!("{RESPONSES}/{}", response["id"].as_str().unwrap());
            assert_eq!(get(&world.ada, &path).await.json(), response, "{fault:?}");
        }
    });
    // Not more at once than an account may have.
    stream::iter(checks).buffer_unordered(8).collect::<Vec<_>>().await;
    is_settled_as_counted(&world, &["fault/drips", "fault/no_done"]).await;
}
