//! Keys on their way into a guest's stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use engine::{EngineError, KeyStream};
use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use super::guest::{Error, to_guest_error};

/// The keys of a store, or why there are none to be had: the interface tells that at the stream's end only.
pub enum Keys {
    Streamed(KeyStream),
    Failed(EngineError),
}

/// Hands over as many keys at a time as there are.
pub struct KeyProducer {
    keys: Keys,
    end: Option<oneshot::Sender<Result<(), Error>>>,
}

impl KeyProducer {
    /// The producer, and what becomes of its keys in the end.
    pub fn new(keys: Keys) -> (Self, oneshot::Receiver<Result<(), Error>>) {
        let (end, outcome) = oneshot::channel();
        (Self { keys, end: Some(end) }, outcome)
    }

    fn finish(&mut self, outcome: Result<(), Error>) {
        if let Some(end) = self.end.take() {
            // The guest may not want to know.
            drop(end.send(outcome));
        }
    }
}

impl Drop for KeyProducer {
    /// A guest that stops reading early has got what it wanted.
    fn drop(&mut self) {
        self.finish(Ok(()));
    }
}

impl<D> StreamProducer<D> for KeyProducer {
    type Item = String;
    type Buffer = VecBuffer<String>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            // The guest asks whether keys are ready; its next read waits for them if they are not.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let next = match &mut self.keys {
            Keys::Streamed(keys) => keys.poll_next(context),
            Keys::Failed(error) => Poll::Ready(Err(error.clone())),
        };
        let outcome = match next {
            Poll::Ready(Ok(Some(chunk))) => {
                destination.set_buffer(VecBuffer::from(chunk));
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(None)) => Ok(()),
            Poll::Ready(Err(error)) => Err(to_guest_error(&error)),
        };
        self.finish(outcome);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}
