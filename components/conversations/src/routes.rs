//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Role, Scope};
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Route, RouteTable};
use settings::ConversationsSettings;

use crate::http;
use crate::service::Conversations;

/// A message has up to 1 MiB, and JSON may need two bytes for one.
const MESSAGE_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A batch has up to 200 of them.
const BATCH_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

const READ: Access = Access::Account(Role::Viewer, Scope::ConversationsRead);
const WRITE: Access = Access::Account(Role::Member, Scope::ConversationsWrite);
const ADMIN: Access = Access::Account(Role::Admin, Scope::AccountAdmin);
const READ_MEMORY: Access = Access::Account(Role::Viewer, Scope::MemoryRead);
const WRITE_MEMORY: Access = Access::Account(Role::Member, Scope::MemoryWrite);

fn table() -> RouteTable<Conversations> {
    let conversation = [conversations(), retention(), messages(), context(), files()];
    let others = [search(), memory(), shares()];
    RouteTable::new(conversation.into_iter().chain(others).flatten())
}

fn conversations() -> Vec<Route<Conversations>> {
    vec![
        Route::post("/api/conversations", WRITE, "create_conversation", http::create_conversation)
            .summary("Create a conversation.")
            .takes("ConversationCreation")
            .gives(201, "Conversation")
            .repeatable(),
        Route::get("/api/conversations", READ, "list_conversations", http::list_conversations)
            .summary("List conversations, newest activity first.")
            .query(&["limit", "cursor", "archived", "pinned", "temporary"])
            .gives(200, "ConversationPage"),
        Route::put(
            "/api/conversations/by-continuation/{continuation_id}",
            WRITE,
            "put_conversation_by_continuation",
            http::put_conversation_by_continuation,
        )
        .summary("Get the conversation with this continuation id, or create it.")
        .takes("ConversationContinuation")
        .gives(200, "Conversation"),
        Route::get("/api/conversations/{id}", READ, "get_conversation", http::get_conversation)
            .summary("Get a conversation.")
            .gives(200, "Conversation"),
        Route::patch(
            "/api/conversations/{id}",
            WRITE,
            "update_conversation",
            http::update_conversation,
        )
        .summary(
            "Change title, metadata, pin or archive flag of a conversation, or how long it stays.",
        )
        .takes("ConversationChange")
        .gives(200, "Conversation"),
        Route::delete(
            "/api/conversations/{id}",
            WRITE,
            "delete_conversation",
            http::delete_conversation,
        )
        .summary("Delete a conversation with everything in it."),
    ]
}

fn retention() -> Vec<Route<Conversations>> {
    vec![
        Route::get("/api/conversations/retention", READ, "get_retention", http::get_retention)
            .summary("Say how long the account keeps conversations that nobody goes on with.")
            .gives(200, "Retention"),
        Route::put("/api/conversations/retention", ADMIN, "put_retention", http::put_retention)
            .summary("Change how long the account keeps conversations that nobody goes on with.")
            .takes("Retention")
            .gives(200, "Retention"),
    ]
}

fn messages() -> Vec<Route<Conversations>> {
    vec![
        Route::post(
            "/api/conversations/{id}/messages",
            WRITE,
            "append_message",
            http::append_message,
        )
        .summary("Append a message.")
        .takes("MessageCreation")
        .gives(201, "Message")
        .repeatable()
        .body_bytes_max(MESSAGE_BODY_BYTES_MAX),
        Route::post(
            "/api/conversations/{id}/messages/batch",
            WRITE,
            "append_messages",
            http::append_messages,
        )
        .summary("Append up to 200 messages, all or none.")
        .takes("MessageBatchCreation")
        .gives(201, "MessageBatch")
        .repeatable()
        .body_bytes_max(BATCH_BODY_BYTES_MAX),
        Route::get("/api/conversations/{id}/messages", READ, "list_messages", http::list_messages)
            .summary("List the messages of a path in order, the newest page first.")
            .query(&["limit", "cursor", "before", "after", "leaf", "all"])
            .gives(200, "MessagePage"),
    ]
}

fn search() -> Vec<Route<Conversations>> {
    vec![
        Route::get("/api/search", READ, "search", http::search)
            .summary("Find words in the titles and messages of the account.")
            .query(&["q", "conversation_id", "role", "from", "to", "limit", "cursor"])
            .gives(200, "SearchPage"),
    ]
}

