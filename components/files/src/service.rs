//! The rules and limits of the component.

mod buckets;
mod completion;
mod files;
mod uploads;

use std::sync::Arc;

use ambient::{Clock, Entropy, UnixMillis};
use chunks::ChunkStore;
use database::Database;
use ids::AccountId;
use problem::{FieldError, chain};
use serde::Serialize;
use settings::FilesSettings;

pub use buckets::{BUCKETS_MAX, Bucket, BucketChange, Visibility};
pub use completion::Completion;
pub use files::{File, FileChange, FileFilter, LINK_SECONDS_MAX, NewFile, Order, Purpose, Sequel};
pub use uploads::{NewUpload, PART_BYTES, PARTS_WRITING_MAX, Part, PartNumber, Upload};

use crate::error::FileError;

pub const PAGE_ITEMS_DEFAULT: u32 = 50;
pub const PAGE_ITEMS_MAX: u32 = 200;

/// How many runs of chunks that nothing names a request removes on its way.
const REMOVALS_MAX: u32 = 4;

/// The component's state.
#[derive(Debug, Clone)]
pub struct Files {
    pub database: Database,
    pub chunks: ChunkStore,
    pub settings: Arc<FilesSettings>,
    pub clock: Clock,
    pub entropy: Entropy,
}

/// A part of a list, and the cursor that gets the next one.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: T,
    pub next_cursor: Option<String>,
}

impl Files {
    /// Gives back a little of what is over, of this account first: so an account that is used cleans up after itself.
    async fn tidy(&self, account: AccountId, now: UnixMillis) -> Result<(), FileError> {
        self.database.query(sweep::piece_of_files(account, now)).await?;
        self.remove_chunks(now).await;
        Ok(())
    }

    /// Removes chunks that nothing names. What fails here is done by the next request or by the operator's sweep.
    async fn remove_chunks(&self, now: UnixMillis) {
        let removed = sweep::remove_chunks(&self.database, &self.chunks, now, REMOVALS_MAX).await;
        if let Err(error) = removed {
            tracing::warn!(cause = chain(&error), "chunks that nothing names are still there");
        }
    }
}

/// Nothing when all is well.
fn refuse(errors: Vec<FieldError>) -> Result<(), FileError> {
    if errors.is_empty() { Ok(()) } else { Err(FileError::Invalid(errors)) }
}
