//! A provider with every fault, and somebody who may not ask.

use std::time::Duration;

use axum::http::StatusCode;
use database::Statement;
use serde_json::json;
use testing::{Client, Person, ProviderFault, ProviderReply, ProviderServer};

use crate::calls::settled;
use crate::world::World;

/// What the model says where nothing goes wrong.
pub const WHOLE: &str = "one two three four five six";

/// A world with a model for each fault on both wires.
pub async fn faulty_models() -> (World, Vec<(ProviderFault, String)>) {
    let provider = ProviderServer::start(|_| ProviderReply::text(WHOLE)).await;
    let world = World::with(provider, &[("provider_timeout", "3")]).await;
    let mut models = Vec::new();
    for wire in ["openai", "anthropic"] {
        for fault in ProviderFault::ALL {
            models.push((fault, world.model(wire, &format!("fault/{}", fault.name())).await));
        }
    }
    (world, models)
}

/// Nothing is reserved or open any more, and whatever the provider counted in whole answers of these models is in the ledger.
pub async fn is_settled_as_counted(world: &World, models: &[&str]) {
    settled(world).await;
    while world.provider.open() != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let requests = world.provider.requests();
    let of_them = requests.iter().filter(|one| models.contains(&one.model()));
    let counted: usize = of_them.map(|one| one.input_tokens() + one.output_tokens()).sum();
    let ledger = Statement::new(
        "SELECT coalesce(sum(input_tokens + output_tokens), 0) AS n FROM usage_entry \
         WHERE is_estimated = 0 AND model IN (SELECT value FROM json_each(?1))",
    )
    .bind(json!(models).to_string());
    let rows = world.database.query(ledger).await.unwrap();
    let written: i64 = rows.first().unwrap().get("n").unwrap();
    assert_eq!(written, i64::try_from(counted).unwrap());
}

/// Who may not ask in Ada's account, with what they hear: nobody, a key for other things, a viewer.
pub async fn strangers(world: &World) -> [(Client, StatusCode); 3] {
    let now = world.clock.now();
    let viewer = Person::new(&world.database, "owner", now).await;
    let viewer = viewer.joins(&world.database, world.ada_person.account_id, "viewer", now).await;
    let key = world.ada_person.api_key(&world.database, "files:read", now).await;
    [
        (world.anonymous.clone(), StatusCode::UNAUTHORIZED),
        (world.anonymous.with_token(key), StatusCode::FORBIDDEN),
        (world.anonymous.with_token(viewer.token), StatusCode::FORBIDDEN),
    ]
}
