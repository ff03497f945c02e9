use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use idempotency::Claim;
use ids::{AccountId, ConversationId, MessageId};
use serde_json::value::RawValue;

use crate::cursor::Place;
use crate::error::ConversationError;
use crate::service::{PAGE_BYTES_MAX, PathChoice, StoredPage};
use message::{Append, NewMessage};

/// Which messages are read, and when.
#[derive(Clone, Copy)]
pub struct Read {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub path: PathChoice,
    pub now: UnixMillis,
}

/// Appends a message; `None` when there is no such conversation, or no such message in it as the position names.
pub async fn append_message(
    database: &Database,
    append: Append,
    id: MessageId,
    message: &NewMessage,
    claim: &Claim,
) -> Result<Option<Box<RawValue>>, ConversationError> {
    let mut batch = vec![append.message(id, message)?];
    let sql = include_str!("../../queries/claim_message.sql");
    batch.extend(claimed(append, claim, sql, id));
    let results = database.batch(batch).await?;
    let Some(row) = results.first().and_then(Rows::first) else { return Ok(None) };
    Ok(Some(RawValue::from_string(row.get("wire")?)?))
}

/// Appends messages that answer one another, in order; none when there is no such conversation, or no such message in it as the position
/// names.
pub async fn append_messages(
    database: &Database,
    append: Append,
    ids: &[MessageId],
    messages: &[NewMessage],
    claim: &Claim,
) -> Result<Vec<Box<RawValue>>, ConversationError> {
    let mut batch = vec![append.messages(ids, messages)?];
    let sql = include_str!("../../queries/claim_messages.sql");
    batch.extend(ids.first().and_then(|first| claimed(append, claim, sql, *first)));
    let results = database.batch(batch).await?;
    let rows = results.into_iter().next().unwrap_or_default();
    let stored = rows.iter().map(|row| {
        let seq: i64 = row.get("seq")?;
        Ok((seq, RawValue::from_string(row.get("wire")?)?))
    });
    let mut stored: Vec<_> = stored.collect::<Result<_, ConversationError>>()?;
    // What RETURNING gives has no promised order.
    stored.sort_by_key(|(seq, _)| *seq);
    Ok(stored.into_iter().map(|(_, wire)| wire).collect())
}

/// A page of messages on one side of a place. `None` when there is no such conversation, `Some(None)` when it has no such path.
pub async fn page_messages(
    database: &Database,
    read: Read,
    place: Place,
    limit: u32,
) -> Result<Option<Option<StoredPage>>, ConversationError> {
    let (sql, seq) = match place {
        Place::Before(seq) => (include_str!("../../queries/page_messages_before.sql"), seq),
        Place::After(seq) => (include_str!("../../queries/page_messages_after.sql"), seq),
    };
    let (leaf, tip, all) = match read.path {
        PathChoice::Newest => (None, None, false),
        PathChoice::To(leaf) => (Some(leaf.to_string()), None, false),
        PathChoice::ToSeq(seq) => (None, Some(seq), false),
        PathChoice::All(seq) => (None, Some(seq), true),
    };
    let statement = Statement::new(sql)
        .bind(read.account.to_string())
        .bind(read.conversation.to_string())
        .bind(seq)
        .bind(limit)
        .bind(PAGE_BYTES_MAX)
        .bind(leaf)
        .bind(tip)
        .bind(all)
        .bind(read.now.0);
    let rows = database.query(statement).await?;
    rows.first().map(read_page).transpose()
}

/// Keeps what was appended as the answer, if there is a claim.
fn claimed(
    append: Append,
    claim: &Claim,
    sql: &'static str,
    first: MessageId,
) -> Option<Statement> {
    let statement = claim.bind(sql)?;
    Some(statement.bind(first.to_string()).bind(append.conversation.to_string()))
}

fn read_page(row: Row<'_>) -> Result<Option<StoredPage>, ConversationError> {
    let Some(tip) = row.get("tip_seq")? else { return Ok(None) };
    let first: Option<i64> = row.get("first_seq")?;
    let last: Option<i64> = row.get("last_seq")?;
    let has_more: Option<bool> = row.get("has_more")?;
    Ok(Some(StoredPage {
        data: row.get("data")?,
        span: first.zip(last),
        tip,
        has_more: has_more.unwrap_or(false),
    }))
}
