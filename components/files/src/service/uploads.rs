use std::time::Duration;

use ambient::UnixMillis;
use axum::body::Bytes;
use idempotency::Claim;
use ids::{AccountId, FileId, Id, PartId, UploadId};
use problem::{FieldError, JsonObject};

use super::refuse;
use crate::error::FileError;
use crate::media_type::MediaType;
use crate::name::FileName;
use crate::service::{Files, Purpose};
use crate::store;
use crate::writer::{PartName, Room, Writer, Written};

/// How long every part but the last is: small enough for hosts that take requests of 10 MiB.
pub const PART_BYTES: u64 = 5 * 1024 * 1024;

/// How long a part of the client's own choice may be.
const FREE_PART_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// For how long an upload can be completed.
const UPLOAD_LIFETIME: Duration = Duration::from_hours(24);

/// How many parts of an upload may be on their way at once.
pub const PARTS_WRITING_MAX: u32 = 16;

/// A file that is to arrive in parts.
pub struct NewUpload {
    pub bucket: String,
    pub name: FileName,
    pub declared: MediaType,
    pub size: u64,
    pub sha256: Option<[u8; 32]>,
    pub metadata: Option<JsonObject>,
    pub purpose: Purpose,
    /// None when the client chooses the parts.
    pub part_bytes: Option<u64>,
}

/// A file that arrives in parts.
#[derive(Debug, Clone)]
pub struct Upload {
    pub id: UploadId,
    pub file: FileId,
    pub bucket: String,
    pub name: FileName,
    pub media_type: MediaType,
    pub size: u64,
    pub sha256: Option<[u8; 32]>,
    pub metadata: JsonObject,
    pub purpose: Purpose,
    pub part_bytes: Option<u64>,
    pub expires_at: UnixMillis,
    pub created_at: UnixMillis,
    pub is_complete: bool,
}

/// A part that is there.
#[derive(Debug, Clone)]
pub struct Part {
    pub id: PartId,
    pub number: Option<u32>,
    pub size: u64,
    pub sha256: [u8; 32],
    pub digests: Vec<u8>,
}

/// Which part is sent.
#[derive(Debug, Clone, Copy)]
pub enum PartNumber {
    /// This one, counted from 1.
    Chosen(u32),
    /// The client says in the end.
    Open,
}

/// A part that is being received.
pub struct ReceivingPart<'a> {
    files: &'a Files,
    name: PartName,
    number: PartNumber,
    /// How many bytes it must have, where that is settled.
    expected: Option<u64>,
    writer: Writer<'a>,
    created_at: UnixMillis,
}

impl Upload {
    /// How many parts there are to be.
    pub fn parts_total(&self) -> u64 {
        self.part_bytes.map_or(0, |bytes| self.size.div_ceil(bytes).max(1))
    }

    /// How long this part must be; `None` when there is no such part.
    fn part_size(&self, number: u32) -> Option<u64> {
        let part_bytes = self.part_bytes?;
        let before = u64::from(number.checked_sub(1)?).checked_mul(part_bytes)?;
        let is_one = u64::from(number) <= self.parts_total();
        is_one.then(|| self.size.saturating_sub(before).min(part_bytes))
    }
}

impl Files {
    /// Reserves room for a file that is to arrive in parts.
    pub async fn create_upload(
        &self,
        account: AccountId,
        new: NewUpload,
        answer: impl FnOnce(&Upload) -> Result<Vec<u8>, serde_json::Error>,
        claim: &Claim,
    ) -> Result<Upload, FileError> {
        let metadata = new.metadata.as_ref().and_then(|object| object.check_metadata().err());
        refuse(metadata.into_iter().collect())?;
        let bucket = self.bucket(&new.bucket).await?;
        let media_type = bucket.admit(Some(new.declared), &new.name)?;
        if bucket.file_bytes_max < new.size {
            return Err(FileError::TooLarge { bytes_max: bucket.file_bytes_max });
        }
        let now = self.clock.now();
        self.tidy(account, now).await?;
        let upload = Upload {
            id: Id::generate(now, &self.entropy)?,
            file: Id::generate(now, &self.entropy)?,
            bucket: new.bucket,
            name: new.name,
            media_type,
            size: new.size,
            sha256: new.sha256,
            metadata: match new.metadata {
                Some(metadata) => metadata,
                None => JsonObject::stored("{}".to_owned())?,
            },
            purpose: new.purpose,
            part_bytes: new.part_bytes,
            expires_at: now.plus(UPLOAD_LIFETIME),
            created_at: now,
            is_complete: false,
        };
        let answer = answer(&upload)?;
        let keep = claim.seal(&answer, Some(upload.file.to_string()))?;
        let is_reserved =
            store::create_upload(&self.database, account, &upload, &self.settings, keep).await?;
        if is_reserved { Ok(upload) } else { Err(FileError::QuotaExceeded) }
    }

