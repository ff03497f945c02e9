use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use idempotency::Claim;
use ids::{ConversationId, MemoryId};
use problem::JsonObject;

use crate::cursor::MemoryCursor;
use crate::error::ConversationError;
use crate::search_query::{SearchQuery, suffix};
use crate::service::{Memory, MemoryChange, MemoryFilter, MemoryKind, MemoryOwner, NewMemory};

/// Sorts after every id.
const BEYOND_EVERY_ID: &str = "~";

/// Writes a memory, over the fact with the same key if there is one; `None` when the account has no such source conversation.
pub async fn put_memory(
    database: &Database,
    owner: MemoryOwner,
    id: MemoryId,
    new: &NewMemory,
    now: UnixMillis,
    claim: &Claim,
) -> Result<Option<Memory>, ConversationError> {
    let statement = of(include_str!("../../queries/put_memory.sql"), owner)
        .bind(id.to_string())
        .bind(new.kind().as_str())
        .bind(new.key.clone())
        .bind(new.value.clone())
        .bind(new.metadata.as_ref().map_or("{}", JsonObject::as_str))
        .bind(new.source_conversation_id.map(|id| id.to_string()))
        .bind(now.0);
    let mut batch = vec![statement];
    let keep = claim.bind(include_str!("../../queries/claim_memory.sql"));
    batch.extend(keep.map(|statement| statement.bind(id.to_string()).bind(new.key.clone())));
    let results = database.batch(batch).await?;
    Ok(results.first().map(first).transpose()?.flatten())
}

/// One memory more than the filter's limit, if there are so many.
pub async fn list_memories(
    database: &Database,
    owner: MemoryOwner,
    filter: &MemoryFilter,
) -> Result<Vec<Memory>, ConversationError> {
    let (updated_at, id) = match filter.after {
        Some(MemoryCursor::Listed { updated_at, id }) => (updated_at.0, id.to_string()),
        Some(MemoryCursor::Found { .. }) | None => (i64::MAX, BEYOND_EVERY_ID.to_owned()),
    };
    let statement = of(include_str!("../../queries/list_memories.sql"), owner)
        .bind(updated_at)
        .bind(id)
        .bind(filter.kind.map(MemoryKind::as_str))
        .bind(filter.source.map(|id| id.to_string()))
        .bind(filter.limit.saturating_add(1));
    let rows = database.query(statement).await?;
    rows.iter().map(read_memory).collect()
}

/// The memories that a query finds, the newest first, each with its number.
pub async fn search_memories(
    database: &Database,
    owner: MemoryOwner,
    query: &SearchQuery,
    filter: &MemoryFilter,
    now: UnixMillis,
) -> Result<Vec<(i64, Memory)>, ConversationError> {
    let (account, user) = (owner.account.to_string(), owner.user.to_string());
    let before = match filter.after {
        Some(MemoryCursor::Found { number }) => number,
        Some(MemoryCursor::Listed { .. }) | None => i64::MAX,
    };
    let statement = of(include_str!("../../queries/search_memories.sql"), owner)
        .bind(query.expression([suffix(&account), suffix(&user)]))
        .bind(before)
        .bind(filter.kind.map(MemoryKind::as_str))
        .bind(filter.source.map(|id| id.to_string()))
        .bind(filter.limit)
        .bind(now.0);
    let rows = database.query(statement).await?;
    let found = rows.iter().map(|row| Ok((row.get("number")?, read_memory(row)?)));
    let mut found: Vec<(i64, Memory)> = found.collect::<Result<_, ConversationError>>()?;
    // What RETURNING gives has no promised order.
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    Ok(found)
}

/// Reads a memory and notes that it was read.
pub async fn get_memory(
    database: &Database,
    owner: MemoryOwner,
    id: MemoryId,
    now: UnixMillis,
) -> Result<Option<Memory>, ConversationError> {
    let statement =
        of(include_str!("../../queries/get_memory.sql"), owner).bind(id.to_string()).bind(now.0);
    first(&database.query(statement).await?)
}

pub async fn change_memory(
    database: &Database,
    owner: MemoryOwner,
    id: MemoryId,
    change: &MemoryChange,
    now: UnixMillis,
) -> Result<Option<Memory>, ConversationError> {
    let statement = of(include_str!("../../queries/update_memory.sql"), owner)
        .bind(id.to_string())
        .bind(change.value.clone())
        .bind(change.metadata.as_ref().map(JsonObject::as_str))
        .bind(now.0);
    first(&database.query(statement).await?)
}

/// Whether there was such a memory.
pub async fn delete_memory(
    database: &Database,
    owner: MemoryOwner,
    id: MemoryId,
) -> Result<bool, ConversationError> {
    let statement = of(include_str!("../../queries/delete_memory.sql"), owner).bind(id.to_string());
    Ok(!database.query(statement).await?.is_empty())
}

/// Deletes what came from one conversation, and tells how much that was.
pub async fn delete_memories_of_conversation(
    database: &Database,
    owner: MemoryOwner,
    conversation: ConversationId,
) -> Result<usize, ConversationError> {
    let sql = include_str!("../../queries/delete_memories_of_conversation.sql");
    let statement = of(sql, owner).bind(conversation.to_string());
    Ok(database.query(statement).await?.len())
}

fn of(sql: &'static str, owner: MemoryOwner) -> Statement {
    Statement::new(sql).bind(owner.account.to_string()).bind(owner.user.to_string())
}

fn first(rows: &Rows) -> Result<Option<Memory>, ConversationError> {
    rows.first().map(read_memory).transpose()
}

fn read_memory(row: Row<'_>) -> Result<Memory, ConversationError> {
    let key: Option<String> = row.get("key")?;
    let source: Option<String> = row.get("source_conversation_id")?;
    let last_accessed_at: Option<i64> = row.get("last_accessed_at")?;
    Ok(Memory {
        id: row.get::<String>("id")?.parse()?,
        kind: if key.is_some() { MemoryKind::Fact } else { MemoryKind::Episode },
        key,
        value: row.get("value")?,
        source_conversation_id: source.map(|id| id.parse()).transpose()?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        created_at: UnixMillis(row.get("created_at")?),
        updated_at: UnixMillis(row.get("updated_at")?),
        last_accessed_at: last_accessed_at.map(UnixMillis),
    })
}
