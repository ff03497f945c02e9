//! Rows on their way into a guest's stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use engine::{RowStream, Value};
use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::guest::{Error, RowResult, to_guest_error, to_guest_row};

/// Rows that were collected already, or come as they are computed.
pub enum Rows {
    Collected(Vec<Vec<Value>>),
    Streamed(RowStream),
}

/// Hands over as many rows at a time as there are, since each handing over costs more than a row.
pub struct RowProducer {
    rows: Rows,
    end: Option<oneshot::Sender<Result<(), Error>>>,
}

impl RowProducer {
    /// The producer, and what becomes of its rows in the end.
    pub fn new(rows: Rows) -> (Self, oneshot::Receiver<Result<(), Error>>) {
        let (end, outcome) = oneshot::channel();
        (Self { rows, end: Some(end) }, outcome)
    }

    fn finish(&mut self, outcome: Result<(), Error>) {
        if let Some(end) = self.end.take() {
            // The guest may not want to know.
            drop(end.send(outcome));
        }
    }
}

impl Drop for RowProducer {
    /// A guest that stops reading early has got what it wanted.
    fn drop(&mut self) {
        self.finish(Ok(()));
    }
}

impl<D> StreamProducer<D> for RowProducer {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            // The guest asks whether rows are ready; its next read waits for them if they are not.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let next = match &mut self.rows {
            Rows::Collected(rows) if rows.is_empty() => Poll::Ready(Ok(None)),
            Rows::Collected(rows) => Poll::Ready(Ok(Some(std::mem::take(rows)))),
            Rows::Streamed(stream) => stream.poll_next(context),
        };
        let outcome = match next {
            Poll::Ready(Ok(Some(chunk))) => {
                let chunk: Vec<_> = chunk.into_iter().map(to_guest_row).collect();
                destination.set_buffer(VecBuffer::from(chunk));
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(None)) => Ok(()),
            Poll::Ready(Err(error)) => Err(to_guest_error(error.into())),
        };
        self.finish(outcome);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}
