//! Rows on their way into a guest's stream.

use std::task::{Context, Poll};

use engine::{RowStream, Value};

use super::guest::{Error, RowResult, to_guest_error, to_guest_row};
use crate::chunks::{Chunks, Next};

/// Rows that were collected already, or come as they are computed.
pub enum Rows {
    Collected(Vec<Vec<Value>>),
    Streamed(RowStream),
}

impl Chunks for Rows {
    type Item = RowResult;
    type Error = Error;

    fn poll_next(&mut self, context: &mut Context<'_>) -> Next<RowResult, Error> {
        let next = match self {
            Self::Collected(rows) if rows.is_empty() => Poll::Ready(Ok(None)),
            Self::Collected(rows) => Poll::Ready(Ok(Some(std::mem::take(rows)))),
            Self::Streamed(stream) => stream.poll_next(context),
        };
        next.map_ok(|chunk| chunk.map(|rows| rows.into_iter().map(to_guest_row).collect()))
            .map_err(|error| to_guest_error(error.into()))
    }
}
