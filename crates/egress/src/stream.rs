use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;

use crate::message::check_head;
use crate::platform::{Incoming, within};
use crate::{EgressError, Patience};

/// What an answer that is read piece by piece may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// The longest time until the head of the answer is there.
    pub head: Duration,
    /// The longest time without a piece, while one is waited for.
    pub idle: Duration,
    /// The longest time from the call to the last byte of the answer.
    pub total: Duration,
    /// The largest body of the answer, in bytes.
    pub body_bytes_max: usize,
}

/// The answer of another server, whose body is still to be read.
#[derive(Debug)]
pub struct StreamedResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Pieces,
}

/// A body that is read as it comes. Dropping it ends the exchange.
pub struct Pieces {
    /// `None` once the body has ended or failed: the connection is let go at once.
    body: Option<Incoming>,
    limits: StreamLimits,
    patience: Patience,
    begun: Instant,
    bytes_left: usize,
}

impl Default for StreamLimits {
    /// A minute to the first byte and between pieces, ten minutes and 16 MiB in all (SECURITY R71).
    fn default() -> Self {
        Self {
            head: Duration::from_mins(1),
            idle: Duration::from_mins(1),
            total: Duration::from_mins(10),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

impl StreamedResponse {
    /// Waits for the head of an answer and takes it, unless it is one that [`check_head`] refuses.
    pub(crate) async fn receive(
        exchange: impl Future<Output = Result<http::Response<Incoming>, EgressError>>,
        limits: StreamLimits,
    ) -> Result<Self, EgressError> {
        let begun = Instant::now();
        let response = within(limits.head.min(limits.total), exchange).await??;
        let (head, body) = response.into_parts();
        check_head(head.status, &head.headers)?;
        let bytes_left = limits.body_bytes_max;
        let patience = Patience::default();
        let body = Pieces { body: Some(body), limits, patience, begun, bytes_left };
        Ok(Self { status: head.status, headers: head.headers, body })
    }
}

impl Pieces {
    /// The next piece, never an empty one, or `None` when the body is over. A call that is given up loses nothing.
    ///
    /// # Errors
    /// [`EgressError`], after which the body is over.
    pub async fn next(&mut self) -> Result<Option<Bytes>, EgressError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let left = self.limits.total.saturating_sub(self.begun.elapsed());
        // Whoever always has a piece ready would never be late by waiting alone.
        let outcome = if left.is_zero() {
            Err(EgressError::Timeout)
        } else {
            self.patience.within(self.limits.idle.min(left), piece(body)).await.flatten()
        };
        let outcome = match outcome {
            Ok(Some(piece)) if self.bytes_left < piece.len() => Err(EgressError::TooLarge),
            outcome => outcome,
        };
        match &outcome {
            Ok(Some(piece)) => self.bytes_left -= piece.len(),
            Ok(None) | Err(_) => self.body = None,
        }
        outcome
    }
}

/// The next bytes of a body, if any are left.
async fn piece(body: &mut Incoming) -> Result<Option<Bytes>, EgressError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| EgressError::Interrupted)?;
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            // Trailers say nothing that anyone here reads.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").field("bytes_left", &self.bytes_left).finish_non_exhaustive()
    }
}
