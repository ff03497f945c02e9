use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use idempotency::Claim;
use ids::{AccountId, ConversationId};
use problem::{IfMatch, JsonObject};

use crate::cursor::ConversationCursor;
use crate::error::ConversationError;
use crate::lifetime::LifetimeChange;
use crate::service::{
    Conversation, ConversationChange, ConversationFilter, NewConversation, TitleChange,
};

/// What is left of a conversation that is gone.
pub struct Removed {
    /// Whether nothing is left of it.
    pub is_whole: bool,
}

impl Removed {
    /// What the last statement of a piece gave: the ids of conversations of which nothing is left.
    fn by(results: &[Rows], id: ConversationId) -> Self {
        let id = id.to_string();
        let is_id = |found: &str| found == id;
        let is_whole = results
            .last()
            .is_some_and(|rows| rows.iter().any(|row| row.get("id").is_ok_and(is_id)));
        Self { is_whole }
    }
}

/// Sorts after every id.
const BEYOND_EVERY_ID: &str = "~";

pub async fn create_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
    claim: &Claim,
) -> Result<Conversation, ConversationError> {
    let sql = include_str!("../../queries/insert_conversation.sql");
    let mut batch = Vec::from(sweep::piece_of_account(account, now));
    batch.extend(release(account, new, now));
    batch.extend([bind_new(sql, account, id, new, now), bind_get(account, id, now)]);
    let got = batch.len() - 1;
    batch.extend(claimed(claim, id));
    match database.batch(batch).await {
        Ok(results) => {
            let created = results.get(got).map(first).transpose()?.flatten();
            created.ok_or(ConversationError::NotFound)
        }
        Err(error) if error.is_unique("conversation.account_id, conversation.continuation_id") => {
            Err(ConversationError::ContinuationIdTaken)
        }
        Err(error) => Err(error.into()),
    }
}

/// The conversation with the continuation id of `new`, and whether it was created.
pub async fn get_or_create_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
) -> Result<(Conversation, bool), ConversationError> {
    let find = || {
        Statement::new(include_str!("../../queries/find_conversation_by_continuation.sql"))
            .bind(account.to_string())
            .bind(new.continuation_id.clone())
            .bind(now.0)
    };
    // It is there nearly always, and reading it holds up no writer.
    if let Some(conversation) = first(&database.query(find()).await?)? {
        return Ok((conversation, false));
    }
    let sql = include_str!("../../queries/insert_conversation_if_new.sql");
    let mut batch = Vec::from(sweep::piece_of_account(account, now));
    batch.extend(release(account, new, now));
    batch.extend([bind_new(sql, account, id, new, now), find()]);
    let results = database.batch(batch).await?;
    let is_created = results.iter().rev().nth(1).is_some_and(|rows| !rows.is_empty());
    last(&results)?
        .map(|conversation| (conversation, is_created))
        .ok_or(ConversationError::NotFound)
}

pub async fn get_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    now: UnixMillis,
) -> Result<Option<Conversation>, ConversationError> {
    first(&database.query(bind_get(account, id, now)).await?)
}

/// One conversation more than the filter's limit, if there are so many.
pub async fn list_conversations(
    database: &Database,
    account: AccountId,
    filter: &ConversationFilter,
    now: UnixMillis,
) -> Result<Vec<Conversation>, ConversationError> {
    let (active_at, id) = match filter.after {
        Some(ConversationCursor { active_at, id }) => (active_at.0, id.to_string()),
        None => (i64::MAX, BEYOND_EVERY_ID.to_owned()),
    };
    let statement = Statement::new(include_str!("../../queries/list_conversations.sql"))
        .bind(account.to_string())
        .bind(active_at)
        .bind(id)
        .bind(filter.archived)
        .bind(filter.pinned)
        .bind(filter.temporary)
        .bind(now.0)
        .bind(filter.limit.saturating_add(1));
    let rows = database.query(statement).await?;
    rows.iter().map(read_conversation).collect()
}

