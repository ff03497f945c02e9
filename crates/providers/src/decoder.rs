use std::collections::VecDeque;

use bytes::Bytes;

use crate::calls::Calls;
use crate::{Finish, Output, ProviderError, Usage, Wire, anthropic, openai};

/// How large an answer and its parts may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest event of the stream, in bytes.
    pub event_bytes_max: usize,
    /// The largest answer, in bytes as they are sent.
    pub total_bytes_max: usize,
    /// How many calls an answer may hold, and how many bytes in all of them.
    pub calls_max: usize,
    pub call_bytes_max: usize,
}

/// Reads a streamed answer.
#[derive(Debug)]
pub struct Decoder {
    wire: Wire,
    events: sse::Decoder,
    answer: Answer,
}

/// An answer as far as it has come.
#[derive(Debug)]
pub struct Answer {
    pub calls: Calls,
    pub usage: Usage,
    /// Read, and not taken yet.
    outputs: VecDeque<Output>,
    finish: Option<Finish>,
    is_done: bool,
}

impl Default for Limits {
    /// One MiB for an event, 16 MiB for the answer (SECURITY R71), 64 calls in one MiB.
    fn default() -> Self {
        Self {
            event_bytes_max: 1024 * 1024,
            total_bytes_max: 16 * 1024 * 1024,
            calls_max: 64,
            call_bytes_max: 1024 * 1024,
        }
    }
}

impl Decoder {
    pub fn new(wire: Wire, limits: Limits) -> Self {
        let events = sse::Limits::of_events(limits.event_bytes_max, limits.total_bytes_max);
        Self { wire, events: sse::Decoder::new(events), answer: Answer::new(&limits) }
    }

    /// Takes bytes off the front until there is an output, or until none are left.
    ///
    /// # Errors
    /// [`ProviderError`], after which the stream is of no use.
    pub fn read(&mut self, bytes: &mut Bytes) -> Result<Option<Output>, ProviderError> {
        loop {
            if let Some(output) = self.answer.outputs.pop_front() {
                return Ok(Some(output));
            }
            if self.answer.is_done {
                bytes.clear();
                return Ok(None);
            }
            let event = self.events.read(bytes).map_err(|_| ProviderError::TooMuch)?;
            let Some(event) = event else { return Ok(None) };
            match self.wire {
                Wire::OpenAi | Wire::OpenAiCompatible => openai::event(&event, &mut self.answer)?,
                Wire::Anthropic => anthropic::event(&event, &mut self.answer)?,
            }
        }
    }

    /// Whether the provider has said that nothing more will come.
    pub fn is_done(&self) -> bool {
        self.answer.is_done && self.answer.outputs.is_empty()
    }

    /// Says whether the answer was whole, once its bytes have ended.
    ///
    /// # Errors
    /// [`ProviderError::Interrupted`].
    pub fn end(self) -> Result<(), ProviderError> {
        // Some close the stream without a last word after the end.
        self.answer.finish.map(drop).ok_or(ProviderError::Interrupted)
    }
}

impl Answer {
    fn new(limits: &Limits) -> Self {
        Self {
            calls: Calls::new(limits),
            usage: Usage::default(),
            outputs: VecDeque::new(),
            finish: None,
            is_done: false,
        }
    }

    /// More text.
    pub fn say(&mut self, text: String) -> Result<(), ProviderError> {
        if text.is_empty() {
            return Ok(());
        }
        self.check_unfinished()?;
        self.outputs.push_back(Output::Text(text));
        Ok(())
    }

    /// What was used so far.
    pub fn count(&mut self, usage: Usage) {
        self.usage = usage;
        self.outputs.push_back(Output::Usage(usage));
    }

    /// After the end nothing is said any more.
    pub fn check_unfinished(&self) -> Result<(), ProviderError> {
        if self.finish.is_some() { Err(ProviderError::Malformed) } else { Ok(()) }
    }

    /// The sequence at which the model is about to have stopped.
    pub fn stop_at(&mut self, sequence: String) {
        if self.finish.is_none() {
            self.outputs.push_back(Output::StoppedAt(sequence));
        }
    }

    /// The end. Some say it twice.
    pub fn finish(&mut self, finish: Finish) -> Result<(), ProviderError> {
        if self.finish.is_some() {
            return Ok(());
        }
        let finish = finish.with(&self.calls);
        // Of an answer that was cut off, nobody knows whether the last call is whole.
        if finish == Finish::ToolCalls {
            self.outputs.extend(self.calls.take()?.into_iter().map(Output::Call));
        }
        self.finish = Some(finish);
        self.outputs.push_back(Output::Finished(finish));
        Ok(())
    }

    /// The provider's last word.
    pub fn close(&mut self) -> Result<(), ProviderError> {
        self.is_done = true;
        self.finish.map(drop).ok_or(ProviderError::Interrupted)
    }
}

impl Finish {
    /// Some say that they have said everything, and wait for tools all the same; and the other way round.
    pub(crate) fn with(self, calls: &Calls) -> Self {
        match self {
            Self::Stop | Self::ToolCalls if calls.is_empty() => Self::Stop,
            Self::Stop | Self::ToolCalls => Self::ToolCalls,
            Self::Length | Self::Filtered => self,
        }
    }
}

impl Usage {
    /// Numbers of a stranger's, cut to more than any model has.
    pub(crate) fn of(input_tokens: u64, output_tokens: u64) -> Self {
        let most = u64::from(u32::MAX);
        Self { input_tokens: input_tokens.min(most), output_tokens: output_tokens.min(most) }
    }
}
