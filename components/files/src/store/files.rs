use ambient::UnixMillis;
use database::{Database, Row, Statement};
use idempotency::Claim;
use ids::{AccountId, FileId, PartId};
use problem::JsonObject;
use settings::FilesSettings;

use crate::error::{FileError, StoredError};
use crate::media_type::MediaType;
use crate::name::FileName;
use crate::service::{File, FileChange, FileFilter, Order, Part, Purpose};
use crate::writer::{PartName, Written};

/// Sorts after every id, and the empty text before.
const BEYOND_EVERY_ID: &str = "~";

/// What a file is before its bytes are there.
pub struct Reservation<'a> {
    pub account: AccountId,
    pub file: FileId,
    pub bucket: &'a str,
    pub name: &'a FileName,
    pub media_type: &'a MediaType,
    pub size: u64,
    pub metadata: Option<&'a JsonObject>,
    pub purpose: Purpose,
    pub until: UnixMillis,
}

/// What it is when they are.
pub struct Finished<'a> {
    pub account: AccountId,
    pub file: FileId,
    pub size: u64,
    pub sha256: [u8; 32],
    pub metadata: Option<&'a JsonObject>,
    pub purpose: Option<Purpose>,
    pub media_type: &'a MediaType,
}

impl Reservation<'_> {
    /// The statement that reserves the room, and gives no row when there is none.
    pub(super) fn statement(&self, settings: &FilesSettings, now: UnixMillis) -> Statement {
        Statement::new(include_str!("../../queries/insert_file.sql"))
            .bind(self.account.to_string())
            .bind(self.file.to_string())
            .bind(self.bucket)
            .bind(self.name.as_str())
            .bind(self.media_type.as_str())
            .bind(integer(self.size))
            .bind(self.metadata.map_or("{}", JsonObject::as_str))
            .bind(self.purpose.as_str())
            .bind(self.until.0)
            .bind(now.0)
            .bind(integer(settings.quota_bytes))
            .bind(settings.quota_files)
    }
}

impl Finished<'_> {
    /// The statement that lets the file be seen, made of these parts and no others.
    pub(super) fn statement(
        &self,
        parts: &[PartId],
        now: UnixMillis,
    ) -> Result<Statement, FileError> {
        Ok(Statement::new(include_str!("../../queries/finish_file.sql"))
            .bind(self.account.to_string())
            .bind(self.file.to_string())
            .bind(integer(self.size))
            .bind(self.sha256.to_vec())
            .bind(self.metadata.map(JsonObject::as_str))
            .bind(self.purpose.map(Purpose::as_str))
            .bind(self.media_type.as_str())
            .bind(now.0)
            .bind(serde_json::to_string(parts)?))
    }
}

/// Reserves room for a file and begins its one part; `false` when there is none.
pub async fn reserve_file(
    database: &Database,
    reservation: &Reservation<'_>,
    settings: &FilesSettings,
    part: PartName,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let begin = of(include_str!("../../queries/insert_part.sql"), part.account, part.file)
        .bind(part.part.to_string())
        .bind(now.0);
    let results = database.batch(vec![reservation.statement(settings, now), begin]).await?;
    Ok(results.last().is_some_and(|rows| !rows.is_empty()))
}

/// Reserves so many bytes in all for a file that is being written; `false` when there is no room, or the file was given up.
pub async fn extend_file(
    database: &Database,
    part: PartName,
    bytes: u64,
    quota: u64,
    until: UnixMillis,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let extend = of(include_str!("../../queries/extend_file.sql"), part.account, part.file)
        .bind(integer(bytes))
        .bind(until.0)
        .bind(integer(quota));
    let touch = of(include_str!("../../queries/touch_part.sql"), part.account, part.file)
        .bind(part.part.to_string())
        .bind(integer(bytes))
        .bind(now.0);
    let results = database.batch(vec![extend, touch]).await?;
    Ok(results.iter().all(|rows| !rows.is_empty()))
}

/// Makes a file complete that has one part; `None` when it was given up. The answer is kept for a repetition of the request.
pub async fn finish_file(
    database: &Database,
    finished: &Finished<'_>,
    part: PartName,
    written: &Written,
    claim: &Claim,
    now: UnixMillis,
) -> Result<Option<File>, FileError> {
    let Some(mut file) = get_pending(database, part).await? else { return Ok(None) };
    file.sha256 = hex(&finished.sha256);
    file.size_bytes = finished.size;
    file.purpose = finished.purpose.unwrap_or(file.purpose);
    if let Some(metadata) = finished.metadata {
        file.metadata = metadata.clone();
    }
    let finish_part =
        bind_written(include_str!("../../queries/finish_part.sql"), part, Some(1), written);
    let mut batch = vec![finish_part, finished.statement(&[part.part], now)?];
    let answer = serde_json::to_vec(&file)?;
    batch.extend(claim.seal(&answer, Some(part.file.to_string()))?);
    let results = database.batch(batch).await?;
    let is_finished = results.get(1).is_some_and(|rows| !rows.is_empty());
    Ok(is_finished.then_some(file))
}

