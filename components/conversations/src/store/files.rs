use ambient::UnixMillis;
use database::{Database, Row, Rows, Statement};
use ids::{AccountId, ConversationId, FileId};
use problem::JsonObject;

use crate::error::ConversationError;
use crate::service::{AttachedFile, FILES_MAX};

/// Attaches a file and gives it. `None` when there is no such conversation or no such file, or there are too many.
pub async fn attach_file(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    file: FileId,
    now: UnixMillis,
) -> Result<Option<AttachedFile>, ConversationError> {
    let attach = Statement::new(include_str!("../../queries/attach_file.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(file.to_string())
        .bind(now.0)
        .bind(FILES_MAX);
    let get = bind_get(account, conversation, file, now);
    let results = database.batch(vec![attach, get]).await?;
    results.last().and_then(Rows::first).map(read_file).transpose()
}

/// A file that is attached to a conversation.
pub async fn get_attached_file(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    file: FileId,
    now: UnixMillis,
) -> Result<Option<AttachedFile>, ConversationError> {
    let rows = database.query(bind_get(account, conversation, file, now)).await?;
    rows.first().map(read_file).transpose()
}

pub async fn list_attached_files(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    now: UnixMillis,
) -> Result<Vec<AttachedFile>, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/list_attached_files.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(now.0);
    database.query(statement).await?.iter().map(read_file).collect()
}

/// Whether the file was attached.
pub async fn detach_file(
    database: &Database,
    account: AccountId,
    conversation: ConversationId,
    file: FileId,
    now: UnixMillis,
) -> Result<bool, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/detach_file.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(file.to_string())
        .bind(now.0);
    Ok(!database.query(statement).await?.is_empty())
}

fn bind_get(
    account: AccountId,
    conversation: ConversationId,
    file: FileId,
    now: UnixMillis,
) -> Statement {
    Statement::new(include_str!("../../queries/get_attached_file.sql"))
        .bind(account.to_string())
        .bind(conversation.to_string())
        .bind(file.to_string())
        .bind(now.0)
}

fn read_file(row: Row<'_>) -> Result<AttachedFile, ConversationError> {
    Ok(AttachedFile {
        id: row.get::<String>("id")?.parse()?,
        bucket: row.get("bucket")?,
        name: row.get("name")?,
        mime_type: row.get("mime_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        created_at: UnixMillis(row.get("created_at")?),
        attached_at: UnixMillis(row.get("attached_at")?),
    })
}
