use std::time::Duration;

use bytes::{Bytes, BytesMut};
use egress::{Egress, Pieces, Request, StreamLimits, StreamedResponse};
use http::{HeaderName, HeaderValue, StatusCode, header};
use providers::{Completion, Prompt, ProviderError};

use super::{Answering, AskError, Chosen};

/// How many times as long as it may be silent a provider may take for an answer: one that does nothing but show that it lives is given up.
const SILENCES_MAX: u32 = 10;

/// How long an answer may take in all, however patient the operator is: what is reserved for it must last longer.
const ANSWER_MAX: Duration = Duration::from_mins(13);

/// How much of an answer that says why there is none is looked at.
const ERROR_BYTES_MAX: usize = 64 * 1024;

impl Chosen {
    /// Sends a prompt, and waits for the head of the answer; a provider that is silent for too long is given up. Dropping what it gives ends the exchange.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(
        &self,
        egress: &Egress,
        silence_max: Duration,
        prompt: &Prompt,
    ) -> Result<Answering, AskError> {
        let mut request =
            Request::post(self.target.clone(), "application/json", prompt.body(self.wire)?);
        let accept = HeaderValue::from_static("text/event-stream, application/json");
        request.headers.insert(header::ACCEPT, accept);
        for (name, value) in self.wire.headers() {
            let name = HeaderName::from_static(name);
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(key) = &self.key {
            let (name, value) = self.wire.credential(key);
            let value = zeroize::Zeroizing::new(value);
            request = request.with_secret(name, &value)?;
        }
        let limits = StreamLimits {
            head: silence_max,
            idle: silence_max,
            total: (silence_max * SILENCES_MAX).min(ANSWER_MAX),
            ..StreamLimits::default()
        };
        let answer = egress.stream(request, limits).await?;
        let StreamedResponse { status, headers, mut body } = answer;
        if status != StatusCode::OK {
            let text = read(&mut body, ERROR_BYTES_MAX).await.unwrap_or_default();
            return Err(ProviderError::of_status(status, &headers, &text).into());
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("text/event-stream") {
            return Ok(Answering::streamed(self.wire, body));
        }
        // Some know no streams.
        if kind.eq_ignore_ascii_case("application/json") {
            let text = read(&mut body, usize::MAX).await?;
            return Ok(Answering::whole(Completion::read(self.wire, &text)?));
        }
        Err(ProviderError::Malformed.into())
    }
}

/// What there is of a body up to about this size; the exchange has its own limit.
async fn read(body: &mut Pieces, bytes_max: usize) -> Result<Bytes, AskError> {
    let mut bytes = BytesMut::new();
    while bytes.len() < bytes_max
        && let Some(piece) = body.next().await?
    {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}