/// Changes a conversation; `None` when it does not exist in one of the versions of `if_match`.
pub async fn change_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    if_match: &IfMatch,
    change: &ConversationChange,
    now: UnixMillis,
) -> Result<Option<Conversation>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/update_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(if_match.versions())
        .bind(!matches!(change.title, TitleChange::Stay))
        .bind(change.title.new_title())
        .bind(change.metadata.as_ref().map(JsonObject::as_str))
        .bind(change.pinned)
        .bind(change.archived)
        .bind(now.0)
        .bind(!matches!(change.lifetime, LifetimeChange::Stay))
        .bind(change.lifetime.new_lifetime().map(|lifetime| lifetime.ms));
    let results = database.batch(vec![statement, bind_get(account, id, now)]).await?;
    if results.first().is_none_or(Rows::is_empty) {
        return Ok(None);
    }
    last(&results)
}

/// Marks a conversation as gone and removes a first piece of it, which is all of a short one. `None` when it does not exist in one of the
/// versions of `if_match`.
pub async fn delete_conversation(
    database: &Database,
    account: AccountId,
    id: ConversationId,
    if_match: &IfMatch,
    now: UnixMillis,
) -> Result<Option<Removed>, ConversationError> {
    let mark = Statement::new(include_str!("../../queries/delete_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(if_match.versions())
        .bind(now.0);
    let mut batch = vec![mark];
    batch.extend(sweep::piece_of_conversation(account, id));
    let results = database.batch(batch).await?;
    let is_marked = results.first().is_some_and(|rows| !rows.is_empty());
    Ok(is_marked.then(|| Removed::by(&results, id)))
}

/// Removes a piece of a conversation that is gone.
pub async fn remove_piece(
    database: &Database,
    account: AccountId,
    id: ConversationId,
) -> Result<Removed, ConversationError> {
    let results = database.batch(sweep::piece_of_conversation(account, id).into()).await?;
    Ok(Removed::by(&results, id))
}

/// Keeps the conversation as the answer, if there is a claim.
pub(super) fn claimed(claim: &Claim, id: ConversationId) -> Option<Statement> {
    let sql = include_str!("../../queries/claim_conversation.sql");
    claim.bind(sql).map(|statement| statement.bind(id.to_string()))
}

fn bind_new(
    sql: &'static str,
    account: AccountId,
    id: ConversationId,
    new: &NewConversation,
    now: UnixMillis,
) -> Statement {
    Statement::new(sql)
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(new.continuation_id.clone())
        .bind(new.title.clone())
        .bind(new.metadata.as_ref().map_or("{}", JsonObject::as_str))
        .bind(new.lifetime.map(|lifetime| lifetime.ms))
        .bind(now.0)
}

pub(super) fn bind_get(account: AccountId, id: ConversationId, now: UnixMillis) -> Statement {
    Statement::new(include_str!("../../queries/get_conversation.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(now.0)
}

/// Frees the continuation id of `new`, if it has one, from a conversation that has ended.
fn release(account: AccountId, new: &NewConversation, now: UnixMillis) -> Option<Statement> {
    let continuation_id = new.continuation_id.as_deref()?;
    let statement = Statement::new(include_str!("../../queries/release_continuation.sql"))
        .bind(account.to_string())
        .bind(continuation_id)
        .bind(now.0);
    Some(statement)
}

/// The conversation that the last statement of a batch read.
pub(super) fn last(results: &[Rows]) -> Result<Option<Conversation>, ConversationError> {
    results.last().map(first).transpose().map(Option::flatten)
}

pub(super) fn first(rows: &Rows) -> Result<Option<Conversation>, ConversationError> {
    rows.first().map(read_conversation).transpose()
}

fn read_conversation(row: Row<'_>) -> Result<Conversation, ConversationError> {
    let time = |column: &str| row.get::<i64>(column).map(UnixMillis);
    let last_message_at: Option<i64> = row.get("last_message_at")?;
    let lifetime_ms: Option<i64> = row.get("lifetime_ms")?;
    let expires_at: Option<i64> = row.get("expires_at")?;
    Ok(Conversation {
        id: row.get::<String>("id")?.parse()?,
        continuation_id: row.get("continuation_id")?,
        title: row.get("title")?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        message_count: row.get("message_count")?,
        pinned: row.get("pinned")?,
        archived: row.get("archived")?,
        temporary: lifetime_ms.is_some(),
        expires_at: expires_at.map(UnixMillis),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        last_message_at: last_message_at.map(UnixMillis),
        version: row.get("version")?,
        active_at: time("active_at")?,
    })
}
