//! Items that come in chunks, on their way into a guest's stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, Lift, Lower, StreamProducer, StreamResult, VecBuffer};

/// The next items, as many as there are; `None` after the last.
pub type Next<T, E> = Poll<Result<Option<Vec<T>>, E>>;

/// Where the items of a stream come from.
pub trait Chunks: Send + Unpin + 'static {
    type Item: Lower + Lift + Send + Sync + 'static;
    /// What the guest learns at the end of a stream that failed.
    type Error: Send + 'static;

    /// Goes on with the stream.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Next<Self::Item, Self::Error>;
}

/// Hands over as many items at a time as there are, since each handing over costs more than an item.
pub struct ChunkProducer<C: Chunks> {
    chunks: C,
    end: Option<oneshot::Sender<Result<(), C::Error>>>,
}

impl<C: Chunks> ChunkProducer<C> {
    /// The producer, and what becomes of its stream in the end.
    pub fn new(chunks: C) -> (Self, oneshot::Receiver<Result<(), C::Error>>) {
        let (end, outcome) = oneshot::channel();
        (Self { chunks, end: Some(end) }, outcome)
    }

    fn finish(&mut self, outcome: Result<(), C::Error>) {
        if let Some(end) = self.end.take() {
            // The guest may not want to know.
            drop(end.send(outcome));
        }
    }
}

impl<C: Chunks> Drop for ChunkProducer<C> {
    /// A guest that stops reading early has got what it wanted.
    fn drop(&mut self) {
        self.finish(Ok(()));
    }
}

impl<C: Chunks, D> StreamProducer<D> for ChunkProducer<C> {
    type Item = C::Item;
    type Buffer = VecBuffer<C::Item>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            // The guest asks whether there is something; its next read waits for it if there is not.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let outcome = match self.chunks.poll_next(context) {
            Poll::Ready(Ok(Some(chunk))) => {
                destination.set_buffer(VecBuffer::from(chunk));
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(None)) => Ok(()),
            Poll::Ready(Err(error)) => Err(error),
        };
        self.finish(outcome);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}
