use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures::StreamExt as _;
use serde_json::{Value, json};
use testing::{ProviderReply, ProviderServer};
use tower::ServiceExt as _;

use crate::calls::{get, post, settled, standing, with};
use crate::responses::{RESPONSES, ask, text};
use crate::world::{World, soon};

fn streamed(input: &str) -> Value {
    with(&ask(input), "stream", json!(true))
}

/// The names of events, each run of pieces of text as one.
fn names(events: &[Value]) -> Vec<&str> {
    let mut names: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    names.dedup();
    names
}

const TEXT: [&str; 9] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
];

const CALL: [&str; 7] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
];

#[tokio::test]
async fn a_text_is_told_in_openais_events_and_told_again_from_anywhere() {
    let world = World::saying(ProviderReply::counting(40)).await;
    let answer = post(&world.ada, RESPONSES, &streamed("count")).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events = answer.tale();
    assert_eq!(names(&events), TEXT);
    let said: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(said, ProviderReply::counting(40).whole());
    let done = events.iter().find(|event| event["type"] == "response.output_text.done").unwrap();
    assert_eq!(done["text"], said);
    let last = events.last().unwrap()["response"].clone();
    assert_eq!(text(&last), said);
    let item = last["output"][0]["id"].clone();
    let named = events.iter().filter_map(|event| event.get("item_id"));
    assert!(named.clone().count() > 3 && named.clone().all(|id| *id == item));
    assert_eq!(events[0]["response"]["status"], "in_progress");
    let path = format!("{RESPONSES}/{}", last["id"].as_str().unwrap());
    assert_eq!(get(&world.ada, &path).await.json(), last);
    for after in [0, 3, 7, events.len() - 2] {
        let again = get(&world.ada, &format!("{path}?stream=true&starting_after={after}")).await;
        assert_eq!(again.tale(), events[after + 1..]);
    }
    assert_eq!(get(&world.ada, &format!("{path}?stream=true")).await.tale(), events);
    // Long after its end only what came of it is known.
    world.execute("DELETE FROM run_event WHERE last_event < (SELECT last_event FROM run WHERE id = run_event.run_id)").await;
    let late = get(&world.ada, &format!("{path}?stream=true&starting_after=3")).await.tale();
    assert_eq!((names(&late), &late.last().unwrap()["response"]), (TEXT.to_vec(), &last));
}

#[tokio::test]
async fn a_call_is_told_in_openais_events() {
    for store in [true, false] {
        let replies = [ProviderReply::call("weather", &json!({"city": "Bremen"}))];
        let world = World::with(ProviderServer::scripted(replies).await, &[]).await;
        let mut body = with(&streamed("x"), "store", json!(store));
        body["tools"] = json!([{"type": "function", "name": "weather"}]);
        let events = post(&world.ada, RESPONSES, &body).await.tale();
        assert_eq!(names(&events), CALL);
        let last = &events.last().unwrap()["response"];
        let item = &last["output"][0];
        assert_eq!(events[2]["item"]["id"], item["id"]);
        assert_eq!(
            (&events[3]["delta"], &events[4]["arguments"]),
            (&item["arguments"], &item["arguments"])
        );
        assert_eq!(events[5]["item"], *item);
        assert_eq!(item["name"], "weather");
    }
}

#[tokio::test]
async fn what_nobody_keeps_is_told_in_the_same_events() {
    let world = World::saying(ProviderReply::counting(40)).await;
    let body = with(&streamed("count"), "store", json!(false));
    let events = post(&world.ada, RESPONSES, &body).await.tale();
    assert_eq!(names(&events), TEXT);
    assert_eq!(text(&events.last().unwrap()["response"]), ProviderReply::counting(40).whole());
}

#[tokio::test]
async fn a_response_is_stopped_from_anywhere_and_what_it_said_stays() {
    let reply = ProviderReply::counting(3000).with_pause(Duration::from_millis(10));
    let world = World::saying(reply.clone()).await;
    let begun = begin(&world, &streamed("count")).await;
    let id = first(&world).await;
    let path = format!("{RESPONSES}/{id}");
    let going = get(&world.ada, &path).await.json();
    assert_eq!((&going["status"], &going["output"]), (&json!("in_progress"), &json!([])));
    let next = with(&ask("x"), "previous_response_id", json!(id));
    let refused = post(&world.ada, RESPONSES, &next).await;
    assert_eq!(refused.json()["error"]["param"], "previous_response_id", "{}", refused.text);
    let stopped =
        soon(post(&world.ada_elsewhere(), &format!("{path}/cancel"), &json!({}))).await.json();
    assert_eq!(stopped["status"], "cancelled");
    assert!(reply.whole().starts_with(text(&stopped)));
    assert_eq!(stopped["output"][0]["status"], "incomplete");
    assert_eq!(get(&world.ada, &path).await.json(), stopped);
    drop(begun);
    let events = get(&world.ada, &format!("{path}?stream=true")).await.tale();
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
    assert_eq!(events.last().unwrap()["response"], stopped);
    settled(&world).await;
}

#[tokio::test]
async fn a_client_that_goes_ends_the_response_and_pays_for_what_was_said() {
    for store in [true, false] {
        let reply = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
        let world = World::saying(reply.clone()).await;
        let body = with(&streamed("count"), "store", json!(store));
        let mut begun = begin(&world, &body).await;
        for _ in 0..5 {
            begun.next().await.unwrap().unwrap();
        }
        assert_ne!(standing(&world).await.1, 0);
        drop(begun);
        let used = soon(settled(&world)).await;
        assert!(0 < used && used < 10_000, "{used}");
        while world.provider.open() != 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(world.count("SELECT sum(is_estimated) AS n FROM usage_entry").await, 1);
        if store {
            let kept =
                get(&world.ada, &format!("{RESPONSES}/{}", first(&world).await)).await.json();
            assert_eq!(kept["status"], "cancelled");
            assert!(reply.whole().starts_with(text(&kept)));
        }
    }
}

#[tokio::test]
async fn one_that_is_worked_on_is_deleted_and_settled() {
    let reply = ProviderReply::counting(10_000).with_pause(Duration::from_millis(5));
    let world = World::saying(reply).await;
    let begun = begin(&world, &streamed("count")).await;
    let path = format!("{RESPONSES}/{}", first(&world).await);
    let deleted = soon(crate::calls::delete(&world.ada, &path)).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text);
    assert_ne!(soon(settled(&world)).await, 0);
    assert_eq!(world.count("SELECT count(*) AS n FROM message").await, 0);
    drop(begun);
}

/// A response whose events begin to come.
async fn begin(world: &World, body: &Value) -> axum::body::BodyDataStream {
    let request = world.ada.request(Method::POST, RESPONSES);
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = world.ada.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().into_data_stream()
}

/// The id of the only response.
async fn first(world: &World) -> String {
    let rows = world.database.query(database::Statement::new("SELECT id FROM run")).await.unwrap();
    rows.first().unwrap().get::<String>("id").unwrap().replacen("run_", "resp_", 1)
}
