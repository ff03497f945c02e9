use audit::{Entry, Log};
use caller::{Caller, ClientAddress};
use idempotency::Claim;
use problem::FieldError;
use serde::{Deserialize, Serialize};

use super::refuse;
use crate::error::FileError;
use crate::media_type::is_pattern;
use crate::service::Files;
use crate::store;

/// How many buckets there may be.
pub const BUCKETS_MAX: u32 = 100;

const NAME_BYTES_MAX: usize = 63;
const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const MIME_TYPES_MAX: usize = 100;

/// Where files go, and which may go there. All accounts have the same.
#[derive(Debug, Clone, Serialize)]
pub struct Bucket {
    pub name: String,
    /// How many bytes one file may have.
    pub file_bytes_max: u64,
    /// Media types; `image/*` stands for all images.
    pub mime_types: Vec<String>,
    pub visibility: Visibility,
}

/// Who may read what is in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The account that a file is of.
    #[default]
    Private,
    /// Everybody who knows the ids of the account and the file.
    Public,
}

/// What of a bucket changes; `None` stays.
pub struct BucketChange {
    pub file_bytes_max: Option<u64>,
    pub mime_types: Option<Vec<String>>,
    pub visibility: Option<Visibility>,
}

impl Visibility {
    /// Its name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

impl Files {
    pub async fn buckets(&self) -> Result<Vec<Bucket>, FileError> {
        store::list_buckets(&self.database).await
    }

    /// The bucket that a request names.
    pub(super) async fn bucket(&self, name: &str) -> Result<Bucket, FileError> {
        let bucket = store::get_bucket(&self.database, name).await?;
        let unknown = || FieldError::new("/bucket", "There is no such bucket.");
        bucket.ok_or_else(|| FileError::Invalid(vec![unknown()]))
    }

    /// Makes a bucket for all accounts.
    pub async fn create_bucket(
        &self,
        caller: &Caller,
        address: ClientAddress,
        bucket: Bucket,
        claim: &Claim,
    ) -> Result<Bucket, FileError> {
        let name = check_name(&bucket.name);
        let bytes = check_bytes(bucket.file_bytes_max);
        let types = check_types(&bucket.mime_types);
        refuse(name.into_iter().chain(bytes).chain(types).collect())?;
        let entry = Entry::by(caller, address, "bucket.created");
        let entry = entry.in_log(Log::Platform).on(&bucket.name);
        let now = self.clock.now();
        let is_new = store::create_bucket(&self.database, &bucket, claim, entry, now).await?;
        if is_new { Ok(bucket) } else { Err(FileError::LimitReached) }
    }

    /// Changes which files a bucket takes from now on.
    pub async fn change_bucket(
        &self,
        caller: &Caller,
        address: ClientAddress,
        name: &str,
        change: &BucketChange,
    ) -> Result<Bucket, FileError> {
        let bytes = change.file_bytes_max.and_then(check_bytes);
        let types = change.mime_types.as_deref().and_then(check_types);
        refuse(bytes.into_iter().chain(types).collect())?;
        let entry = Entry::by(caller, address, "bucket.changed").in_log(Log::Platform).on(name);
        store::change_bucket(&self.database, name, change, entry, self.clock.now()).await?;
        store::get_bucket(&self.database, name).await?.ok_or(FileError::NotFound)
    }
}

fn check_name(name: &str) -> Option<FieldError> {
    let is_one = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    let detail = || {
        format!(
            "It has 1 to {NAME_BYTES_MAX} small letters, digits and hyphens, and no hyphen at its ends."
        )
    };
    (!is_one).then(|| FieldError::new("/name", detail()))
}

fn check_bytes(bytes: u64) -> Option<FieldError> {
    let is_fine = (1..=FILE_BYTES_MAX).contains(&bytes);
    let detail = || format!("It must be from 1 to {FILE_BYTES_MAX}.");
    (!is_fine).then(|| FieldError::new("/file_bytes_max", detail()))
}

fn check_types(types: &[String]) -> Option<FieldError> {
    let is_fine =
        (1..=MIME_TYPES_MAX).contains(&types.len()) && types.iter().all(|one| is_pattern(one));
    let detail = || {
        format!(
            "It has 1 to {MIME_TYPES_MAX} media types in small letters, as text/plain or image/*."
        )
    };
    (!is_fine).then(|| FieldError::new("/mime_types", detail()))
}