/// A file that is not complete, as it will be.
async fn get_pending(database: &Database, part: PartName) -> Result<Option<File>, FileError> {
    let statement = of(include_str!("../../queries/get_pending_file.sql"), part.account, part.file);
    database.query(statement).await?.first().map(read_file).transpose()
}

/// Whether there was such a file, and it was not complete.
pub async fn delete_pending_file(
    database: &Database,
    account: AccountId,
    file: FileId,
) -> Result<bool, FileError> {
    let statement = of(include_str!("../../queries/delete_pending_file.sql"), account, file);
    Ok(!database.query(statement).await?.is_empty())
}

pub async fn get_file(
    database: &Database,
    account: AccountId,
    file: FileId,
) -> Result<Option<File>, FileError> {
    let statement = of(include_str!("../../queries/get_file.sql"), account, file);
    database.query(statement).await?.first().map(read_file).transpose()
}

/// A file with its parts in order.
pub async fn get_content(
    database: &Database,
    account: AccountId,
    file: FileId,
) -> Result<Option<(File, Vec<Part>)>, FileError> {
    read_content(database, of(include_str!("../../queries/get_content.sql"), account, file)).await
}

/// A file that everybody may read, with its parts in order.
pub async fn get_public_content(
    database: &Database,
    account: AccountId,
    file: FileId,
) -> Result<Option<(File, Vec<Part>)>, FileError> {
    let sql = include_str!("../../queries/get_public_content.sql");
    read_content(database, of(sql, account, file)).await
}

async fn read_content(
    database: &Database,
    statement: Statement,
) -> Result<Option<(File, Vec<Part>)>, FileError> {
    let rows = database.query(statement).await?;
    let Some(file) = rows.first().map(read_file).transpose()? else { return Ok(None) };
    let mut parts = Vec::new();
    for row in rows.iter() {
        if let Some(id) = row.get::<Option<String>>("part_id")? {
            parts.push(Part {
                id: id.parse()?,
                number: None,
                size: row.get("part_size_bytes")?,
                sha256: read_digest(row.get("part_sha256")?)?,
                digests: row.get("chunk_digests")?,
            });
        }
    }
    Ok(Some((file, parts)))
}

/// One file more than the filter's limit, if there are so many.
pub async fn list_files(
    database: &Database,
    account: AccountId,
    filter: &FileFilter,
) -> Result<Vec<File>, FileError> {
    let (sql, start) = match filter.order {
        Order::Desc => (include_str!("../../queries/list_files.sql"), BEYOND_EVERY_ID),
        Order::Asc => (include_str!("../../queries/list_files_oldest_first.sql"), ""),
    };
    let statement = Statement::new(sql)
        .bind(account.to_string())
        .bind(filter.after.map_or_else(|| start.to_owned(), |id| id.to_string()))
        .bind(filter.bucket.clone())
        .bind(filter.purpose.map(Purpose::as_str))
        .bind(filter.limit.saturating_add(1));
    database.query(statement).await?.iter().map(read_file).collect()
}

pub async fn change_file(
    database: &Database,
    account: AccountId,
    file: FileId,
    change: &FileChange,
    now: UnixMillis,
) -> Result<Option<File>, FileError> {
    let statement = of(include_str!("../../queries/update_file.sql"), account, file)
        .bind(change.name.as_ref().map(FileName::as_str))
        .bind(change.metadata.as_ref().map(JsonObject::as_str))
        .bind(now.0);
    database.query(statement).await?.first().map(read_file).transpose()
}

/// Whether the file was deleted.
pub async fn delete_file(
    database: &Database,
    account: AccountId,
    file: FileId,
    force: bool,
) -> Result<bool, FileError> {
    let statement = of(include_str!("../../queries/delete_file.sql"), account, file).bind(force);
    Ok(!database.query(statement).await?.is_empty())
}

pub(super) fn of(sql: &'static str, account: AccountId, file: FileId) -> Statement {
    Statement::new(sql).bind(account.to_string()).bind(file.to_string())
}

/// The statement that makes a part whole.
pub(super) fn bind_written(
    sql: &'static str,
    part: PartName,
    number: Option<u32>,
    written: &Written,
) -> Statement {
    of(sql, part.account, part.file)
        .bind(part.part.to_string())
        .bind(number)
        .bind(integer(written.size))
        .bind(written.sha256.to_vec())
        .bind(written.digests.clone())
}

/// Sizes are far below the end of what the database counts.
pub(super) fn integer(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn read_digest(bytes: Vec<u8>) -> Result<[u8; 32], StoredError> {
    bytes.try_into().map_err(|_| StoredError::Digests)
}

pub(super) fn read_file(row: Row<'_>) -> Result<File, FileError> {
    let purpose: &str = row.get("purpose")?;
    Ok(File {
        id: row.get::<String>("id")?.parse()?,
        bucket: row.get("bucket")?,
        name: row.get::<&str>("name")?.parse()?,
        mime_type: row.get("mime_type")?,
        size_bytes: row.get("size_bytes")?,
        sha256: row.get("sha256")?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        created_at: UnixMillis(row.get("created_at")?),
        // Only a newer version can have written another one.
        purpose: Purpose::of(purpose).unwrap_or_default(),
    })
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