fn context() -> Vec<Route<Conversations>> {
    vec![
        Route::get("/api/conversations/{id}/context", READ, "get_context", http::get_context)
            .summary("Get the context document of a conversation.")
            .gives(200, "ContextDocument"),
        Route::put("/api/conversations/{id}/context", WRITE, "put_context", http::put_context)
            .summary("Replace the context document of a conversation.")
            .takes("ContextDocument")
            .gives(200, "ContextDocument"),
    ]
}

fn files() -> Vec<Route<Conversations>> {
    const FILE: &str = "/api/conversations/{id}/files/{file_id}";
    vec![
        Route::get(
            "/api/conversations/{id}/files",
            READ,
            "list_attached_files",
            http::list_attached_files,
        )
        .summary("List the files that are attached to a conversation.")
        .gives(200, "AttachedFilePage"),
        Route::get(FILE, READ, "get_attached_file", http::get_attached_file)
            .summary("Get a file that is attached to a conversation.")
            .gives(200, "AttachedFile"),
        Route::put(FILE, WRITE, "attach_file", http::attach_file)
            .summary("Attach a file of the account to a conversation.")
            .gives(200, "AttachedFile"),
        Route::delete(FILE, WRITE, "detach_file", http::detach_file)
            .summary("Detach a file from a conversation."),
    ]
}

fn memory() -> Vec<Route<Conversations>> {
    vec![
        Route::post("/api/memory", WRITE_MEMORY, "create_memory", http::create_memory)
            .summary("Remember a fact or an episode.")
            .takes("MemoryCreation")
            .gives(201, "Memory")
            .repeatable(),
        Route::get("/api/memory", READ_MEMORY, "list_memories", http::list_memories)
            .summary("List what is remembered, or find words in it.")
            .query(&["q", "kind", "source_conversation_id", "limit", "cursor"])
            .gives(200, "MemoryPage"),
        Route::delete("/api/memory", WRITE_MEMORY, "delete_memories", http::delete_memories)
            .summary("Forget everything that came from one conversation.")
            .query(&["source_conversation_id"])
            .gives(200, "MemoryDeletion"),
        Route::put("/api/memory/facts/{key}", WRITE_MEMORY, "put_fact", http::put_fact)
            .summary("Remember a fact under its key.")
            .takes("FactChange")
            .gives(200, "Memory"),
        Route::get("/api/memory/{id}", READ_MEMORY, "get_memory", http::get_memory)
            .summary("Get one memory.")
            .gives(200, "Memory"),
        Route::patch("/api/memory/{id}", WRITE_MEMORY, "update_memory", http::update_memory)
            .summary("Change one memory.")
            .takes("MemoryChange")
            .gives(200, "Memory"),
        Route::delete("/api/memory/{id}", WRITE_MEMORY, "delete_memory", http::delete_memory)
            .summary("Forget one memory."),
    ]
}

fn shares() -> Vec<Route<Conversations>> {
    vec![
        Route::post(
            "/api/conversations/{id}/fork",
            WRITE,
            "fork_conversation",
            http::fork_conversation,
        )
        .summary("Make a new conversation of the path up to a message.")
        .takes("ConversationFork")
        .gives(201, "Conversation")
        .repeatable(),
        Route::post("/api/conversations/{id}/shares", WRITE, "create_share", http::create_share)
            .summary("Make a link under which anyone reads the path up to a message.")
            .takes("ShareCreation")
            .gives(201, "CreatedShare")
            .repeatable(),
        Route::get("/api/conversations/{id}/shares", READ, "list_shares", http::list_shares)
            .summary("List the links to a conversation.")
            .gives(200, "SharePage"),
        Route::delete("/api/shares/{id}", WRITE, "delete_share", http::delete_share)
            .summary("Revoke a link."),
        Route::get("/api/shared/{token}", Access::Public, "get_shared", http::get_shared)
            .summary("Read what a link leads to.")
            .query(&["limit", "cursor"])
            .gives(200, "Shared"),
        Route::post("/api/shared/{token}/copy", WRITE, "copy_shared", http::copy_shared)
            .summary("Go on with what a link leads to, in a conversation of one's own.")
            .gives(201, "Conversation")
            .repeatable(),
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

pub(crate) fn router(state: Conversations, settings: ConversationsSettings) -> Router {
    let Conversations { database, clock, entropy } = state.clone();
    let ConversationsSettings { data } = settings;
    let gates = Gates::new(database, &data, clock.clone(), entropy.clone(), []);
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
