//! A batch whose rows are sent while they are read.

use std::sync::Arc;

use bytes::Bytes;
use libsql_hrana::proto::{
    Col, CursorEntry, CursorReqBody, CursorRespBody, Row, StepBeginEntry, StepEndEntry,
    StepErrorEntry,
};
use tokio::sync::mpsc;

use super::Shared;
use super::connection::Output;
use super::failure::Failure;
use super::pipeline::{self, Context, Step};
use super::streams::Lease;

/// How much is gathered before it is sent, in bytes.
const CHUNK_BYTES: usize = 16 * 1024;

/// Runs the batch and sends its entries. Blocks on the disk and on a slow reader.
///
/// Fails only before the first entry; later errors are entries themselves.
pub fn run(
    shared: &Arc<Shared>,
    context: Context,
    body: &CursorReqBody,
    sender: mpsc::Sender<Bytes>,
    begin: impl FnOnce(),
) -> Result<(), Failure> {
    let mut lease = Lease::acquire(shared, body.baton.as_deref())?;
    pipeline::queries(lease.stream(), context, &body.batch)?;
    let baton = Some(lease.announce());
    let mut entries = Entries { buffer: Vec::new(), sender, step: 0 };
    entries.line(&CursorRespBody { baton, base_url: None })?;
    begin();
    // The reader has gone away, which is no error of anybody's.
    let _ = steps(&mut lease, context, body, &mut entries);
    let _ = entries.flush();
    lease.release();
    Ok(())
}

fn steps(
    lease: &mut Lease,
    context: Context,
    body: &CursorReqBody,
    entries: &mut Entries,
) -> Result<(), Failure> {
    let stream = lease.stream();
    let queries = pipeline::queries(stream, context, &body.batch)?;
    let connection = pipeline::connection(stream)?;
    let mut done = Vec::new();
    for (index, (step, query)) in body.batch.steps.iter().zip(queries).enumerate() {
        let condition = step.condition.as_ref();
        if !condition.is_none_or(|condition| pipeline::holds(condition, &done, connection)) {
            done.push(Step::Skipped);
            continue;
        }
        entries.step = u32::try_from(index).unwrap_or(u32::MAX);
        match connection.run(&query, entries) {
            Ok(end) => {
                entries.line(&CursorEntry::StepEnd(StepEndEntry {
                    affected_row_count: end.affected_row_count,
                    last_insert_rowid: end.last_insert_rowid,
                }))?;
                done.push(Step::Done);
            }
            Err(Failure::Statement(error)) => {
                let step = entries.step;
                entries.line(&CursorEntry::StepError(StepErrorEntry { step, error }))?;
                done.push(Step::Failed);
            }
            Err(gone) => return Err(gone),
        }
    }
    Ok(())
}

/// Entries on their way, one per line.
struct Entries {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Bytes>,
    step: u32,
}

impl Entries {
    fn line(&mut self, entry: &impl serde::Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.buffer, entry)
            .map_err(|error| Failure::protocol(error.to_string()))?;
        self.buffer.push(b'\n');
        if CHUNK_BYTES <= self.buffer.len() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender.blocking_send(chunk).map_err(|_| Failure::protocol("the reader has gone away"))
    }
}

impl Output for Entries {
    fn columns(&mut self, cols: Vec<Col>) -> Result<(), Failure> {
        let step = self.step;
        self.line(&CursorEntry::StepBegin(StepBeginEntry { step, cols }))
    }

    fn row(&mut self, row: Row) -> Result<(), Failure> {
        self.line(&CursorEntry::Row { row })
    }
}
