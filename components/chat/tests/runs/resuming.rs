use std::time::Duration;

use axum::http::Method;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use testing::ProviderReply;

use crate::world::{Event, World, listen, listen_with, names, soon, text};

fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

fn id_of(events: &[Event]) -> String {
    events[0].data["run"]["id"].as_str().unwrap().to_owned()
}

/// Each is cut after a random number of events and resumed, some at another instance, some more than once, while it is still written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_that_are_cut_and_resumed_say_the_same() {
    let reply = ProviderReply::counting(60).with_pause(Duration::from_millis(15));
    let world = World::saying(reply.clone()).await;
    let elsewhere = world.ada_elsewhere();
    let seed = random();
    println!("seed {seed}");
    let whole = reply.whole();
    let runs = (0..100_u64).map(async |n| {
        let mut random = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut below = |most: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % most
        };
        let conversation = world.conversation().await;
        let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
        let mut events: Vec<Event> = vec![listener.next().await.unwrap()];
        let path = format!("/api/runs/{}/events", id_of(&events));
        for _ in 0..=below(3) {
            for _ in 0..below(40) {
                events.extend(listener.next().await);
            }
            drop(listener);
            let last = events.last().unwrap().id.to_string();
            let client = if below(2) == 0 { &world.ada } else { &elsewhere };
            listener = if below(2) == 0 {
                listen_with(client, Method::GET, &path, None, Some(("last-event-id", &last))).await
            } else {
                listen(client, Method::GET, &format!("{path}?after={last}"), None).await
            };
        }
        events.extend(listener.rest().await);
        assert_eq!(text(&events), whole, "seed {seed}, run {n}");
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        assert_eq!(ids, (1..=63).collect::<Vec<_>>(), "seed {seed}, run {n}");
        assert_eq!(world.messages(&conversation).await[1]["content"], whole);
    });
    // As many at once as an account may have.
    soon(stream::iter(runs).buffer_unordered(8).collect::<Vec<()>>()).await;
}

#[tokio::test]
async fn a_run_goes_on_without_its_client() {
    let reply = ProviderReply::counting(40).with_pause(Duration::from_millis(10));
    let world = World::saying(reply.clone()).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    let created = listener.until("message.delta").await;
    drop(listener);
    let path = format!("/api/runs/{}/events?after=0", id_of(&created));
    let events = soon(listen(&world.ada, Method::GET, &path, None).await.rest()).await;
    assert_eq!(text(&events), reply.whole());
    assert_eq!(events.last().unwrap().name, "run.completed");
}

