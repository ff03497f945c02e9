//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::Authenticator;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Readiness, Route, RouteTable};

use crate::http;
use crate::service::Auth;

fn table() -> RouteTable<Auth> {
    RouteTable::new([
        Route::post("/api/auth/signup", Access::Public, "signup", http::signup)
            .summary("Sign up with an e-mail address and a password."),
        Route::post("/api/auth/login", Access::Public, "login", http::login)
            .summary("Sign in with an e-mail address or user name and the password."),
        Route::get("/.well-known/jwks.json", Access::Public, "get_jwks", http::get_jwks)
            .summary("The public keys that verify access tokens (RFC 7517)."),
        Route::get("/api/health", Access::Public, "get_health", http::get_health)
            .summary("Whether the component runs.")
            .without_database(),
        Route::get("/healthz", Access::Public, "get_healthz", http::get_health)
            .summary("Whether the component runs; for orchestrators.")
            .without_database(),
        Route::get("/readyz", Access::Public, "get_readyz", http::get_readyz)
            .summary("Whether the component can serve: its database answers and has its schema."),
    ])
}

/// The component's routes as data.
pub fn declarations() -> Vec<Declaration> {
    table().declarations().cloned().collect()
}

pub(crate) fn router(state: Auth) -> Router {
    let Auth { database, settings, clock, entropy, .. } = state.clone();
    let gates = Gates {
        readiness: Readiness::new(database.clone(), clock.clone(), settings.data.auto_migrate),
        authenticator: Authenticator::new(
            database,
            settings.data.public_url.clone(),
            clock.clone(),
        ),
    };
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
