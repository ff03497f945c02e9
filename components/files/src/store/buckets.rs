use ambient::UnixMillis;
use audit::{Entry, When};
use database::{Database, Row, Statement};
use idempotency::Claim;

use crate::error::FileError;
use crate::service::{BUCKETS_MAX, Bucket, BucketChange, Visibility};

pub async fn list_buckets(database: &Database) -> Result<Vec<Bucket>, FileError> {
    let statement = Statement::new(include_str!("../../queries/list_buckets.sql"));
    database.query(statement).await?.iter().map(read_bucket).collect()
}

pub async fn get_bucket(database: &Database, name: &str) -> Result<Option<Bucket>, FileError> {
    let statement = Statement::new(include_str!("../../queries/get_bucket.sql")).bind(name);
    database.query(statement).await?.first().map(read_bucket).transpose()
}

/// Whether there was room for one more.
pub async fn create_bucket(
    database: &Database,
    bucket: &Bucket,
    claim: &Claim,
    entry: Entry,
    now: UnixMillis,
) -> Result<bool, FileError> {
    let insert = Statement::new(include_str!("../../queries/insert_bucket.sql"))
        .bind(bucket.name.as_str())
        .bind(i64::try_from(bucket.file_bytes_max).unwrap_or(i64::MAX))
        .bind(serde_json::to_string(&bucket.mime_types)?)
        .bind(bucket.visibility.as_str())
        .bind(BUCKETS_MAX);
    let mut action = vec![insert];
    action.extend(claim.seal(&serde_json::to_vec(bucket)?, None)?);
    match audit::commit(database, now, action, vec![entry], When::Changed).await {
        Ok(results) => Ok(results.first().is_some_and(|rows| !rows.is_empty())),
        Err(error) if error.is_unique("bucket.name") => Err(FileError::BucketTaken),
        Err(error) => Err(error.into()),
    }
}

/// Changes a bucket, if there is one of this name.
pub async fn change_bucket(
    database: &Database,
    name: &str,
    change: &BucketChange,
    entry: Entry,
    now: UnixMillis,
) -> Result<(), FileError> {
    let bytes = change.file_bytes_max.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let update = Statement::new(include_str!("../../queries/update_bucket.sql"))
        .bind(name)
        .bind(bytes)
        .bind(change.mime_types.as_ref().map(serde_json::to_string).transpose()?)
        .bind(change.visibility.map(Visibility::as_str));
    audit::commit(database, now, vec![update], vec![entry], When::Changed).await?;
    Ok(())
}

fn read_bucket(row: Row<'_>) -> Result<Bucket, FileError> {
    Ok(Bucket {
        name: row.get("name")?,
        file_bytes_max: row.get("file_bytes_max")?,
        mime_types: serde_json::from_str(row.get("mime_types")?)?,
        visibility: if row.get::<&str>("visibility")? == Visibility::Public.as_str() {
            Visibility::Public
        } else {
            Visibility::Private
        },
    })
}