    /// An upload and its parts that are there, in order.
    pub async fn upload(
        &self,
        account: AccountId,
        id: UploadId,
    ) -> Result<(Upload, Vec<Part>), FileError> {
        let now = self.clock.now();
        let upload = store::get_upload(&self.database, account, id, now).await?;
        let upload = upload.ok_or(FileError::NotFound)?;
        let parts = store::list_parts(&self.database, account, upload.file).await?;
        Ok((upload, parts))
    }

    /// Gives an upload up, with all that has arrived of it. One that is complete has become a file, and stays.
    pub async fn cancel_upload(
        &self,
        account: AccountId,
        id: UploadId,
    ) -> Result<Upload, FileError> {
        let (upload, _) = self.upload(account, id).await?;
        if !store::delete_pending_file(&self.database, account, upload.file).await? {
            return Err(FileError::NotFound);
        }
        self.remove_chunks(self.clock.now()).await;
        Ok(upload)
    }

    /// Begins to receive a part.
    pub async fn receive_part(
        &self,
        account: AccountId,
        id: UploadId,
        number: PartNumber,
    ) -> Result<ReceivingPart<'_>, FileError> {
        let (upload, _) = self.upload(account, id).await?;
        if upload.is_complete {
            return Err(FileError::NotFound);
        }
        let expected = match (number, upload.part_bytes) {
            (PartNumber::Chosen(number), Some(_)) => {
                Some(upload.part_size(number).ok_or(FileError::NotFound)?)
            }
            (PartNumber::Open, None) => None,
            (PartNumber::Chosen(_), None) | (PartNumber::Open, Some(_)) => {
                return Err(FileError::NotFound);
            }
        };
        // Room for parts that are sent again while the first attempt is still there.
        let parts_bytes_max = upload.size.saturating_mul(2).saturating_add(PART_BYTES);
        let now = self.clock.now();
        let part: PartId = Id::generate(now, &self.entropy)?;
        let name = PartName { account, file: upload.file, part };
        let reserved = expected.unwrap_or(0);
        let is_room =
            store::insert_upload_part(&self.database, name, reserved, parts_bytes_max, now).await?;
        if !is_room {
            return Err(FileError::LimitReached);
        }
        let bytes_max = expected.unwrap_or(FREE_PART_BYTES_MAX);
        let room = Room::Upload { parts_bytes_max };
        let writer = Writer::new(self, name, room, reserved, bytes_max, now);
        Ok(ReceivingPart { files: self, name, number, expected, writer, created_at: now })
    }
}

impl ReceivingPart<'_> {
    /// Takes the next bytes.
    pub async fn push(&mut self, bytes: &Bytes) -> Result<(), FileError> {
        self.writer.push(bytes, |_| Ok(())).await
    }

    /// Makes the part one of its upload, in the place of what was there.
    pub async fn finish(&mut self, sha256: Option<[u8; 32]>) -> Result<Part, FileError> {
        let written = self.writer.finish(|_| Ok(())).await?;
        if sha256.is_some_and(|wanted| wanted != written.sha256) {
            return Err(FileError::ChecksumMismatch);
        }
        if let Some(expected) = self.expected.filter(|expected| *expected != written.size) {
            let detail = format!("This part has exactly {expected} bytes.");
            return Err(FileError::Invalid(vec![FieldError::new("", detail)]));
        }
        let now = self.files.clock.now();
        let number = match self.number {
            PartNumber::Chosen(number) => Some(number),
            PartNumber::Open => None,
        };
        let database = &self.files.database;
        if !store::finish_upload_part(database, self.name, number, &written, now).await? {
            return Err(FileError::NotFound);
        }
        // What was there before leaves chunks behind.
        self.files.remove_chunks(now).await;
        let Written { size, sha256, digests } = written;
        Ok(Part { id: self.name.part, number, size, sha256, digests })
    }

    /// When it began.
    pub fn created_at(&self) -> UnixMillis {
        self.created_at
    }

    /// Leaves nothing. What cannot be done now the sweep does.
    pub async fn give_up(&mut self) {
        let deleted = store::delete_part(&self.files.database, self.name).await;
        if deleted.is_ok() {
            self.writer.take_back().await;
        }
    }
}
