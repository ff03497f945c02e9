use ambient::UnixMillis;
use database::{Database, Row, Statement};
use idempotency::Claim;
use ids::{AccountId, ConversationId, MessageId, ShareId};
use problem::JsonObject;

use super::conversations::{bind_get, claimed, first};
use crate::error::ConversationError;
use crate::service::{Conversation, NewConversation, Path, SHARES_MAX, Share, Snapshot};

/// A path in a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub tip_seq: i64,
}

/// A share that is about to be written.
pub struct NewShare<'a> {
    pub share: &'a Share,
    pub hash: [u8; 32],
    pub tip_seq: i64,
    /// Keeps the answer, if there is a claim.
    pub kept: Option<Statement>,
}

/// The path to a message, or to the newest one. `None` when there is no such conversation, `Some(None)` when it has no such message.
pub async fn measure_path(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    message: Option<MessageId>,
    now: UnixMillis,
) -> Result<Option<Option<Path>>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/measure_path.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(message.map(|id| id.to_string()))
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let tip_seq: Option<i64> = row.get("tip_seq")?;
    let (messages, title) = (row.get("messages")?, row.get("title")?);
    Ok(Some(tip_seq.map(|tip_seq| Path { tip_seq, messages, title })))
}

/// A new conversation of `account` with copies of the messages of a path. A fork lives as long as its source. What goes to another account goes without metadata and without
/// instructions of the system. `ids` are those of the conversation and of its messages; see `copy_messages.sql`.
pub async fn copy_conversation(
    database: &Database,
    source: Source,
    account: AccountId,
    ids: (ConversationId, MessageId),
    new: &NewConversation,
    (now, claim): (UnixMillis, &Claim),
) -> Result<Conversation, ConversationError> {
    let (id, message_id) = ids;
    let insert = Statement::new(include_str!("../../queries/insert_copy.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(new.title.clone())
        .bind(new.metadata.as_ref().map_or("{}", JsonObject::as_str))
        .bind(now.0)
        .bind(source.account.to_string())
        .bind(source.conversation.to_string());
    let copy = Statement::new(include_str!("../../queries/copy_messages.sql"))
        .bind(source.account.to_string())
        .bind(source.conversation.to_string())
        .bind(source.tip_seq)
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(message_id.to_string())
        .bind(source.account != account)
        .bind(now.0);
    let mut batch = vec![insert, copy, bind_get(account, id, now)];
    batch.extend(claimed(claim, id));
    let results = database.batch(batch).await?;
    let copied = results.get(2).map(first).transpose()?.flatten();
    copied.ok_or(ConversationError::NotFound)
}

/// `false` when there is no such conversation, or it has too many shares.
pub async fn create_share(
    database: &Database,
    account: AccountId,
    new: NewShare<'_>,
) -> Result<bool, ConversationError> {
    let NewShare { share, hash, tip_seq, kept } = new;
    let statement = Statement::new(include_str!("../../queries/insert_share.sql"))
        .bind(account.to_string())
        .bind(share.conversation_id.to_string())
        .bind(share.id.to_string())
        .bind(hash.as_slice())
        .bind(tip_seq)
        .bind(share.created_at.0)
        .bind(SHARES_MAX)
        .bind(share.title.clone());
    let mut batch = vec![statement];
    batch.extend(kept);
    let results = database.batch(batch).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

pub async fn list_shares(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
) -> Result<Vec<Share>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/list_shares.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string());
    database.query(statement).await?.iter().map(read_share).collect()
}

/// Whether there was such a share.
pub async fn delete_share(
    database: &Database,
    account: AccountId,
    id: ShareId,
    now: UnixMillis,
) -> Result<bool, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/delete_share.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(now.0);
    Ok(!database.query(statement).await?.is_empty())
}

/// What the token with this hash leads to.
pub async fn find_share(
    database: &Database,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<Snapshot>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/find_share.sql"))
        .bind(hash.as_slice())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Snapshot {
        account: row.get::<String>("account_id")?.parse()?,
        conversation: row.get::<String>("conversation_id")?.parse()?,
        tip_seq: row.get("tip_seq")?,
        title: row.get("title")?,
        created_at: UnixMillis(row.get("created_at")?),
    }))
}

fn read_share(row: Row<'_>) -> Result<Share, ConversationError> {
    Ok(Share {
        id: row.get::<String>("id")?.parse()?,
        conversation_id: row.get::<String>("conversation_id")?.parse()?,
        title: row.get("title")?,
        created_at: UnixMillis(row.get("created_at")?),
    })
}
