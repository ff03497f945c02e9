use ambient::UnixMillis;
use database::{Database, Row, Statement};
use ids::{AccountId, FileId, PartId, UploadId};
use problem::JsonObject;
use settings::FilesSettings;

use super::files::{Finished, Reservation, bind_written, integer, of, read_digest, read_file};
use crate::error::FileError;
use crate::service::{File, PARTS_WRITING_MAX, Part, Purpose, Upload};
use crate::writer::{GIVEN_UP_AFTER, PartName, Written};

/// Reserves room for the file of an upload and keeps the upload; `false` when there is no room. `keep` keeps the answer.
pub async fn create_upload(
    database: &Database,
    account: AccountId,
    upload: &Upload,
    settings: &FilesSettings,
    keep: Option<Statement>,
) -> Result<bool, FileError> {
    let now = upload.created_at;
    let reservation = Reservation {
        account,
        file: upload.file,
        bucket: &upload.bucket,
        name: &upload.name,
        media_type: &upload.media_type,
        size: upload.size,
        metadata: Some(&upload.metadata),
        purpose: upload.purpose,
        until: upload.expires_at,
    };
    let insert = Statement::new(include_str!("../../queries/insert_upload.sql"))
        .bind(account.to_string())
        .bind(upload.id.to_string())
        .bind(upload.file.to_string())
        .bind(upload.sha256.map(Vec::from))
        .bind(upload.part_bytes.map(integer))
        .bind(upload.expires_at.0)
        .bind(now.0);
    let mut batch = vec![reservation.statement(settings, now), insert];
    batch.extend(keep);
    let results = database.batch(batch).await?;
    Ok(results.first().is_some_and(|rows| !rows.is_empty()))
}

/// An upload that can still be completed, or is complete.
pub async fn get_upload(
    database: &Database,
    account: AccountId,
    id: UploadId,
    now: UnixMillis,
) -> Result<Option<Upload>, FileError> {
    let statement = Statement::new(include_str!("../../queries/get_upload.sql"))
        .bind(account.to_string())
        .bind(id.to_string())
        .bind(now.0);
    database.query(statement).await?.first().map(read_upload).transpose()
}

/// The parts that are there, by their numbers.
pub async fn list_parts(
    database: &Database,
    account: AccountId,
    file: FileId,
) -> Result<Vec<Part>, FileError> {
    let statement = of(include_str!("../../queries/list_parts.sql"), account, file);
    database.query(statement).await?.iter().map(read_part).collect()
}

/// Begins a part, after it has removed those whose writers are dead; `false` when the upload is over, or has too much on its way.
pub async fn insert_upload_part(
    database: &Database,
    part: PartName,
    reserved: u64,
    parts_bytes_max: u64,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let lease = i64::try_from(GIVEN_UP_AFTER.as_millis()).unwrap_or(i64::MAX);
    let sql = include_str!("../../queries/delete_dead_parts.sql");
    let dead = of(sql, part.account, part.file).bind(now.0.saturating_sub(lease));
    let sql = include_str!("../../queries/insert_upload_part.sql");
    let insert = of(sql, part.account, part.file)
        .bind(part.part.to_string())
        .bind(integer(reserved))
        .bind(now.0)
        .bind(PARTS_WRITING_MAX)
        .bind(integer(parts_bytes_max));
    let results = database.batch(vec![dead, insert]).await?;
    Ok(results.last().is_some_and(|rows| !rows.is_empty()))
}

/// Reserves so many bytes in all for a part; `false` when the upload is over, or has no room for them.
pub async fn extend_upload_part(
    database: &Database,
    part: PartName,
    bytes: u64,
    parts_bytes_max: u64,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let sql = include_str!("../../queries/extend_upload_part.sql");
    let statement = of(sql, part.account, part.file)
        .bind(part.part.to_string())
        .bind(integer(bytes))
        .bind(now.0)
        .bind(integer(parts_bytes_max));
    Ok(!database.query(statement).await?.is_empty())
}

/// Makes a part whole, in the place of the one before; `false` when the upload is over.
pub async fn finish_upload_part(
    database: &Database,
    part: PartName,
    number: Option<u32>,
    written: &Written,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let replace = of(include_str!("../../queries/replace_part.sql"), part.account, part.file)
        .bind(number)
        .bind(part.part.to_string());
    let sql = include_str!("../../queries/finish_upload_part.sql");
    let finish = bind_written(sql, part, number, written).bind(now.0);
    let results = database.batch(vec![replace, finish]).await?;
    Ok(results.last().is_some_and(|rows| !rows.is_empty()))
}

/// Gives up a part that is being written.
pub async fn delete_part(database: &Database, part: PartName) -> Result<(), FileError> {
    let statement = of(include_str!("../../queries/delete_part.sql"), part.account, part.file)
        .bind(part.part.to_string());
    database.query(statement).await?;
    Ok(())
}

/// Makes the file of an upload complete, of these parts; those that are listed get their numbers now. `None` when they are not what there is any
/// more. Parts that are not in it go.
pub async fn complete_upload(
    database: &Database,
    finished: &Finished<'_>,
    parts: &[PartId],
    is_listed: bool,
    now: UnixMillis,
) -> Result<Option<File>, FileError> {
    let mut batch = Vec::new();
    if is_listed {
        let bind = |sql| of(sql, finished.account, finished.file);
        batch.push(bind(include_str!("../../queries/reset_part_numbers.sql")));
        let number = bind(include_str!("../../queries/number_parts.sql"));
        batch.push(number.bind(serde_json::to_string(parts)?));
    }
    let position = batch.len();
    batch.push(finished.statement(parts, now)?);
    let sql = include_str!("../../queries/delete_other_parts.sql");
    batch.push(of(sql, finished.account, finished.file));
    let results = database.batch(batch).await?;
    results.get(position).and_then(database::Rows::first).map(read_file).transpose()
}

fn read_upload(row: Row<'_>) -> Result<Upload, FileError> {
    let sha256: Option<Vec<u8>> = row.get("wanted_sha256")?;
    Ok(Upload {
        id: row.get::<String>("id")?.parse()?,
        file: row.get::<String>("file_id")?.parse()?,
        bucket: row.get("bucket")?,
        name: row.get::<&str>("name")?.parse()?,
        media_type: row.get::<&str>("mime_type")?.parse()?,
        size: row.get("size_bytes")?,
        sha256: sha256.map(read_digest).transpose()?,
        metadata: JsonObject::stored(row.get("metadata")?)?,
        purpose: Purpose::of(row.get("purpose")?).unwrap_or_default(),
        part_bytes: row.get("part_bytes")?,
        expires_at: UnixMillis(row.get("expires_at")?),
        created_at: UnixMillis(row.get("created_at")?),
        is_complete: row.get("is_complete")?,
    })
}

fn read_part(row: Row<'_>) -> Result<Part, FileError> {
    Ok(Part {
        id: row.get::<String>("id")?.parse()?,
        number: row.get("number")?,
        size: row.get("size_bytes")?,
        sha256: read_digest(row.get("sha256")?)?,
        digests: row.get("chunk_digests")?,
    })
}
