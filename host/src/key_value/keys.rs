//! Keys on their way into a guest's stream.

use std::task::{Context, Poll};

use engine::{EngineError, KeyStream};

use super::guest::{Error, to_guest_error};
use crate::chunks::{Chunks, Next};

/// The keys of a store, or why there are none to be had: the interface tells that at the stream's end only.
pub enum Keys {
    Streamed(KeyStream),
    Failed(EngineError),
}

impl Chunks for Keys {
    type Item = String;
    type Error = Error;

    fn poll_next(&mut self, context: &mut Context<'_>) -> Next<String, Error> {
        let next = match self {
            Self::Streamed(keys) => keys.poll_next(context),
            Self::Failed(error) => Poll::Ready(Err(error.clone())),
        };
        next.map_err(|error| to_guest_error(&error))
    }
}
