//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use axum::middleware::from_fn_with_state;
use caller::{Role, Scope};
use keyring::Purpose;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Route, RouteTable};

use crate::anthropic;
use crate::http;
use crate::openai;
use crate::openai::conversations as openai_conversations;
use crate::openai::responses as openai_responses;
use crate::quota::http as quota;
use crate::service::Chat;

/// A message has up to 1 MiB, and JSON may need two bytes for one.
const RUN_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Messages may hold images.
const COMPLETION_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

const READ: Access = Access::Account(Role::Viewer, Scope::Chat);
const WRITE: Access = Access::Account(Role::Member, Scope::Chat);

/// Of what conversations hold.
const LOOK: Access = Access::Account(Role::Viewer, Scope::ConversationsRead);
const KEEP: Access = Access::Account(Role::Member, Scope::ConversationsWrite);

fn table() -> RouteTable<Chat> {
    let openai = [openai_routes(), conversations(), items(), responses()];
    RouteTable::new(
        [runs(), quota_routes(), anthropic_routes()].into_iter().chain(openai).flatten(),
    )
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

/// What the SDKs of OpenAI call. Their bodies are described where they come from.
fn openai_routes() -> Vec<Route<Chat>> {
    vec![
        Route::get("/v1/models", READ, "openai_list_models", openai::openai_list_models)
            .summary("List models by the names that requests may give, as OpenAI's SDKs expect it.")
            .gives(200, "OpenAiModels"),
        Route::get("/v1/models/{id}", READ, "openai_get_model", openai::openai_get_model)
            .summary("Get a model by its name, as OpenAI's SDKs expect it.")
            .gives(200, "OpenAiModel"),
        Route::post(
            "/v1/chat/completions",
            WRITE,
            "openai_create_completion",
            openai::openai_create_completion,
        )
        .summary(
            "Let a model answer messages, as events or as a whole, as OpenAI's SDKs expect it.",
        )
        .takes("OpenAiCompletionCreation")
        .gives(200, "OpenAiCompletion")
        .body_bytes_max(COMPLETION_BODY_BYTES_MAX),
    ]
}

/// What the SDKs of Anthropic call.
fn anthropic_routes() -> Vec<Route<Chat>> {
    vec![
        Route::post(
            "/v1/messages",
            WRITE,
            "anthropic_create_message",
            anthropic::anthropic_create_message,
        )
        .summary("Let a model answer messages, as events or as a whole, as the Anthropic SDKs do.")
        .takes("AnthropicMessageCreation")
        .gives(200, "AnthropicMessage")
        .body_bytes_max(COMPLETION_BODY_BYTES_MAX),
    ]
}

/// Conversations, as OpenAI's SDKs call them. They are those of the account.
fn conversations() -> Vec<Route<Chat>> {
    vec![
        Route::post(
            "/v1/conversations",
            KEEP,
            "openai_create_conversation",
            openai_conversations::openai_create_conversation,
        )
        .summary("Begin a conversation, as the OpenAI SDKs do.")
        .takes("OpenAiConversationCreation")
        .gives(200, "OpenAiConversation")
        .body_bytes_max(RUN_BODY_BYTES_MAX),
        Route::get(
            "/v1/conversations/{id}",
            LOOK,
            "openai_get_conversation",
            openai_conversations::openai_get_conversation,
        )
        .summary("Get a conversation, as the OpenAI SDKs do.")
        .gives(200, "OpenAiConversation"),
        Route::post(
            "/v1/conversations/{id}",
            KEEP,
            "openai_update_conversation",
            openai_conversations::openai_update_conversation,
        )
        .summary("Change what is noted on a conversation, as the OpenAI SDKs do.")
        .takes("OpenAiConversationChange")
        .gives(200, "OpenAiConversation"),
        Route::delete(
            "/v1/conversations/{id}",
            KEEP,
            "openai_delete_conversation",
            openai_conversations::openai_delete_conversation,
        )
        .summary("Delete a conversation with everything in it, as the OpenAI SDKs do.")
        .gives(200, "OpenAiDeletedConversation"),
    ]
}

fn items() -> Vec<Route<Chat>> {
    vec![
        Route::post(
            "/v1/conversations/{id}/items",
            KEEP,
            "openai_create_items",
            openai_conversations::openai_create_items,
        )
        .summary("Append items to a conversation, as the OpenAI SDKs do.")
        .takes("OpenAiItemsCreation")
        .gives(200, "OpenAiItemList")
        .body_bytes_max(RUN_BODY_BYTES_MAX),
        Route::get(
            "/v1/conversations/{id}/items",
            LOOK,
            "openai_list_items",
            openai_conversations::openai_list_items,
        )
        .summary("List the items of a conversation, the newest first, as the OpenAI SDKs do.")
        .query(&["limit", "after", "order"])
        .gives(200, "OpenAiItemList"),
        Route::get(
            "/v1/conversations/{id}/items/{item_id}",
            LOOK,
            "openai_get_item",
            openai_conversations::openai_get_item,
        )
        .summary("Get an item of a conversation, as the OpenAI SDKs do.")
        .gives(200, "OpenAiItem"),
    ]
}

fn responses() -> Vec<Route<Chat>> {
    vec![
        Route::post(
            "/v1/responses",
            WRITE,
            "openai_create_response",
            openai_responses::openai_create_response,
        )
        .summary("Let a model answer and keep it, as events or as a whole, as the OpenAI SDKs do.")
        .takes("OpenAiResponseCreation")
        .gives(200, "OpenAiResponse")
        .body_bytes_max(RUN_BODY_BYTES_MAX),
        Route::get(
            "/v1/responses/{id}",
            READ,
            "openai_get_response",
            openai_responses::openai_get_response,
        )
        .summary("Get a response, as events or as a whole, as the OpenAI SDKs do.")
        .query(&["stream", "starting_after", "include_obfuscation"])
        .gives(200, "OpenAiResponse"),
        Route::delete(
            "/v1/responses/{id}",
            WRITE,
            "openai_delete_response",
            openai_responses::openai_delete_response,
        )
        .summary("Delete a response, as the OpenAI SDKs do.")
        .gives(200, "OpenAiDeletedResponse"),
        Route::post(
            "/v1/responses/{id}/cancel",
            WRITE,
            "openai_cancel_response",
            openai_responses::openai_cancel_response,
        )
        .summary("Stop a response. What it has said stays.")
        .gives(200, "OpenAiResponse"),
        Route::get(
            "/v1/responses/{id}/input_items",
            READ,
            "openai_list_input_items",
            openai_responses::openai_list_input_items,
        )
        .summary("List the items that came with the request for a response, as the OpenAI SDKs do.")
        .query(&["limit", "after", "order"])
        .gives(200, "OpenAiItemList"),
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
    let gates = Gates::new(database, &settings.data, clock.clone(), entropy.clone(), peppers);
    let repeated = from_fn_with_state(state.clone(), http::repeat_answers);
    let router = table().into_router(state, &gates).layer(repeated);
    with_manners(router, Manners { clock, entropy })
}
