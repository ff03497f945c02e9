use message::{CONTENT_BYTES_MAX, Content, Part, Usage};
use providers::{Finish, Message, Output, Part as Piece, Prompt, ProviderError, ToolCall};
use serde_json::{Map, Value};
use usage::likely_tokens;

/// How many bytes of text an image is taken for.
const IMAGE_BYTES: usize = 4000;

/// What a model has said in one step.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub text: String,
    pub calls: Vec<ToolCall>,
    finish: Option<Finish>,
    /// What the provider counted.
    counted: Option<providers::Usage>,
    /// Bytes of what it was told.
    told_bytes: usize,
}

impl Said {
    /// Nothing yet, to this prompt.
    pub fn to(prompt: &Prompt) -> Self {
        let system = prompt.system.as_ref().map_or(0, String::len);
        let told_bytes = system + prompt.messages.iter().map(bytes_of).sum::<usize>();
        Self { told_bytes, ..Self::default() }
    }

    /// How many bytes the model was told.
    pub fn told_bytes(&self) -> usize {
        self.told_bytes
    }

    /// # Errors
    /// [`ProviderError::TooMuch`] when a message cannot hold it.
    pub fn add(&mut self, output: &Output) -> Result<(), ProviderError> {
        match output {
            Output::Text(text) => self.text.push_str(text),
            Output::Call(call) => self.calls.push(call.clone()),
            Output::Usage(usage) => self.counted = Some(*usage),
            Output::StoppedAt(_) => {}
            Output::Finished(finish) => self.finish = Some(*finish),
        }
        if CONTENT_BYTES_MAX < self.text.len() { Err(ProviderError::TooMuch) } else { Ok(()) }
    }

    /// What it has used up: as the provider counted, or as near to that as can be known, if it has begun to say anything.
    pub fn used(&self) -> Usage {
        let few = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let has_begun = self.finish.is_some() || !self.text.is_empty() || !self.calls.is_empty();
        let (input, output) = match self.counted {
            // Some count the answer only at its end.
            Some(usage) if self.finish.is_some() => {
                (few(usage.input_tokens), few(usage.output_tokens))
            }
            Some(usage) => (
                few(usage.input_tokens),
                few(usage.output_tokens).max(likely_tokens(self.text.len())),
            ),
            None if has_begun => (likely_tokens(self.told_bytes), likely_tokens(self.text.len())),
            None => (0, 0),
        };
        Usage { input, output, total: input.saturating_add(output) }
    }

    /// Whether the provider did not say how much it was.
    pub fn is_estimated(&self) -> bool {
        self.counted.is_none() || self.finish.is_none()
    }

    /// Why it has no end although the provider has ended it, in OpenAI's words.
    pub fn incomplete(&self) -> Option<&'static str> {
        match self.finish {
            Some(Finish::Length) => Some("max_output_tokens"),
            Some(Finish::Filtered) => Some("content_filter"),
            Some(Finish::Stop | Finish::ToolCalls) | None => None,
        }
    }

    /// As a message says it.
    pub fn content(&self) -> Content {
        if self.calls.is_empty() {
            return Content::Text(self.text.clone());
        }
        let text = (!self.text.is_empty()).then(|| Part::Text { text: self.text.clone() });
        let calls = self.calls.iter().map(|call| Part::ToolCall {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: arguments(call),
        });
        Content::Parts(text.into_iter().chain(calls).collect())
    }

    /// What is left of it when nothing comes of its calls.
    pub fn without_calls(&self) -> Self {
        Self { calls: Vec::new(), ..self.clone() }
    }
}

/// The arguments of a call: an object, or what the model wrote in place of one.
pub fn arguments(call: &ToolCall) -> Value {
    object(call).map_or_else(|| Value::String(call.arguments.clone()), Value::Object)
}

/// The arguments of a call, if they are an object.
pub fn object(call: &ToolCall) -> Option<Map<String, Value>> {
    if call.arguments.trim().is_empty() {
        return Some(Map::new());
    }
    serde_json::from_str(&call.arguments).ok()
}

fn bytes_of(message: &Message) -> usize {
    match message {
        Message::User(pieces) => pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.len(),
                // What an image costs is the provider's secret; it is not its bytes.
                Piece::Image { .. } => IMAGE_BYTES,
            })
            .sum(),
        Message::Assistant { text, calls } => {
            text.len() + calls.iter().map(|call| call.arguments.len()).sum::<usize>()
        }
        Message::Tool { text, .. } => text.len(),
    }
}
