//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Authenticator, TrustedProxies};
use idempotency::Replays;
use keyring::Purpose;
use limits::Allowance;
use problem::{Manners, with_manners};
use routes::{Declaration, Gates, Readiness, RouteTable};

use crate::service::Chat;

fn table() -> RouteTable<Chat> {
    RouteTable::new([])
}

/// The schemas of the bodies that the routes name: a JSON object of JSON Schemas.
pub fn schemas() -> &'static str {
    include_str!("../schemas.json")
}

/// The component's routes as data.
pub fn declarations() -> Vec<Declaration> {
    table().declarations().cloned().collect()
}

pub(crate) fn router(state: Chat) -> Router {
    let Chat { database, settings, clock, entropy, .. } = state.clone();
    let peppers = settings.keyring.iter().map(|root| root.derive(Purpose::IdempotencyPepper));
    let gates = Gates {
        allowance: Allowance::new(database.clone(), "api", settings.data.limit_api),
        clock: clock.clone(),
        replays: Replays::new(database.clone(), clock.clone(), entropy.clone(), peppers),
        readiness: Readiness::new(database.clone(), clock.clone(), settings.data.auto_migrate),
        authenticator: Authenticator::new(
            database,
            settings.data.public_url.clone(),
            clock.clone(),
        ),
        trusted_proxies: TrustedProxies::new(settings.data.trusted_proxies.iter().copied()),
    };
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
