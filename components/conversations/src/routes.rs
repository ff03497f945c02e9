//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Authenticator, Role, Scope, TrustedProxies};
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Readiness, Route, RouteTable};
use settings::ConversationsSettings;

use crate::http;
use crate::service::Conversations;

/// A message has up to 1 MiB, and JSON may need two bytes for one.
const MESSAGE_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

const READ: Access = Access::Account(Role::Viewer, Scope::ConversationsRead);
const WRITE: Access = Access::Account(Role::Member, Scope::ConversationsWrite);

fn table() -> RouteTable<Conversations> {
    RouteTable::new([
        Route::post("/api/conversations", WRITE, "create_conversation", http::create_conversation)
            .summary("Create a conversation.")
            .takes("ConversationCreation")
            .gives(201, "Conversation"),
        Route::get("/api/conversations", READ, "list_conversations", http::list_conversations)
            .summary("List conversations, newest activity first.")
            .query(&["limit", "cursor", "archived", "pinned"])
            .gives(200, "ConversationPage"),
        Route::get("/api/conversations/{id}", READ, "get_conversation", http::get_conversation)
            .summary("Get a conversation.")
            .gives(200, "Conversation"),
        Route::post(
            "/api/conversations/{id}/messages",
            WRITE,
            "append_message",
            http::append_message,
        )
        .summary("Append a message.")
        .takes("MessageCreation")
        .gives(201, "Message")
        .body_bytes_max(MESSAGE_BODY_BYTES_MAX),
        Route::get("/api/conversations/{id}/messages", READ, "list_messages", http::list_messages)
            .summary("List messages in order, the newest page first.")
            .query(&["limit", "cursor", "before", "after"])
            .gives(200, "MessagePage"),
    ])
}

/// The schemas of the bodies that the routes name: a JSON object of JSON Schemas.
pub fn schemas() -> &'static str {
    include_str!("../schemas.json")
}

/// The component's routes as data.
pub fn declarations() -> Vec<Declaration> {
    table().declarations().cloned().collect()
}

pub(crate) fn router(state: Conversations, settings: ConversationsSettings) -> Router {
    let Conversations { database, clock, entropy } = state.clone();
    let gates = Gates {
        readiness: Readiness::new(database.clone(), clock.clone(), settings.data.auto_migrate),
        authenticator: Authenticator::new(database, settings.data.public_url, clock.clone()),
        trusted_proxies: TrustedProxies::new(settings.data.trusted_proxies),
    };
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