#[tokio::test]
async fn a_run_that_says_so_stops_with_its_client() {
    let reply = ProviderReply::counting(1000).with_pause(Duration::from_millis(20));
    let world = World::saying(reply.clone()).await;
    let conversation = world.conversation().await;
    let body = json!({"content": "count", "on_disconnect": "cancel"});
    let mut listener = world.begin(&conversation, &body).await;
    let created = listener.until("message.delta").await;
    drop(listener);
    let path = format!("/api/runs/{}/events?after=0", id_of(&created));
    let events = soon(listen(&world.ada, Method::GET, &path, None).await.rest()).await;
    assert_eq!(events.last().unwrap().name, "run.cancelled");
    let messages = world.messages(&conversation).await;
    let kept = (&messages[1]["content"], &messages[1]["status"]);
    assert_eq!(kept, (&json!(text(&events)), &json!("interrupted")));
    assert!(reply.whole().starts_with(&text(&events)));
    while world.provider.open() != 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whoever worked on it is gone: its lease is over, and its number is nobody's.
async fn leave_behind(world: &World) {
    world.execute("UPDATE run SET producer = zeroblob(16), lease_until = 1").await;
}

#[tokio::test]
async fn a_run_that_was_left_behind_is_ended_by_whoever_reads_it_next() {
    let reply = ProviderReply::counting(2000).with_pause(Duration::from_millis(5));
    let world = World::saying(reply.clone()).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    let mut seen = listener.until("message.delta").await;
    let path = format!("/api/runs/{}", id_of(&seen));
    // Until something was kept.
    while world.count("SELECT count(*) AS n FROM run_event").await < 3 {
        seen.extend(listener.next().await);
    }
    leave_behind(&world).await;
    let (one, other) = (world.ada.clone(), world.ada_elsewhere());
    let (first, second) = tokio::join!(one.get(&path), other.get(&path));
    assert_eq!(first.body["id"], second.body["id"]);
    let run = world.ada.get(&path).await.body;
    assert_eq!(
        (&run["status"], &run["failure"]["code"]),
        (&json!("interrupted"), &json!("interrupted"))
    );
    let messages = world.messages(&conversation).await;
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["status"], "interrupted");
    assert_eq!(
        (&messages[1]["id"], &messages[1]["parent_id"]),
        (&run["message_id"], &messages[0]["id"])
    );
    let kept = messages[1]["content"].as_str().unwrap();
    assert!(!kept.is_empty() && reply.whole().starts_with(kept));
    // Whoever was taken for dead finds out and writes nothing any more, and its client is told the end all the same.
    seen.extend(soon(listener.rest()).await);
    assert_eq!(names(&seen), ["run.created", "message.completed", "run.failed"]);
    let ids: Vec<_> = seen.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted());
    assert_eq!(seen.last().unwrap().data["code"], "interrupted");
    assert_eq!(world.messages(&conversation).await.len(), 2);
    // And so is whoever resumes from the beginning.
    let again = listen(&world.ada, Method::GET, &format!("{path}/events"), None).await;
    let again = soon(again.rest()).await;
    assert_eq!((text(&again).as_str(), again.last()), (kept, seen.last()));
}

#[tokio::test]
async fn a_run_without_a_word_that_was_left_behind_leaves_no_message() {
    let world = World::saying(ProviderReply::counting(3)).await;
    let conversation = world.conversation().await;
    let answer = soon(world.answer(&conversation, &json!({"content": "count"}))).await;
    let id = answer.body["run"]["id"].as_str().unwrap();
    world.execute("UPDATE run SET status = 'running', producer = zeroblob(16), lease_until = 1, ended_at = NULL, told_event = 1000").await;
    let run = world.ada.get(&format!("/api/runs/{id}")).await.body;
    assert_eq!(run["status"], "interrupted");
    assert_eq!(world.messages(&conversation).await.len(), 2);
}

#[tokio::test]
async fn old_events_are_forgotten_and_the_end_stays() {
    let world = World::saying(ProviderReply::counting(3)).await;
    let conversation = world.conversation().await;
    let answer = soon(world.answer(&conversation, &json!({"content": "count"}))).await;
    world.execute("UPDATE run SET ended_at = 1").await;
    // The next one cleans up.
    soon(world.answer(&conversation, &json!({"content": "count"}))).await;
    let left = "SELECT count(*) AS n FROM run WHERE ended_at = 1 AND trimmed = 0";
    while world.count(left).await != 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let path = format!("/api/runs/{}/events", answer.body["run"]["id"].as_str().unwrap());
    let events = soon(listen(&world.ada, Method::GET, &path, None).await.rest()).await;
    assert_eq!(events.last().unwrap().name, "run.completed");
    assert!(names(&events).contains(&"message.completed"));
    assert_eq!(
        events.last().map(|event| event.data["run"]["status"].clone()),
        Some(Value::from("completed"))
    );
}

#[tokio::test]
async fn whoever_is_signed_out_hears_no_more() {
    let reply = ProviderReply::counting(3000).with_pause(Duration::from_millis(10));
    let world = World::saying(reply).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    listener.until("message.delta").await;
    world.execute("UPDATE session SET revoked_at = 1").await;
    let events = soon(listener.rest()).await;
    assert_eq!(names(&events), [""; 0]);
    assert_eq!(world.count("SELECT count(*) AS n FROM run WHERE status = 'running'").await, 1);
}
