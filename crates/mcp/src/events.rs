use bytes::Bytes;
use egress::{Pieces, StreamedResponse};
use sse::{Decoder, Event};

use crate::wire::Media;
use crate::{Limits, McpError};

/// The events of an answer, as they come.
#[derive(Debug)]
pub struct Events {
    body: Pieces,
    decoder: Decoder,
    /// What was read of the body and not yet by the decoder.
    rest: Bytes,
    bytes_left: usize,
}

impl Events {
    pub fn new(response: StreamedResponse, limits: &Limits) -> Result<Self, McpError> {
        if Media::of(&response.headers) != Media::Events {
            return Err(McpError::Malformed);
        }
        let bytes_left = limits.answer_bytes_max;
        // How much may come is said for each answer, and not for the stream.
        let limits = sse::Limits::of_events(limits.message_bytes_max, usize::MAX);
        let decoder = Decoder::new(limits);
        Ok(Self { body: response.body, decoder, rest: Bytes::new(), bytes_left })
    }

    /// Lets so many bytes come until the next answer.
    pub fn allow(&mut self, bytes: usize) {
        self.bytes_left = bytes;
    }

    /// The next event, or `None` at the end. A call that is given up loses nothing.
    pub async fn next(&mut self) -> Result<Option<Event>, McpError> {
        loop {
            if let Some(event) = self.decoder.read(&mut self.rest)? {
                return Ok(Some(event));
            }
            let Some(piece) = self.body.next().await? else { return Ok(None) };
            self.bytes_left = self.bytes_left.checked_sub(piece.len()).ok_or(McpError::TooMuch)?;
            self.rest = piece;
        }
    }
}
