//! How parts become a file.

use ids::{AccountId, PartId, UploadId};
use problem::FieldError;
use sha2::{Digest as _, Sha256};

use crate::content::Content;
use crate::error::FileError;
use crate::inspector::Inspector;
use crate::service::{File, Files, Part, Upload};
use crate::store;

/// Which parts make the file.
pub enum Completion {
    /// All, by their numbers.
    Numbered,
    /// These, in this order.
    Listed(Vec<PartId>),
}

impl Files {
    /// Reads all parts once more, checks what they are together, and makes them the file. An upload that is complete already gives the file
    /// again.
    pub async fn complete_upload(
        &self,
        account: AccountId,
        id: UploadId,
        completion: &Completion,
    ) -> Result<(Upload, File), FileError> {
        let (upload, parts) = self.upload(account, id).await?;
        if upload.is_complete {
            let file = self.get(account, upload.file).await?;
            return Ok((upload, file));
        }
        let parts = match completion {
            Completion::Numbered => numbered(&upload, parts)?,
            Completion::Listed(ids) => listed(&upload, &parts, ids)?,
        };
        let ids: Vec<_> = parts.iter().map(|part| part.id).collect();
        let content = Content::new(self.chunks.clone(), account, upload.file, parts)?;
        let whole = inspect(&upload, &content).await?;
        if whole.size != upload.size {
            return Err(FileError::Incomplete);
        }
        if upload.sha256.is_some_and(|wanted| wanted != whole.sha256) {
            return Err(FileError::ChecksumMismatch);
        }
        let finished = store::Finished {
            account,
            file: upload.file,
            size: whole.size,
            sha256: whole.sha256,
            metadata: None,
            purpose: None,
            media_type: &upload.media_type,
        };
        let is_listed = matches!(completion, Completion::Listed(_));
        let now = self.clock.now();
        let file = store::complete_upload(&self.database, &finished, &ids, is_listed, now).await?;
        self.remove_chunks(now).await;
        // None when a part was replaced while all were read, or somebody else was faster; then there may be a file.
        match file {
            Some(file) => Ok((upload, file)),
            None => match self.get(account, upload.file).await {
                Ok(file) => Ok((upload, file)),
                Err(FileError::NotFound) => Err(FileError::Incomplete),
                Err(error) => Err(error),
            },
        }
    }
}

/// What all parts are together.
struct Whole {
    size: u64,
    sha256: [u8; 32],
}

/// The parts 1, 2, 3, …, all of them.
fn numbered(upload: &Upload, parts: Vec<Part>) -> Result<Vec<Part>, FileError> {
    let wanted = upload.part_bytes.map(|_| upload.parts_total());
    let numbers = parts.iter().map(|part| part.number.map(u64::from));
    let is_whole =
        wanted == Some(parts.len() as u64) && numbers.eq((1..=wanted.unwrap_or(0)).map(Some));
    if is_whole { Ok(parts) } else { Err(FileError::Incomplete) }
}

/// The parts with these ids, in their order.
fn listed(upload: &Upload, parts: &[Part], ids: &[PartId]) -> Result<Vec<Part>, FileError> {
    if upload.part_bytes.is_some() {
        return Err(FileError::NotFound);
    }
    let find = |(n, id): (usize, &PartId)| {
        let is_first = ids.iter().position(|other| other == id) == Some(n);
        let part = parts.iter().find(|part| part.id == *id).filter(|_| is_first);
        let error = || {
            FieldError::new(
                format!("/part_ids/{n}"),
                "The upload has no such part, or it is named twice.",
            )
        };
        part.cloned().ok_or_else(|| FileError::Invalid(vec![error()]))
    };
    ids.iter().enumerate().map(find).collect()
}

async fn inspect(upload: &Upload, content: &Content) -> Result<Whole, FileError> {
    let mut inspector = Inspector::new(upload.media_type.clone());
    let mut sha256 = Sha256::new();
    for index in 0..content.chunks() {
        let chunk = content.chunk(index).await?;
        inspector.look_at(&chunk)?;
        sha256.update(&chunk);
    }
    inspector.finish()?;
    Ok(Whole { size: content.size(), sha256: sha256.finalize().into() })
}
