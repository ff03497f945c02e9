//! The limit that runs and completions share, and the leases of what is at work.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures::StreamExt as _;
use futures::future::join_all;
use serde_json::{Value, json};
use testing::{Client, ProviderReply};
use tower::ServiceExt as _;

use crate::calls::{COMPLETIONS, question, with};
use crate::world::World;

/// An answer that nobody hears the end of.
fn slow() -> ProviderReply {
    ProviderReply::counting(10_000).with_pause(Duration::from_millis(20))
}

async fn post(client: &Client, path: &str, body: &Value) -> Response {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    client.router().oneshot(request).await.unwrap()
}

async fn begin_run(world: &World) -> Response {
    let path = format!("/api/conversations/{}/runs", world.conversation().await);
    post(&world.ada, &path, &json!({"content": "count", "on_disconnect": "cancel"})).await
}

async fn begin_completion(world: &World) -> Response {
    post(&world.ada, COMPLETIONS, &with(&question("Primary"), "stream", json!(true))).await
}

fn is_refused(response: &Response) -> bool {
    let is_refused = response.status() == StatusCode::TOO_MANY_REQUESTS;
    if is_refused {
        assert!(response.headers().contains_key("retry-after"), "{response:?}");
    } else {
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
    }
    is_refused
}

/// Waits until so many rows are there.
async fn until(world: &World, sql: &'static str, rows: i64) {
    for _ in 0..240 {
        if world.count(sql).await == rows {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{sql} gives {} and not {rows}", world.count(sql).await);
}

const RESERVED: &str = "SELECT count(*) AS n FROM usage_reservation";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_runs_and_completions_at_once_eight_are_at_work() {
    let world = World::saying(slow()).await;
    let runs = join_all((0..8).map(|_| begin_run(&world)));
    let completions = join_all((0..8).map(|_| begin_completion(&world)));
    let (runs, completions) = futures::join!(runs, completions);
    let all: Vec<_> = runs.into_iter().chain(completions).collect();
    assert_eq!(all.iter().filter(|response| is_refused(response)).count(), 8);
    assert_eq!(world.count(RESERVED).await, 8);
    assert!(is_refused(&begin_run(&world).await));
    assert!(is_refused(&begin_completion(&world).await));
    drop(all);
    until(&world, RESERVED, 0).await;
    assert!(!is_refused(&begin_run(&world).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_completions_leave_no_place_for_a_run() {
    let world = World::saying(slow()).await;
    let completions = join_all((0..8).map(|_| begin_completion(&world))).await;
    assert!(!completions.iter().any(is_refused));
    let runs = join_all((0..8).map(|_| begin_run(&world))).await;
    assert!(runs.iter().all(is_refused));
    assert_eq!(world.count("SELECT count(*) AS n FROM run").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_at_work_renews_its_lease_and_what_is_not_counts_no_more() {
    let world = World::saying(slow()).await;
    let at_work = futures::join!(begin_run(&world), begin_completion(&world));
    assert!(!is_refused(&at_work.0) && !is_refused(&at_work.1));
    let renewed =
        "SELECT count(*) AS n FROM usage_reservation WHERE expires_at > reserved_at + 20000";
    until(&world, renewed, 2).await;
    // Seven dead ones, of which one has a lease that is not over.
    world
        .execute(
            "WITH RECURSIVE dead (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM dead WHERE n < 7) \
             INSERT INTO usage_reservation (account_id, run_id, user_id, tokens, reserved_at, expires_at, nth, nth_max, provider, model, input_tokens) \
             SELECT r.account_id, 'run_dead' || n, r.user_id, 5, 1, iif(n = 7, r.expires_at, 2), 1, NULL, r.provider, r.model, 5 \
             FROM dead, (SELECT * FROM usage_reservation LIMIT 1) AS r",
        )
        .await;
    let more = join_all((0..8).map(|_| begin_completion(&world))).await;
    assert_eq!(more.iter().filter(|response| is_refused(response)).count(), 3);
    let settled = "SELECT count(*) AS n FROM usage_entry WHERE run_id LIKE 'run_dead%'";
    assert_eq!(world.count(settled).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_reservation_was_settled_ends_with_an_error() {
    let world = World::saying(slow()).await;
    let completion = begin_completion(&world).await;
    assert!(!is_refused(&completion));
    world.execute("UPDATE usage_reservation SET expires_at = 1").await;
    // The next one settles it, as if whoever reserved were dead.
    let next = begin_completion(&world).await;
    assert!(!is_refused(&next));
    let mut text = String::new();
    let mut body = completion.into_body().into_data_stream();
    while let Some(bytes) = body.next().await {
        text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
    }
    assert!(text.contains("The answer broke off.") && !text.contains("[DONE]"), "{text}");
    assert_eq!(world.count("SELECT count(*) AS n FROM usage_entry").await, 1);
}
