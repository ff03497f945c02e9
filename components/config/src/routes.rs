//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Role, Scope};
use keyring::Purpose;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Route, RouteTable};

use crate::document::http as document;
use crate::document::service::SETTINGS_BYTES_MAX;
use crate::keys::http as keys;
use crate::models::http as models;
use crate::owner::{Own, System, Whose};
use crate::servers::http as servers;
use crate::service::Config;
use crate::start::http as start;

const READ: Access = Access::Account(Role::Viewer, Scope::ConfigRead);
const ADMIN: Access = Access::Member(Role::Admin);
const WRITE: Access = Access::Account(Role::Member, Scope::ConfigWrite);

/// Paths, names and rights of the routes that accounts and the platform both have.
struct Twin {
    read: Access,
    write: Access,
    /// `/api/models` or `/api/system/models`, and so on.
    paths: [&'static str; 4],
    /// Of the operations on those paths, in the order of the table.
    operations: [&'static str; 7],
}

fn table() -> RouteTable<Config> {
    let all = [
        own_models(),
        system_models(),
        own_settings(),
        system_settings(),
        own_servers(),
        system_servers(),
        key_routes(),
        start_routes(),
    ];
    RouteTable::new(all.into_iter().flatten())
}

fn start_routes() -> Vec<Route<Config>> {
    vec![
        Route::get("/api/config", READ, "get_config", start::get_config)
            .summary("Get everything that a client needs to begin.")
            .gives(200, "Start"),
    ]
}

fn own_models() -> Vec<Route<Config>> {
    model_routes::<Own>(&Twin {
        read: READ,
        write: WRITE,
        paths: [
            "/api/models",
            "/api/models/{id}",
            "/api/models/{id}/activate",
            "/api/models/{id}/test",
        ],
        operations: [
            "list_models",
            "create_model",
            "get_model",
            "update_model",
            "delete_model",
            "activate_model",
            "test_model",
        ],
    })
}

fn system_models() -> Vec<Route<Config>> {
    model_routes::<System>(&Twin {
        read: Access::Platform,
        write: Access::Platform,
        paths: [
            "/api/system/models",
            "/api/system/models/{id}",
            "/api/system/models/{id}/activate",
            "/api/system/models/{id}/test",
        ],
        operations: [
            "list_system_models",
            "create_system_model",
            "get_system_model",
            "update_system_model",
            "delete_system_model",
            "activate_system_model",
            "test_system_model",
        ],
    })
}

fn model_routes<W: Whose>(twin: &Twin) -> Vec<Route<Config>> {
    let Twin { read, write, paths, operations } = *twin;
    let [list, one, activate, test] = paths;
    let [list_op, create_op, get_op, update_op, delete_op, activate_op, test_op] = operations;
    vec![
        Route::get(list, read, list_op, models::list_models::<W>)
            .summary("List models, those of the platform among them, the newest first.")
            .query(&["limit", "cursor"])
            .gives(200, "ModelPage"),
        Route::post(list, write, create_op, models::create_model::<W>)
            .summary("Create a model.")
            .takes("ModelCreation")
            .gives(201, "Model")
            .repeatable(),
        Route::get(one, read, get_op, models::get_model::<W>)
            .summary("Get a model.")
            .gives(200, "Model"),
        Route::patch(one, write, update_op, models::update_model::<W>)
            .summary("Change a model.")
            .takes("ModelChange")
            .gives(200, "Model"),
        Route::delete(one, write, delete_op, models::delete_model::<W>)
            .summary("Delete a model."),
        Route::post(activate, write, activate_op, models::activate_model::<W>)
            .summary("Make a model the active one, in place of the one before.")
            .gives(200, "Model"),
        Route::post(test, write, test_op, models::test_model::<W>)
            .summary("Ask the provider of a model which models it has, with the key that the model would be asked with.")
            .gives(200, "ModelTest"),
    ]
}

fn own_servers() -> Vec<Route<Config>> {
    server_routes::<Own>(
        [READ, WRITE],
        ["/api/mcp-servers", "/api/mcp-servers/{id}", "/api/mcp-servers/{id}/test"],
        [
            "list_mcp_servers",
            "create_mcp_server",
            "get_mcp_server",
            "update_mcp_server",
            "delete_mcp_server",
            "test_mcp_server",
        ],
    )
}

fn system_servers() -> Vec<Route<Config>> {
    server_routes::<System>(
        [Access::Platform; 2],
        [
            "/api/system/mcp-servers",
            "/api/system/mcp-servers/{id}",
            "/api/system/mcp-servers/{id}/test",
        ],
        [
            "list_system_mcp_servers",
            "create_system_mcp_server",
            "get_system_mcp_server",
            "update_system_mcp_server",
            "delete_system_mcp_server",
            "test_system_mcp_server",
        ],
    )
}

fn server_routes<W: Whose>(
    [read, write]: [Access; 2],
    [list, one, test]: [&'static str; 3],
    [list_op, create_op, get_op, update_op, delete_op, test_op]: [&'static str; 6],
) -> Vec<Route<Config>> {
    vec![
        Route::get(list, read, list_op, servers::list_mcp_servers::<W>)
            .summary("List MCP servers, those of the platform among them, the newest first.")
            .query(&["limit", "cursor"])
            .gives(200, "McpServerPage"),
        Route::post(list, write, create_op, servers::create_mcp_server::<W>)
            .summary("Add an MCP server, which is reached over HTTP.")
            .takes("McpServerCreation")
            .gives(201, "McpServer")
            .repeatable(),
        Route::get(one, read, get_op, servers::get_mcp_server::<W>)
            .summary("Get an MCP server; never its credentials.")
            .gives(200, "McpServer"),
        Route::patch(one, write, update_op, servers::update_mcp_server::<W>)
            .summary("Change an MCP server.")
            .takes("McpServerChange")
            .gives(200, "McpServer"),
        Route::delete(one, write, delete_op, servers::delete_mcp_server::<W>)
            .summary("Delete an MCP server with its credentials."),
        Route::post(test, write, test_op, servers::test_mcp_server::<W>)
            .summary("Ask an MCP server who it is and which tools it has, and keep what it says.")
            .gives(200, "McpServerTest"),
    ]
}

/// What a key is spent on is money: an administrator of the account changes them, who has shown the password lately (SECURITY R44).
fn key_routes() -> Vec<Route<Config>> {
    vec![
        Route::get("/api/keys", READ, "list_provider_keys", keys::list_provider_keys)
            .summary("List the keys of the account, the newest first; never their values.")
            .query(&["limit", "cursor"])
            .gives(200, "ProviderKeyPage"),
        Route::post("/api/keys", ADMIN, "create_provider_key", keys::create_provider_key)
            .summary("Entrust a key of a provider to the vault. It becomes the active one for its provider and host.")
            .takes("ProviderKeyCreation")
            .gives(201, "ProviderKey")
            .repeatable()
            .needs_step_up(),
        Route::patch("/api/keys/{id}", ADMIN, "update_provider_key", keys::update_provider_key)
            .summary("Change what is known of a key, or give it another value.")
            .takes("ProviderKeyChange")
            .gives(200, "ProviderKey")
            .needs_step_up(),
        Route::delete("/api/keys/{id}", ADMIN, "delete_provider_key", keys::delete_provider_key)
            .summary("Forget a key.")
            .needs_step_up(),
    ]
}

fn own_settings() -> Vec<Route<Config>> {
    let operations = ["get_settings", "put_settings", "patch_settings"];
    settings_routes::<Own>("/api/settings", [READ, WRITE], operations)
}

fn system_settings() -> Vec<Route<Config>> {
    let operations = ["get_system_settings", "put_system_settings", "patch_system_settings"];
    settings_routes::<System>("/api/system/settings", [Access::Platform; 2], operations)
}

fn settings_routes<W: Whose>(
    path: &'static str,
    [read, write]: [Access; 2],
    [get, put, patch]: [&'static str; 3],
) -> Vec<Route<Config>> {
    vec![
        Route::get(path, read, get, document::get_settings::<W>)
            .summary(
                "Get the settings as they hold: what is not set here is as the platform has it.",
            )
            .gives(200, "Settings"),
        Route::put(path, write, put, document::put_settings::<W>)
            .summary("Replace the settings.")
            .takes("Settings")
            .gives(200, "Settings")
            .body_bytes_max(SETTINGS_BYTES_MAX),
        Route::patch(path, write, patch, document::patch_settings::<W>)
            .summary("Change settings by a merge patch (RFC 7396); null takes one away.")
            .takes("Settings")
            .gives(200, "Settings")
            .body_bytes_max(SETTINGS_BYTES_MAX),
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

pub(crate) fn router(state: Config) -> Router {
    let Config { database, settings, clock, entropy, .. } = state.clone();
    let peppers = settings.keyring.iter().map(|root| root.derive(Purpose::IdempotencyPepper));
    let gates = Gates::new(database, &settings.data, clock.clone(), entropy.clone(), peppers);
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
