//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Authenticator, Role, Scope, TrustedProxies};
use idempotency::Replays;
use keyring::Purpose;
use limits::Allowance;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Readiness, Route, RouteTable};

use crate::quota::http as quota;
use crate::service::Chat;

fn table() -> RouteTable<Chat> {
    RouteTable::new(quota_routes())
}

/// What an account uses is its members' to know; what it may use is the operator's to say.
fn quota_routes() -> Vec<Route<Chat>> {
    const ACCOUNT_QUOTA: &str = "/api/admin/accounts/{id}/quota";
    let usage = Access::Account(Role::Viewer, Scope::AccountRead);
    let quota = Access::Account(Role::Member, Scope::Chat);
    vec![
        Route::get("/api/quota", quota, "get_quota", quota::get_quota)
            .summary("Get how many tokens may be used, and how many are gone.")
            .gives(200, "Quota"),
        Route::get("/api/usage", usage, "list_usage", quota::list_usage)
            .summary(
                "List what was used by day, model and person, the newest day first; all of it for administrators, for others their own part.",
            )
            .query(&["limit", "cursor", "from", "to", "model", "user_id"])
            .gives(200, "UsagePage"),
        Route::get(
            ACCOUNT_QUOTA,
            Access::Platform,
            "get_account_quota",
            quota::get_account_quota,
        )
        .summary("Get how many tokens an account may use.")
        .gives(200, "AccountQuota"),
        Route::put(
            ACCOUNT_QUOTA,
            Access::Platform,
            "put_account_quota",
            quota::put_account_quota,
        )
        .summary("Set how many tokens an account may use.")
        .takes("AccountQuotaSetting")
        .gives(200, "AccountQuota"),
        Route::delete(
            ACCOUNT_QUOTA,
            Access::Platform,
            "delete_account_quota",
            quota::delete_account_quota,
        )
        .summary("Let what holds for all accounts hold for this one again."),
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
