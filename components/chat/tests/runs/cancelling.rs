use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use testing::{ProviderFault, ProviderReply, ProviderServer};

use crate::world::{World, names, soon, text};

#[tokio::test]
async fn a_run_is_stopped_from_anywhere_and_what_it_said_stays() {
    let reply = ProviderReply::counting(3000).with_pause(Duration::from_millis(10));
    let world = World::saying(reply.clone()).await;
    let conversation = world.conversation().await;
    let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
    let mut events = listener.until("message.delta").await;
    let path = format!("/api/runs/{}/cancel", events[0].data["run"]["id"].as_str().unwrap());
    let stopped = soon(world.ada_elsewhere().post(&path, &Value::Null)).await;
    assert_eq!((stopped.status, &stopped.body["status"]), (StatusCode::OK, &json!("cancelled")));
    events.extend(soon(listener.rest()).await);
    assert_eq!(names(&events), ["run.created", "message.completed", "run.cancelled"]);
    let messages = world.messages(&conversation).await;
    assert_eq!(
        (&messages[1]["content"], &messages[1]["status"]),
        (&json!(text(&events)), &json!("interrupted"))
    );
    assert!(reply.whole().starts_with(&text(&events)));
    // The provider is let go.
    while world.provider.open() != 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Stopping again changes nothing.
    let again = soon(world.ada.post(&path, &Value::Null)).await;
    assert_eq!(again.body, stopped.body);
}

#[tokio::test]
async fn a_provider_that_says_nothing_does_not_hold_anyone_up() {
    for fault in [ProviderFault::StallsBeforeHead, ProviderFault::StallsAfterHead] {
        let provider =
            ProviderServer::start(move |_| ProviderReply::text("a").with_fault(fault)).await;
        let world = World::with(provider, &[]).await;
        let conversation = world.conversation().await;
        let mut listener = world.begin(&conversation, &json!({"content": "count"})).await;
        let created = listener.until("run.created").await;
        let path = format!("/api/runs/{}/cancel", created[0].data["run"]["id"].as_str().unwrap());
        let stopped = soon(world.ada.post(&path, &Value::Null)).await;
        assert_eq!(stopped.body["status"], "cancelled", "{fault:?}");
        assert_eq!(names(&soon(listener.rest()).await), ["run.cancelled"]);
        assert_eq!(world.messages(&conversation).await.len(), 1);
    }
}
