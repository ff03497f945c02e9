use crate::{ProviderError, ToolCall, Wire, anthropic, openai};

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// More text. Never empty.
    Text(String),
    /// A whole call.
    Call(ToolCall),
    /// What was used so far; the last one counts.
    Usage(Usage),
    /// The sequence at which it stopped. It comes before the end, where the wire says it at all.
    StoppedAt(String),
    /// The end. Nothing but [`Output::Usage`] comes after it.
    Finished(Finish),
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It has said everything.
    Stop,
    /// It reached the limit of tokens.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// It was stopped because of what it said, or refused to say it.
    Filtered,
}

/// Tokens, as the provider counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All of the prompt, cached or not.
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
    /// The sequence at which it stopped, where the wire says it.
    pub stopped_at: Option<String>,
    pub usage: Option<Usage>,
}

impl Completion {
    /// Reads the body of an answer with status 200 that was not streamed.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub fn read(wire: Wire, body: &[u8]) -> Result<Self, ProviderError> {
        match wire {
            Wire::OpenAi | Wire::OpenAiCompatible => openai::completion(body),
            Wire::Anthropic => anthropic::completion(body),
        }
    }
}
