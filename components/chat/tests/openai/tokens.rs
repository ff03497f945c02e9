use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::json;
use testing::{ProviderReply, ProviderServer};
use tower::ServiceExt as _;

use crate::calls::{COMPLETIONS, complete, question, settled, standing, with};
use crate::world::{World, and_dies};

#[tokio::test]
async fn who_has_not_enough_tokens_left_is_told_when_there_are_more() {
    let provider = ProviderServer::start(|_| ProviderReply::text("Fine.")).await;
    let world = World::with(provider, &[("quota_tokens", "100"), ("quota_period", "day")]).await;
    let body = with(&question("Primary"), "max_tokens", json!(97));
    let refused = complete(&world.ada, &body).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (StatusCode::TOO_MANY_REQUESTS, "quota_exceeded")
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert!(world.provider.requests().is_empty());
    let body = with(&body, "max_tokens", json!(90));
    assert_eq!(complete(&world.ada, &body).await.status, StatusCode::OK);
    assert_eq!(settled(&world).await, 4);
    assert_eq!(complete(&world.ada, &body).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_no_more_pass_than_have_room() {
    let reply = ProviderReply::counting(2).with_pause(Duration::from_secs(2));
    let provider = ProviderServer::start(move |_| reply.clone()).await;
    let world = World::with(provider, &[("quota_tokens", "500")]).await;
    // About 50 of those fit ten times, of which eight may be at once.
    let body = with(&question("Primary"), "max_tokens", json!(44));
    let answers = join_all((0..64).map(|_| complete(&world.ada, &body))).await;
    let passed = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(passed, 8);
    for answer in &answers {
        let code = (answer.status != StatusCode::OK).then(|| answer.code());
        assert!(code.is_none_or(|code| code == "too_many_runs" || code == "quota_exceeded"));
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
        world.ada.request(Method::POST, COMPLETIONS).header("content-type", "application/json");
    let response =
        world.ada.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    for _ in 0..10 {
        body.next().await.unwrap().unwrap();
    }
    assert_ne!(standing(&world).await.1, 0);
    drop(body);
    let used = settled(&world).await;
    while world.provider.open() != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(0 < used && used < 10_000, "{used}");
    assert!(world.provider.requests()[0].output_tokens() < 10_000);
    assert_eq!(world.count("SELECT sum(is_estimated) AS n FROM usage_entry").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_host_dies_is_paid_for_as_it_was_estimated() {
    let slow = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
    let provider = ProviderServer::scripted([slow, ProviderReply::counting(2)]).await;
    let world = World::with(provider, &[]).await;
    let ada = world.ada_elsewhere();
    let body = and_dies(async move {
        let body = with(&question("Primary"), "stream", json!(true)).to_string();
        let request =
            ada.request(Method::POST, COMPLETIONS).header("content-type", "application/json");
        let response = ada.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        body.next().await.unwrap().unwrap();
        body
    })
    .await;
    let (used, reserved) = standing(&world).await;
    assert_eq!(used, 0);
    assert_ne!(reserved, 0);
    drop(body);
    world.execute("UPDATE usage_reservation SET expires_at = 1").await;
    assert_eq!(standing(&world).await, (0, 0));
    // Whoever asks next finds what was left.
    assert_eq!(complete(&world.ada, &question("Primary")).await.status, StatusCode::OK);
    let dead = "SELECT count(*) AS n FROM usage_entry WHERE is_estimated AND is_last AND step = 1 AND input_tokens = 3 AND output_tokens = 0";
    assert_eq!(world.count(dead).await, 1);
    assert_eq!(settled(&world).await, 3 + 3 + 2);
}
