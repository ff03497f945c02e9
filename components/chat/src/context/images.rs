//! Images of messages, out of the account's files.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chunks::{ChunkDigest, Prefix};
use database::{Row, Statement};
use ids::{AccountId, FileId};
use message::Part;
use problem::chain;
use providers::Part as Piece;

use super::Stored;
use super::words::Images;
use crate::error::ChatError;
use crate::service::Chat;

/// How many images a model is shown, the newest first, how large one may be, and how many bytes all of them.
const IMAGES_MAX: usize = 16;
const IMAGE_BYTES_MAX: i64 = 5 * 1024 * 1024;
const BYTES_MAX: usize = 12 * 1024 * 1024;

/// A run of an image's bytes.
struct Run {
    file: FileId,
    mime_type: String,
    prefix: Prefix,
    digests: Vec<ChunkDigest>,
}

impl Chat {
    /// The images that these messages name and the account has. One that is damaged is not shown; that the store is away is an error.
    pub(super) async fn read_images(
        &self,
        account: AccountId,
        stored: &[Stored],
    ) -> Result<Images, ChatError> {
        let wanted = wanted(stored);
        if wanted.is_empty() {
            return Ok(Images::new());
        }
        let statement = Statement::new(include_str!("../../queries/list_image_parts.sql"))
            .bind(account.to_string())
            .bind(serde_json::to_string(&wanted)?)
            .bind(IMAGE_BYTES_MAX);
        let rows = self.database.query(statement).await?;
        let mut runs: BTreeMap<FileId, Vec<Run>> = BTreeMap::new();
        for row in rows.iter() {
            let run = read_run(account, row)?;
            runs.entry(run.file).or_default().push(run);
        }
        let (mut images, mut left) = (Images::new(), BYTES_MAX);
        for file in wanted {
            let Some(runs) = runs.remove(&file) else { continue };
            let mime_type = runs.first().map(|run| run.mime_type.clone()).unwrap_or_default();
            let Some(bytes) = self.read_runs(runs, left).await? else { continue };
            left -= bytes.len();
            images.insert(file, Piece::Image { mime_type, data: STANDARD.encode(bytes) });
        }
        Ok(images)
    }

    /// The bytes of an image; none when they are damaged or more than there is room for.
    async fn read_runs(
        &self,
        runs: Vec<Run>,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, ChatError> {
        let mut bytes = Vec::new();
        for Run { prefix, digests, .. } in runs {
            for (number, digest) in (0..).zip(digests) {
                match self.chunks.get(&prefix, number, &digest).await {
                    Ok(chunk) => bytes.extend(chunk),
                    Err(error @ chunks::ChunkError::Unavailable(_)) => return Err(error.into()),
                    Err(error) => {
                        tracing::error!(cause = chain(&error), "an image is damaged");
                        return Ok(None);
                    }
                }
                if bytes_max < bytes.len() {
                    return Ok(None);
                }
            }
        }
        Ok(Some(bytes))
    }
}

/// The files of the newest images.
fn wanted(stored: &[Stored]) -> Vec<FileId> {
    let parts = stored.iter().rev().flat_map(|message| match &message.content {
        message::Content::Text(_) => &[],
        message::Content::Parts(parts) => parts.as_slice(),
    });
    let files = parts.filter_map(|part| match part {
        Part::ImageFile { file_id } => Some(*file_id),
        _ => None,
    });
    let mut wanted = Vec::new();
    for file in files {
        if !wanted.contains(&file) {
            wanted.push(file);
        }
        if IMAGES_MAX <= wanted.len() {
            break;
        }
    }
    wanted
}

fn read_run(account: AccountId, row: Row<'_>) -> Result<Run, ChatError> {
    let file: FileId = row.get::<&str>("id")?.parse()?;
    let part: &str = row.get("part_id")?;
    let digests: &[u8] = row.get("chunk_digests")?;
    Ok(Run {
        file,
        mime_type: row.get("mime_type")?,
        prefix: Prefix::new(account, file, part),
        digests: digests.as_chunks::<32>().0.to_vec(),
    })
}
