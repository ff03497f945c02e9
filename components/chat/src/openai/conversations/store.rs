use database::{Row, Rows, Statement};
use ids::{AccountId, ConversationId, Id, MessageId};
use message::{Append, NewMessage, Position};
use problem::{JsonObject, Problem};

use super::ConversationObject;
use crate::error::ChatError;
use crate::openai::items::{Order, PageQuery, Stored};
use crate::openai::metadata::Metadata;
use crate::service::Chat;

/// How many bytes of messages a page holds, but for the last one.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many pieces of a long conversation its deletion removes at once; the rest is left to the sweep.
const PIECES_MAX: usize = 4;

pub async fn create_conversation(
    chat: &Chat,
    account: AccountId,
    metadata: &Metadata,
    messages: &[NewMessage],
) -> Result<ConversationObject, ChatError> {
    let now = chat.clock.now();
    let id = Id::generate(now, &chat.entropy)?;
    let mut batch = vec![insert(chat, account, id, metadata)?];
    if !messages.is_empty() {
        batch.push(append(chat, account, id, messages)?);
    }
    batch.push(find(chat, account, id));
    let results = chat.database.batch(batch).await?;
    read(id, results.last().and_then(Rows::first))
}

/// The statement that makes a conversation.
pub fn insert(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
    metadata: &Metadata,
) -> Result<Statement, ChatError> {
    Ok(Statement::new(include_str!("../../../queries/insert_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(serde_json::to_string(metadata)?)
        .bind(chat.clock.now().0))
}

/// # Errors
/// [`ChatError::NotFound`].
pub async fn get_conversation(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
) -> Result<ConversationObject, ChatError> {
    let rows = chat.database.query(find(chat, account, id)).await?;
    read(id, rows.first())
}

pub async fn update_conversation(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
    metadata: &Metadata,
) -> Result<ConversationObject, ChatError> {
    let statement = Statement::new(include_str!("../../../queries/update_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(serde_json::to_string(metadata)?)
        .bind(chat.clock.now().0);
    let rows = chat.database.query(statement).await?;
    read(id, rows.first())
}

/// Deletes a conversation with everything in it. It is gone at once; what is left of a long one goes with the sweep.
pub async fn delete_conversation(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
) -> Result<(), ChatError> {
    let mark = Statement::new(include_str!("../../../queries/delete_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(chat.clock.now().0);
    let mut batch = vec![mark];
    batch.extend(sweep::piece_of_conversation(account, id));
    let results = chat.database.batch(batch).await?;
    if results.first().is_none_or(Rows::is_empty) {
        return Err(ChatError::NotFound);
    }
    remove_rest(chat, account, id, &results).await
}

/// Removes more of a conversation of which a piece was removed.
pub async fn remove_rest(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
    first: &[Rows],
) -> Result<(), ChatError> {
    let name = id.to_string();
    let is_whole = |results: &[Rows]| {
        let is_it = |row: Row<'_>| row.get("id").is_ok_and(|found: &str| found == name);
        results.last().is_some_and(|rows| rows.iter().any(is_it))
    };
    let mut is_gone = is_whole(first);
    for _ in 1..PIECES_MAX {
        if is_gone {
            break;
        }
        let pieces = sweep::piece_of_conversation(account, id).into();
        is_gone = is_whole(&chat.database.batch(pieces).await?);
    }
    Ok(())
}

/// The messages as they are stored then.
pub async fn append_items(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
    messages: &[NewMessage],
) -> Result<Vec<Stored>, ChatError> {
    let rows = chat.database.query(append(chat, account, id, messages)?).await?;
    if rows.is_empty() {
        return Err(ChatError::NotFound);
    }
    stored(&rows)
}

/// The messages in which a page of items is, and whether there are others behind them.
pub async fn list_messages(
    chat: &Chat,
    account: AccountId,
    id: ConversationId,
    query: &PageQuery,
) -> Result<(Vec<Stored>, bool), Problem> {
    // Each message has an item, but for the answers that were cut before they began; one is that of the item after which the page begins.
    let most = query.limit()? + 2;
    let sql = match query.order {
        Order::Asc => include_str!("../../../queries/list_messages_from.sql"),
        Order::Desc => include_str!("../../../queries/list_messages_back_from.sql"),
    };
    let statement = Statement::new(sql)
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(query.after.map(|item| item.message.to_string()))
        .bind(u32::try_from(most).unwrap_or(u32::MAX))
        .bind(u32::try_from(PAGE_BYTES_MAX).unwrap_or(u32::MAX));
    let rows = chat.database.query(statement).await?;
    let bytes: usize =
        rows.iter().filter_map(|row| row.get::<&str>("wire").ok()).map(str::len).sum();
    let has_more = most <= rows.len() || PAGE_BYTES_MAX <= bytes;
    Ok((stored(&rows)?, has_more))
}

pub async fn get_message(
    chat: &Chat,
    account: AccountId,
    conversation: ConversationId,
    id: MessageId,
) -> Result<Option<Stored>, ChatError> {
    let statement = Statement::new(include_str!("../../../queries/get_message_in.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(id.to_string());
    Ok(stored(&chat.database.query(statement).await?)?.pop())
}

/// Messages out of the rows of a query.
pub fn stored(rows: &Rows) -> Result<Vec<Stored>, ChatError> {
    rows.iter().map(|row| Ok(serde_json::from_str(row.get("wire")?)?)).collect()
}

fn append(
    chat: &Chat,
    account: AccountId,
    conversation: ConversationId,
    messages: &[NewMessage],
) -> Result<Statement, ChatError> {
    let now = chat.clock.now();
    let ids: Result<Vec<MessageId>, _> =
        messages.iter().map(|_| Id::generate(now, &chat.entropy)).collect();
    let append = Append { account, conversation, position: Position::Newest, now };
    Ok(append.messages(&ids?, messages)?)
}

fn find(chat: &Chat, account: AccountId, id: ConversationId) -> Statement {
    Statement::new(include_str!("../../../queries/get_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(chat.clock.now().0)
}

fn read(id: ConversationId, row: Option<Row<'_>>) -> Result<ConversationObject, ChatError> {
    let row = row.ok_or(ChatError::NotFound)?;
    let created_at = ambient::UnixMillis(row.get("created_at")?).as_seconds();
    let metadata = JsonObject::stored(row.get("metadata")?)?;
    Ok(ConversationObject { id, object: "conversation", created_at, metadata })
}
