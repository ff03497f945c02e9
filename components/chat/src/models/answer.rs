use std::collections::VecDeque;

use bytes::Bytes;
use egress::Pieces;
use providers::{Completion, Decoder, Limits, Output, ProviderError, Wire};

use super::AskError;

/// A model's answer as it comes.
#[derive(Debug)]
pub struct Answering(Form);

#[derive(Debug)]
enum Form {
    Streamed {
        /// `None` once the answer was whole.
        decoder: Option<Box<Decoder>>,
        pieces: Pieces,
        /// What has come and was not read yet.
        rest: Bytes,
    },
    Whole(VecDeque<Output>),
}

impl Answering {
    pub(super) fn streamed(wire: Wire, pieces: Pieces) -> Self {
        let decoder = Some(Box::new(Decoder::new(wire, Limits::default())));
        Self(Form::Streamed { decoder, pieces, rest: Bytes::new() })
    }

    pub(super) fn whole(completion: Completion) -> Self {
        let Completion { text, calls, finish, stopped_at, usage } = completion;
        let text = (!text.is_empty()).then_some(Output::Text(text));
        let calls = calls.into_iter().map(Output::Call);
        let usage = usage.map(Output::Usage);
        let end = stopped_at.map(Output::StoppedAt).into_iter().chain([Output::Finished(finish)]);
        Self(Form::Whole(text.into_iter().chain(calls).chain(usage).chain(end).collect()))
    }

    /// What comes next; `None` after the end. A call that is given up loses nothing.
    ///
    /// # Errors
    /// [`AskError`], after which there is no more.
    pub async fn next(&mut self) -> Result<Option<Output>, AskError> {
        let (slot, pieces, rest) = match &mut self.0 {
            Form::Whole(outputs) => return Ok(outputs.pop_front()),
            Form::Streamed { decoder, pieces, rest } => (decoder, pieces, rest),
        };
        loop {
            let Some(decoder) = slot else { return Ok(None) };
            if let Some(output) = decoder.read(rest)? {
                return Ok(Some(output));
            }
            if decoder.is_done() {
                *slot = None;
                return Ok(None);
            }
            if let Some(piece) = pieces.next().await? {
                *rest = piece;
                continue;
            }
            let ended = slot.take().map(|decoder| decoder.end());
            ended.unwrap_or(Err(ProviderError::Interrupted))?;
        }
    }
}
