//! The very first requests of a server that has just started.

use std::time::Instant;

use e2e::volley::{Row, Shot, fire};
use e2e::{Person, Policy};
use http::Method;
use serde_json::json;

use crate::world::{AT_ONCE, Report, World};

const COMPONENTS: [&str; 5] = ["auth", "config", "conversations", "files", "chat"];

pub async fn run(policy: Policy) {
    println!("{}", Row::HEADING);
    let mut report = Report::default();
    let world = World::start(policy).await;
    let mut world = on_nothing(world, &mut report).await;
    let ada = Person::sign_up(&world.anonymous(), "ada").await;
    let key = ada.api_key("first").await;
    ada.create_model("first-model", &world.provider.base_url()).await;
    let conversation = ada.create_conversation("First").await;
    for component in COMPONENTS {
        for (kind, is_write) in [("first reads", false), ("first writes", true)] {
            world = world.restart().await;
            let client = key.at(world.server.address());
            let mut row = Row { component, kind, credential: "api key", ..Row::default() };
            let shot = |place| first_shot(component, is_write, place, &conversation);
            let shots = (0..AT_ONCE).map(|place| (client.clone(), shot(place)));
            row.fire(shots.collect()).await;
            report.add(row);
        }
    }
    // All five components at once.
    world = world.restart().await;
    let client = key.at(world.server.address());
    let mut row = Row { component: "all", kind: "first reads", ..Row::default() };
    let shots = COMPONENTS.iter().flat_map(|component| {
        let (client, conversation) = (&client, &conversation);
        (0..AT_ONCE)
            .map(move |place| (client.clone(), first_shot(component, false, place, conversation)))
    });
    row.fire(shots.collect()).await;
    report.add(row);
    report.assert_clean();
    world.end().await;
}

/// On an empty state: everyone signs up while all other components see an unknown credential.
async fn on_nothing(world: World, report: &mut Report) -> World {
    let mut row = Row { component: "all", kind: "first on nothing", ..Row::default() };
    let anonymous = world.anonymous();
    let stranger = anonymous.with_token("slv_00000000000000000000000000000000000000000000");
    let shots: Vec<_> = COMPONENTS
        .iter()
        .flat_map(|component| (0..AT_ONCE).map(move |place| (*component, place)))
        .map(|(component, place)| match component {
            "auth" => {
                let email = format!("first-{place}@example.com");
                let body = json!({"email": email, "password": e2e::people::PASSWORD});
                (anonymous.clone(), Shot::post("/api/auth/signup", &body))
            }
            component => (stranger.clone(), first_shot(component, false, place, "conv_unknown")),
        })
        .collect();
    let start = Instant::now();
    let replies = fire(shots).await;
    row.elapsed = start.elapsed();
    for (place, reply) in replies.into_iter().enumerate() {
        row.requests += 1;
        let expected = if place < AT_ONCE { 201 } else { 401 };
        match reply {
            Ok(reply) if reply.status == 201 && expected == 201 => row.successes += 1,
            Ok(reply) if reply.status == expected => {
                row.refusals += 1;
                row.expected += 1;
            }
            Ok(reply) => row.offend(format!("{expected} was expected: {reply}")),
            Err(error) => row.offend(error),
        }
    }
    report.add(row);
    world
}

/// A request to a component.
fn first_shot(component: &str, is_write: bool, place: usize, conversation: &str) -> Shot {
    match (component, is_write) {
        ("auth", false) => Shot::get("/api/accounts"),
        // An API key may not write much there.
        ("auth", true) => Shot::get("/readyz"),
        ("config", false) => Shot::get("/api/config"),
        ("config", true) => Shot::new(Method::PATCH, "/api/settings")
            .json(&json!({"model_parameters": {"max_tokens": place + 1}})),
        ("conversations", false) => Shot::get("/api/conversations"),
        ("conversations", true) => {
            let path = format!("/api/conversations/{conversation}/messages");
            Shot::post(path, &json!({"role": "user", "content": format!("first {place}")}))
        }
        ("files", false) => Shot::get("/api/files"),
        ("files", true) => Shot::new(Method::POST, format!("/api/files?name=first-{place}.txt"))
            .header("content-type", "text/plain")
            .body("first"),
        (_, false) => Shot::get("/v1/models"),
        (_, true) => {
            let body = crate::chat::question("/v1/chat/completions", "first-model");
            Shot::post("/v1/chat/completions", &body)
        }
    }
}
