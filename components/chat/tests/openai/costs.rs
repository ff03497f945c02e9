//! What answers that are passed on cost, whichever interface they are asked for by.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, StatusCode};
use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use testing::{Client, ProviderReply, ProviderServer};
use tower::ServiceExt as _;

use crate::calls::{Reply, send, settled, standing, with};
use crate::world::World;

/// An answer that somebody begins to read.
pub async fn begin(client: &Client, path: &str, question: &Value) -> BodyDataStream {
    let body = with(question, "stream", json!(true)).to_string();
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    let request = request.body(Body::from(body)).unwrap();
    client.router().oneshot(request).await.unwrap().into_body().into_data_stream()
}

/// With 100 tokens, of which an answer costs 4. Gives the refusal.
pub async fn spend_what_is_left(path: &str, question: &Value) -> Reply {
    let provider = ProviderServer::start(|_| ProviderReply::text("Fine.")).await;
    let world = World::with(provider, &[("quota_tokens", "100"), ("quota_period", "day")]).await;
    let ask = async |max: u32| {
        let body = with(question, "max_tokens", json!(max));
        send(&world.ada, Method::POST, path, &[], Some(&body)).await
    };
    let refused = ask(97).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key("retry-after"));
    assert!(world.provider.requests().is_empty());
    assert_eq!(ask(90).await.status, StatusCode::OK);
    assert_eq!(settled(&world).await, 4);
    assert_eq!(ask(90).await.status, StatusCode::OK);
    refused
}

/// With 500 tokens: about 50 of these questions fit ten times, of which eight may be at once. Gives the refusals.
pub async fn ask_64_times_at_once(path: &str, question: &Value) -> Vec<Reply> {
    let reply = ProviderReply::counting(2).with_pause(Duration::from_secs(2));
    let provider = ProviderServer::start(move |_| reply.clone()).await;
    let world = World::with(provider, &[("quota_tokens", "500")]).await;
    let body = with(question, "max_tokens", json!(44));
    let asked = (0..64).map(|_| send(&world.ada, Method::POST, path, &[], Some(&body)));
    let (passed, refused): (Vec<_>, Vec<_>) =
        join_all(asked).await.into_iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!(passed.len(), 8);
    assert_eq!(settled(&world).await, 8 * 5);
    let counted: usize =
        world.provider.requests().iter().map(|one| one.input_tokens() + one.output_tokens()).sum();
    assert_eq!(counted, 40);
    assert_eq!(world.count("SELECT sum(requests) AS n FROM usage_day").await, 8);
    refused
}

/// A client that has heard enough ends the answer, and pays for what was said.
pub async fn leave_in_the_middle(path: &str, question: &Value) {
    let reply = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
    let world = World::saying(reply).await;
    let mut body = begin(&world.ada, path, question).await;
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
