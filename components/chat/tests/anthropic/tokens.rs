use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::json;
use testing::{ProviderReply, ProviderServer};
use tower::ServiceExt as _;

use crate::calls::{settled, standing, with};
use crate::messages::{MESSAGES, ask, question, refusal};
use crate::world::{World, soon};

fn limited(code: &str) -> (StatusCode, String, String) {
    (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error".to_owned(), code.to_owned())
}

#[tokio::test]
async fn who_has_not_enough_tokens_left_is_told_when_there_are_more() {
    let provider = ProviderServer::start(|_| ProviderReply::text("Fine.")).await;
    let world = World::with(provider, &[("quota_tokens", "100"), ("quota_period", "day")]).await;
    let body = with(&question("Primary"), "max_tokens", json!(97));
    let refused = ask(&world.ada, &body).await;
    assert_eq!(refusal(&refused), limited("quota_exceeded"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(world.provider.requests().is_empty());
    let body = with(&body, "max_tokens", json!(90));
    assert_eq!(ask(&world.ada, &body).await.status, StatusCode::OK);
    assert_eq!(settled(&world).await, 4);
    assert_eq!(ask(&world.ada, &body).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_no_more_pass_than_have_room() {
    let reply = ProviderReply::counting(2).with_pause(Duration::from_secs(2));
    let provider = ProviderServer::start(move |_| reply.clone()).await;
    let world = World::with(provider, &[("quota_tokens", "500")]).await;
    // About 50 of those fit ten times, of which eight may be at once.
    let body = with(&question("Primary"), "max_tokens", json!(44));
    let answers = join_all((0..64).map(|_| ask(&world.ada, &body))).await;
    let passed = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(passed, 8);
    for answer in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        let refused = refusal(answer);
        assert!([limited("too_many_runs"), limited("quota_exceeded")].contains(&refused));
    }
    assert_eq!(settled(&world).await, 8 * 5);
    let counted: usize =
        world.provider.requests().iter().map(|one| one.input_tokens() + one.output_tokens()).sum();
    assert_eq!(counted, 40);
    assert_eq!(world.count("SELECT sum(requests) AS n FROM usage_day").await, 8);
}

#[tokio::test]
async fn a_client_that_goes_ends_the_answer_and_pays_for_what_was_said() {
    let reply = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
    let world = World::saying(reply).await;
    let body = with(&question("Primary"), "stream", json!(true)).to_string();
    let request =
        world.ada.request(Method::POST, MESSAGES).header("content-type", "application/json");
    let response =
        world.ada.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    for _ in 0..10 {
        body.next().await.unwrap().unwrap();
    }
    assert_ne!(standing(&world).await.1, 0);
    drop(body);
    let used = soon(settled(&world)).await;
    while world.provider.open() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(0 < used && used < 10_000, "{used}");
    assert!(world.provider.requests()[0].output_tokens() < 10_000);
    assert_eq!(world.count("SELECT sum(is_estimated) AS n FROM usage_entry").await, 1);
}
