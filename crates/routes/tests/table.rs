//! The table puts the gates before the handlers, whatever the handlers do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use ambient::{Clock, Entropy};
use axum::http::StatusCode;
use caller::{Authenticator, Caller, Role, Scope, TrustedProxies};
use database::{Database, Statement};
use idempotency::Replays;
use limits::{Allowance, Limit};
use problem::{Json, Manners, with_manners};
use routes::{Access, Gates, Readiness, Route, RouteTable};
use serde_json::{Value, json};
use testing::{Client, ISSUER, NOW, Person};

async fn forgetful() -> Json<Value> {
    Json(json!({}))
}

async fn careful(caller: Caller) -> Json<Value> {
    Json(json!({"role": caller.role}))
}

async fn echo(Json(body): Json<Value>) -> Json<Value> {
    Json(body)
}

fn client(database: &Database, auto_migrate: bool) -> Client {
    let (clock, _) = Clock::manual(NOW);
    let member = Access::Account(Role::Member, Scope::Chat);
    let table = RouteTable::new([
        Route::get("/public", Access::Public, "public", forgetful),
        Route::get("/alive", Access::Public, "alive", forgetful).without_database(),
        Route::get("/mistaken", Access::Public, "mistaken", careful),
        Route::get("/forgetful", member, "forgetful", forgetful),
        Route::get("/careful", member, "careful", careful),
        Route::post("/careful", Access::Public, "echo", echo).body_bytes_max(16),
    ]);
    let gates = Gates {
        readiness: Readiness::new(database.clone(), clock.clone(), auto_migrate),
        authenticator: Authenticator::new(database.clone(), ISSUER.to_owned(), clock.clone()),
        trusted_proxies: TrustedProxies::default(),
        allowance: Allowance::new(database.clone(), "api", Limit::OFF),
        clock: clock.clone(),
        replays: Replays::new(database.clone(), clock.clone(), Entropy::system(), []),
    };
    let manners = Manners { clock, entropy: Entropy::system() };
    Client::new(with_manners(table.into_router((), &gates), manners))
}

#[tokio::test]
async fn a_handler_that_forgets_the_caller_is_guarded_all_the_same() {
    let database = testing::database().await;
    let client = client(&database, true);
    let statuses = async |client: &Client| {
        (client.get("/forgetful").await.status, client.get("/careful").await.status)
    };
    assert_eq!(statuses(&client).await, (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    let viewer = client.with_token(Person::new(&database, "viewer", NOW).await.token);
    assert_eq!(statuses(&viewer).await, (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    let member = client.with_token(Person::new(&database, "member", NOW).await.token);
    assert_eq!(statuses(&member).await, (StatusCode::OK, StatusCode::OK));
    assert_eq!(member.get("/careful").await.body, json!({"role": "member"}));
}

#[tokio::test]
async fn a_handler_that_expects_a_caller_on_a_public_route_fails() {
    let database = testing::database().await;
    let client = client(&database, true);
    let token = Person::new(&database, "owner", NOW).await.token;
    for client in [client.clone(), client.with_token(token)] {
        let answer = client.get("/mistaken").await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
        );
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405_without_a_token_too() {
    let database = testing::database().await;
    let answer = client(&database, true).post("/forgetful", &json!({})).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    );
}

#[tokio::test]
async fn a_body_has_the_limit_of_its_own_route() {
    let database = testing::database().await;
    let client = client(&database, true);
    assert_eq!(client.post_text("/careful", "{\"abcdefghi\": 1}").await.status, StatusCode::OK);
    assert_eq!(
        client.post_text("/careful", "{\"abcdefghij\": 1}").await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn without_auto_migrate_an_empty_database_is_refused_and_left_alone() {
    let database = Database::in_memory().unwrap();
    let refusing = client(&database, false);
    assert_eq!(refusing.get("/public").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refusing.get("/alive").await.status, StatusCode::OK);
    let count = Statement::new("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'user'");
    let rows = database.query(count).await.unwrap();
    assert_eq!(rows.first().unwrap().get::<i64>("n").unwrap(), 0);
    assert_eq!(client(&database, true).get("/public").await.status, StatusCode::OK);
    assert_eq!(refusing.get("/public").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = testing::database().await;
    // Whatever the record's columns are, a copy under a version beyond ours is one from the future.
    let columns =
        database.query(Statement::new("SELECT * FROM schema_migration LIMIT 1")).await.unwrap();
    let others: Vec<_> =
        columns.columns().iter().filter(|name| *name != "version").cloned().collect();
    let others = others.join(", ");
    let insert = format!(
        "INSERT INTO schema_migration (version, {others}) SELECT 9999, {others} FROM schema_migration WHERE version = 1"
    );
    database.query(Statement::new(insert)).await.unwrap();
    let answer = client(&database, true).get("/public").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
    );
}

#[tokio::test]
async fn a_credential_in_the_url_is_refused_whatever_the_route() {
    let database = testing::database().await;
    let client = client(&database, true);
    for name in ["access_token", "Access_Token", "%61ccess_token", "api_key", "refresh_token"] {
        for path in ["/public", "/alive", "/careful"] {
            let answer = client.get(&format!("{path}?a=b&{name}=secret")).await;
            let seen = (answer.status, answer.code());
            assert_eq!(seen, (StatusCode::BAD_REQUEST, "credential_in_url"), "{path} {name}");
        }
    }
    assert_eq!(client.get("/public?token_access=1").await.status, StatusCode::OK);
}
