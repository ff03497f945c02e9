//! Bytes on their way into the chunk store, with the room that is reserved for them.

use std::task::Poll;
use std::time::Duration;

use ambient::UnixMillis;
use chunks::{CHUNK_BYTES_MAX, ChunkDigest, ChunkError, Prefix};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ids::{AccountId, FileId, PartId};
use sha2::{Digest as _, Sha256};

use crate::error::FileError;
use crate::service::Files;
use crate::store;

/// How often a writer renews its lease.
const TOUCH_EVERY: Duration = Duration::from_secs(10);

/// How long a lease lasts. A writer that has not renewed it is dead: the next upload of the account frees what it had reserved. A host waits half
/// as long for the next byte of a body.
pub const GIVEN_UP_AFTER: Duration = Duration::from_mins(1);

/// How much is reserved first where nobody has said how much will come; each time it is used up, it is doubled.
const ROOM_BYTES_FIRST: u64 = 1024 * 1024;

/// Which part of which file.
#[derive(Debug, Clone, Copy)]
pub struct PartName {
    pub account: AccountId,
    pub file: FileId,
    pub part: PartId,
}

/// Where the room for more bytes comes from.
#[derive(Debug, Clone, Copy)]
pub enum Room {
    /// The account: the part is all of its file.
    Account,
    /// The upload, of which all parts together may have this many bytes.
    Upload { parts_bytes_max: u64 },
}

/// Writes one part, chunk by chunk. It holds two chunks in memory: one that is on its way into the store, and one that arrives.
pub struct Writer<'a> {
    files: &'a Files,
    name: PartName,
    prefix: Prefix,
    room: Room,
    bytes_max: u64,
    reserved: u64,
    touched_at: UnixMillis,
    buffer: Vec<u8>,
    size: u64,
    /// How many chunks are, or may be, in the store.
    chunks: u64,
    sha256: Sha256,
    digests: Vec<u8>,
    /// The chunk that is on its way.
    storing: Option<BoxFuture<'static, Result<ChunkDigest, ChunkError>>>,
}

/// A part of which all bytes are in the chunk store.
pub struct Written {
    pub size: u64,
    pub sha256: [u8; 32],
    /// The BLAKE3 of each chunk, one after the other.
    pub digests: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Writes a part that was just inserted with so much room, and may have up to `bytes_max` bytes.
    pub fn new(
        files: &'a Files,
        name: PartName,
        room: Room,
        reserved: u64,
        bytes_max: u64,
        now: UnixMillis,
    ) -> Self {
        let prefix = Prefix::new(name.account, name.file, name.part);
        Self {
            files,
            name,
            prefix,
            room,
            bytes_max,
            reserved,
            touched_at: now,
            buffer: Vec::new(),
            size: 0,
            chunks: 0,
            sha256: Sha256::new(),
            digests: Vec::new(),
            storing: None,
        }
    }

    /// Takes the next bytes; `inspect` sees each chunk before it is stored.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] with the first byte too many, [`FileError::QuotaExceeded`], and what `inspect` says.
    pub async fn push(
        &mut self,
        mut bytes: &[u8],
        mut inspect: impl FnMut(&[u8]) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        if self.bytes_max < self.size + (self.buffer.len() + bytes.len()) as u64 {
            return Err(FileError::TooLarge { bytes_max: self.bytes_max });
        }
        // A client may be so slow that no chunk is full before the lease is over.
        if self.is_lease_due() {
            self.make_room(self.reserved).await?;
        }
        while !bytes.is_empty() {
            let free = CHUNK_BYTES_MAX - self.buffer.len();
            let (now, later) = bytes.split_at_checked(free).unwrap_or((bytes, &[]));
            if self.buffer.is_empty() && 0 < self.chunks {
                self.buffer.reserve_exact(CHUNK_BYTES_MAX);
            }
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == CHUNK_BYTES_MAX {
                self.flush(&mut inspect).await?;
            }
        }
        Ok(())
    }

    /// Stores what is left, and tells what was written.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub async fn finish(
        &mut self,
        mut inspect: impl FnMut(&[u8]) -> Result<(), FileError>,
    ) -> Result<Written, FileError> {
        if !self.buffer.is_empty() {
            self.flush(&mut inspect).await?;
        }
        self.stored().await?;
        let sha256 = std::mem::take(&mut self.sha256).finalize().into();
        Ok(Written { size: self.size, sha256, digests: std::mem::take(&mut self.digests) })
    }

    /// Removes what was stored. What fails here the sweep does.
    pub async fn take_back(&mut self) {
        // A chunk that comes to the store after it was removed would stay there.
        drop(self.stored().await);
        let Files { database, chunks, .. } = self.files;
        if chunks.remove(&self.prefix, self.chunks).await.is_ok() {
            drop(sweep::forget_chunks(database, &self.prefix).await);
        }
    }

    async fn flush(
        &mut self,
        inspect: &mut impl FnMut(&[u8]) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        inspect(&self.buffer)?;
        self.make_room(self.size + self.buffer.len() as u64).await?;
        self.sha256.update(&self.buffer);
        self.size += self.buffer.len() as u64;
        let number = self.chunks;
        self.chunks += 1;
        let chunk = std::mem::take(&mut self.buffer);
        self.stored().await?;
        let (store, prefix) = (self.files.chunks.clone(), self.prefix.clone());
        let mut storing = async move { store.put(&prefix, number, chunk).await }.boxed();
        // It begins here, and goes on while the next chunk arrives.
        match futures::poll!(&mut storing) {
            Poll::Ready(digest) => self.digests.extend_from_slice(&digest?),
            Poll::Pending => self.storing = Some(storing),
        }
        Ok(())
    }

    /// Waits for the chunk that is on its way.
    async fn stored(&mut self) -> Result<(), FileError> {
        if let Some(storing) = self.storing.take() {
            self.digests.extend_from_slice(&storing.await?);
        }
        Ok(())
    }

    /// Sees to it that so many bytes are reserved, and that the part is known to be written.
    async fn make_room(&mut self, needed: u64) -> Result<(), FileError> {
        let now = self.files.clock.now();
        if needed <= self.reserved && !self.is_lease_due() {
            return Ok(());
        }
        let generous = (self.reserved * 2).max(ROOM_BYTES_FIRST).min(self.bytes_max).max(needed);
        let wanted = if needed <= self.reserved { self.reserved } else { generous };
        // Near the end of the room the exact size may still fit.
        for bytes in [wanted, needed.max(self.reserved)] {
            if self.reserve(bytes, now).await? {
                self.reserved = bytes;
                self.touched_at = now;
                return Ok(());
            }
        }
        Err(FileError::QuotaExceeded)
    }

    fn is_lease_due(&self) -> bool {
        self.touched_at.plus(TOUCH_EVERY) <= self.files.clock.now()
    }

    async fn reserve(&mut self, bytes: u64, now: UnixMillis) -> Result<bool, FileError> {
        let Files { database, settings, .. } = self.files;
        match self.room {
            Room::Account => {
                let until = now.plus(GIVEN_UP_AFTER);
                let quota = settings.quota_bytes;
                store::extend_file(database, self.name, bytes, quota, until, now).await
            }
            Room::Upload { parts_bytes_max } => {
                store::extend_upload_part(database, self.name, bytes, parts_bytes_max, now).await
            }
        }
    }
}
