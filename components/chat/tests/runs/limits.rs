use std::time::Duration;

use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;
use testing::ProviderReply;

use crate::world::{World, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_at_once_eight_are_at_work() {
    let reply = ProviderReply::counting(3000).with_pause(Duration::from_millis(20));
    let world = World::saying(reply).await;
    let mut paths = Vec::new();
    for _ in 0..64 {
        paths.push(format!("/api/conversations/{}/runs", world.conversation().await));
    }
    let body = json!({"content": "count"}).to_string();
    let answers = join_all(paths.iter().map(async |path| {
        let request = world
            .ada
            .request(axum::http::Method::POST, path)
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.clone()))
            .unwrap();
        tower::ServiceExt::oneshot(world.ada.router(), request).await.unwrap()
    }))
    .await;
    let count = |status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::TOO_MANY_REQUESTS)), (8, 56));
    assert_eq!(world.count("SELECT count(*) AS n FROM run").await, 8);
    // Whoever was refused has left nothing.
    assert_eq!(world.count("SELECT count(*) AS n FROM message").await, 8);
    // Another account is not held up by it.
    let answer = world.eve.post(&paths[0], &json!({"content": "a"})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    // What was left behind counts no more.
    world.execute("UPDATE run SET producer = zeroblob(16), lease_until = 1 WHERE id = (SELECT min(id) FROM run)").await;
    let conversation = world.conversation().await;
    let mut listener = soon(world.begin(&conversation, &json!({"content": "count"}))).await;
    soon(listener.until("run.created")).await;
}
