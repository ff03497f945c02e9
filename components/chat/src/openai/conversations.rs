//! `/v1/conversations`: the account's conversations, and what is said in them as items.

pub mod store;

use axum::extract::State;
use caller::Caller;
use ids::ConversationId;
use message::NewMessage;
use problem::{Json, JsonObject, Path, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::items::{self, Item, ItemId, ItemList, PageQuery, Stored};
use super::metadata::{self, Metadata};
use crate::error::ChatError;
use crate::service::Chat;

/// How many items are taken at once, as OpenAI does.
const ITEMS_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationBody {
    #[serde(default)]
    items: Option<Vec<Value>>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeBody {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsBody {
    items: Vec<Value>,
}

/// OpenAI's "conversation object".
#[derive(Serialize)]
pub struct ConversationObject {
    id: ConversationId,
    object: &'static str,
    /// Whole seconds since 1970.
    created_at: u64,
    metadata: JsonObject,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's name")]
pub struct Deleted {
    id: ConversationId,
    object: &'static str,
    deleted: bool,
}

/// `POST /v1/conversations`
pub async fn openai_create_conversation(
    caller: Caller,
    State(chat): State<Chat>,
    Json(body): Json<ConversationBody>,
) -> Result<Json<ConversationObject>, Problem> {
    let account = caller.account_id;
    let metadata = body.metadata.unwrap_or_default();
    metadata::check(&metadata)?;
    let messages = read(body.items.unwrap_or_default())?;
    chat.check_files(account, items::files(&messages, "/items")).await?;
    Ok(Json(store::create_conversation(&chat, account, &metadata, &messages).await?))
}

/// `GET /v1/conversations/{id}`
pub async fn openai_get_conversation(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ConversationId>,
) -> Result<Json<ConversationObject>, Problem> {
    Ok(Json(store::get_conversation(&chat, caller.account_id, id).await?))
}

/// `POST /v1/conversations/{id}`
pub async fn openai_update_conversation(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ConversationId>,
    Json(body): Json<ChangeBody>,
) -> Result<Json<ConversationObject>, Problem> {
    metadata::check(&body.metadata)?;
    Ok(Json(store::update_conversation(&chat, caller.account_id, id, &body.metadata).await?))
}

/// `DELETE /v1/conversations/{id}`
pub async fn openai_delete_conversation(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ConversationId>,
) -> Result<Json<Deleted>, Problem> {
    store::delete_conversation(&chat, caller.account_id, id).await?;
    Ok(Json(Deleted { id, object: "conversation.deleted", deleted: true }))
}

/// `POST /v1/conversations/{id}/items`
pub async fn openai_create_items(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ConversationId>,
    Json(body): Json<ItemsBody>,
) -> Result<Json<ItemList>, Problem> {
    let account = caller.account_id;
    store::get_conversation(&chat, account, id).await?;
    let messages = read(body.items)?;
    if messages.is_empty() {
        return Err(ChatError::invalid("/items", "There must be at least one.").into());
    }
    chat.check_files(account, items::files(&messages, "/items")).await?;
    let appended = store::append_items(&chat, account, id, &messages).await?;
    Ok(Json(ItemList::whole(appended.iter().flat_map(Stored::items).collect())))
}

/// `GET /v1/conversations/{id}/items`
pub async fn openai_list_items(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<ConversationId>,
    problem::Query(query): problem::Query<PageQuery>,
) -> Result<Json<ItemList>, Problem> {
    let account = caller.account_id;
    store::get_conversation(&chat, account, id).await?;
    let (messages, has_more) = store::list_messages(&chat, account, id, &query).await?;
    Ok(Json(query.page(in_order(&messages, query.order), has_more)?))
}

/// `GET /v1/conversations/{id}/items/{item_id}`
pub async fn openai_get_item(
    caller: Caller,
    State(chat): State<Chat>,
    Path((id, item)): Path<(ConversationId, ItemId)>,
) -> Result<Json<Item>, Problem> {
    let account = caller.account_id;
    store::get_conversation(&chat, account, id).await?;
    let message = store::get_message(&chat, account, id, item.message).await?;
    let items = message.as_ref().map(Stored::items).unwrap_or_default();
    let found = items.into_iter().find(|one| one.id() == item);
    found.map(Json).ok_or_else(Problem::not_found)
}

/// The items of these messages, in the same order.
pub fn in_order(messages: &[Stored], order: items::Order) -> Vec<Item> {
    let of_one = |message: &Stored| {
        let mut items = message.items();
        if order == items::Order::Desc {
            items.reverse();
        }
        items
    };
    messages.iter().flat_map(of_one).collect()
}

fn read(given: Vec<Value>) -> Result<Vec<NewMessage>, ChatError> {
    if ITEMS_MAX < given.len() {
        let detail = format!("There may be at most {ITEMS_MAX} at once.");
        return Err(ChatError::invalid("/items", detail));
    }
    items::read(given, "/items")
}
