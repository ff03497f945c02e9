//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Authenticator, Role};
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Readiness, Route, RouteTable};
use settings::ConversationsSettings;

use crate::http;
use crate::service::Conversations;

/// A message has up to 1 MiB, and JSON may need two bytes for one.
const MESSAGE_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

const READ: Access = Access::Role(Role::Viewer);
const WRITE: Access = Access::Role(Role::Member);

fn table() -> RouteTable<Conversations> {
    RouteTable::new([
        Route::post("/api/conversations", WRITE, "create_conversation", http::create_conversation)
            .summary("Create a conversation."),
        Route::get("/api/conversations", READ, "list_conversations", http::list_conversations)
            .summary("List conversations, newest activity first."),
        Route::get("/api/conversations/{id}", READ, "get_conversation", http::get_conversation)
            .summary("Get a conversation."),
        Route::post(
            "/api/conversations/{id}/messages",
            WRITE,
            "append_message",
            http::append_message,
        )
        .summary("Append a message.")
        .body_bytes_max(MESSAGE_BODY_BYTES_MAX),
        Route::get("/api/conversations/{id}/messages", READ, "list_messages", http::list_messages)
            .summary("List messages in order, the newest page first."),
    ])
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
    };
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
