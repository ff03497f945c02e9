//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use axum::middleware::from_fn_with_state;
use caller::{Role, Scope, TrustedProxies};
use idempotency::Replays;
use keyring::Purpose;
use limits::Allowance;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Readiness, Route, RouteTable};

use crate::http;
use crate::service::Chat;

/// A message has up to 1 MiB, and JSON may need two bytes for one.
const RUN_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

const READ: Access = Access::Account(Role::Viewer, Scope::Chat);
const WRITE: Access = Access::Account(Role::Member, Scope::Chat);

fn table() -> RouteTable<Chat> {
    RouteTable::new(runs())
}

fn runs() -> Vec<Route<Chat>> {
    vec![
        Route::post("/api/conversations/{id}/runs", WRITE, "create_run", http::create_run)
            .summary("Append a message and let a model answer it, as events or as a whole.")
            .takes("RunCreation")
            .gives(200, "RunAnswer")
            .repeatable()
            .body_bytes_max(RUN_BODY_BYTES_MAX),
        Route::get("/api/runs/{id}", READ, "get_run", http::get_run)
            .summary("Get a run.")
            .gives(200, "Run"),
        Route::get("/api/runs/{id}/events", READ, "get_run_events", http::get_run_events)
            .summary("Follow the events of a run after one of them, until it ends or waits.")
            .query(&["after"])
            .gives(200, "RunEvents"),
        Route::post("/api/runs/{id}/cancel", WRITE, "cancel_run", http::cancel_run)
            .summary("Stop a run. What it has said stays.")
            .gives(200, "Run"),
        Route::post("/api/runs/{id}/approvals", WRITE, "decide_approvals", http::decide_approvals)
            .summary("Decide about the calls of tools that a run waits with, and let it go on.")
            .takes("ApprovalDecisions")
            .gives(200, "RunAnswer"),
    ]
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
    let Chat { database, settings, clock, entropy, authenticator, .. } = state.clone();
    let peppers = settings.keyring.iter().map(|root| root.derive(Purpose::IdempotencyPepper));
    let gates = Gates {
        allowance: Allowance::new(database.clone(), "api", settings.data.limit_api),
        clock: clock.clone(),
        replays: Replays::new(database.clone(), clock.clone(), entropy.clone(), peppers),
        readiness: Readiness::new(database, clock.clone(), settings.data.auto_migrate),
        authenticator,
        trusted_proxies: TrustedProxies::new(settings.data.trusted_proxies.iter().copied()),
    };
    let repeated = from_fn_with_state(state.clone(), http::repeat_answers);
    let router = table().into_router(state, &gates).layer(repeated);
    with_manners(router, Manners { clock, entropy })
}
