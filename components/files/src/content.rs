//! The bytes of a file on their way out: chunk by chunk, each checked before it goes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;

use axum::body::{Body, Bytes};
use chunks::{CHUNK_BYTES_MAX, ChunkDigest, ChunkStore, Prefix};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use ids::{AccountId, FileId};
use problem::chain;

use crate::error::{FileError, StoredError};
use crate::service::Part;

/// Where the bytes of a file are.
#[derive(Clone)]
pub struct Content {
    store: ChunkStore,
    chunks: Arc<[Chunk]>,
    size: u64,
}

struct Chunk {
    prefix: Arc<Prefix>,
    number: u64,
    digest: ChunkDigest,
    /// Where in the file its bytes stand.
    place: Range<u64>,
}

/// A piece of an answer.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Text between ranges.
    Text(Bytes),
    /// Bytes of the file.
    Range(Range<u64>),
}

/// A body on its way out. It holds two chunks in memory: one that is being sent, and one that is read meanwhile.
struct Sending {
    content: Content,
    steps: VecDeque<Step>,
    /// What comes next, already begun.
    next: Option<BoxFuture<'static, Result<Bytes, FileError>>>,
}

/// What is to be sent next: text, or a range of the bytes of one chunk.
enum Step {
    Text(Bytes),
    Chunk { index: usize, range: Range<usize> },
}

impl Content {
    /// The content that these parts make, in their order.
    pub fn new(
        store: ChunkStore,
        account: AccountId,
        file: FileId,
        parts: Vec<Part>,
    ) -> Result<Self, FileError> {
        let mut chunks = Vec::new();
        let mut size = 0;
        for part in parts {
            let prefix = Arc::new(Prefix::new(account, file, part.id));
            let (digests, rest) = part.digests.as_chunks::<32>();
            if !rest.is_empty() || digests.len() as u64 != chunks::count(part.size) {
                return Err(StoredError::Digests.into());
            }
            let end = size + part.size;
            for (number, digest) in (0..).zip(digests) {
                let start = size + number * CHUNK_BYTES_MAX as u64;
                let place = start..end.min(start + CHUNK_BYTES_MAX as u64);
                chunks.push(Chunk { prefix: Arc::clone(&prefix), number, digest: *digest, place });
            }
            size = end;
        }
        Ok(Self { store, chunks: chunks.into(), size })
    }

    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// In how many chunks.
    pub fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// One chunk, checked.
    pub async fn chunk(&self, index: usize) -> Result<Vec<u8>, FileError> {
        let chunk = self.chunks.get(index).ok_or(FileError::Damaged)?;
        let bytes = self.store.get(&chunk.prefix, chunk.number, &chunk.digest).await?;
        let is_long_enough = bytes.len() as u64 == chunk.place.end - chunk.place.start;
        if is_long_enough { Ok(bytes) } else { Err(FileError::Damaged) }
    }

    /// These pieces as a body. The first chunk is read before there is an answer, so that a store that is away or damaged can still be
    /// said to be; what is found later breaks the answer off.
    pub async fn body(self, pieces: Vec<Piece>) -> Result<Body, FileError> {
        let mut steps: VecDeque<Step> =
            pieces.into_iter().flat_map(|piece| self.steps(piece)).collect();
        let mut ready = Vec::new();
        while let Some(step) = steps.pop_front() {
            let is_chunk = matches!(step, Step::Chunk { .. });
            ready.push(Ok(self.clone().take(step).await?));
            if is_chunk {
                break;
            }
        }
        let sending = Sending { content: self, steps, next: None };
        let rest = stream::try_unfold(sending, Sending::piece);
        Ok(Body::from_stream(stream::iter(ready).chain(rest)))
    }

    /// A piece, chunk by chunk.
    fn steps(&self, piece: Piece) -> Vec<Step> {
        let wanted = match piece {
            Piece::Text(text) => return vec![Step::Text(text)],
            Piece::Range(wanted) => wanted,
        };
        let first = self.chunks.partition_point(|chunk| chunk.place.end <= wanted.start);
        let chunks = self.chunks.iter().enumerate().skip(first);
        let chunks = chunks.take_while(|(_, chunk)| chunk.place.start < wanted.end);
        let steps = chunks.map(|(index, Chunk { place, .. })| {
            let from = wanted.start.max(place.start) - place.start;
            let to = wanted.end.min(place.end) - place.start;
            Step::Chunk { index, range: within(from)..within(to) }
        });
        steps.collect()
    }

    async fn take(self, step: Step) -> Result<Bytes, FileError> {
        match step {
            Step::Text(text) => Ok(text),
            Step::Chunk { index, range } => {
                let bytes = Bytes::from(self.chunk(index).await?);
                let is_there = range.end <= bytes.len();
                if is_there { Ok(bytes.slice(range)) } else { Err(FileError::Damaged) }
            }
        }
    }
}

impl Sending {
    /// The next bytes. The step after them is begun before they are given, and goes on while they are sent.
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, FileError> {
        let Some(next) = self.next.take().or_else(|| self.begin()) else { return Ok(None) };
        let bytes = next.await.inspect_err(|error| {
            // The answer has begun, so nobody else will say why it ends here.
            tracing::error!(cause = chain(error), "a file broke off on its way out");
        })?;
        if let Some(mut next) = self.begin() {
            self.next = Some(match futures::poll!(&mut next) {
                Poll::Ready(outcome) => std::future::ready(outcome).boxed(),
                Poll::Pending => next,
            });
        }
        Ok(Some((bytes, self)))
    }

    fn begin(&mut self) -> Option<BoxFuture<'static, Result<Bytes, FileError>>> {
        let step = self.steps.pop_front()?;
        Some(self.content.clone().take(step).boxed())
    }
}

/// A place within a chunk; those have less than 4 GiB.
fn within(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
