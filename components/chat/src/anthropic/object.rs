//! What an answer looks like, whole and in events.

use message::Usage;
use providers::{Finish, Output, ToolCall};
use serde::Serialize;
use serde_json::value::RawValue;

/// What is known of an answer before it begins.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: String,
    pub model: String,
}

/// Anthropic's message object.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "message")]
pub struct MessageObject<'a> {
    id: &'a str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a, Box<RawValue>>>,
    #[serde(flatten)]
    end: End<'a>,
    usage: Tokens,
}

/// A block of an answer, or the beginning of one.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block<'a, I> {
    Text { text: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: I },
}

/// Why an answer ends; nothing as long as it does not.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct End<'a> {
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Tokens {
    #[serde(rename = "input_tokens")]
    input: u32,
    #[serde(rename = "output_tokens")]
    output: u32,
}

/// What a provider has said about the end.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    finish: Option<Finish>,
    sequence: Option<String>,
}

/// An answer as it has come.
#[derive(Debug, Default)]
pub struct Answer {
    text: String,
    calls: Vec<ToolCall>,
    ending: Ending,
}

impl Frame {
    /// The message before anything is said. What the prompt takes is only known here if the provider has said so already.
    pub fn begin(&self, input: u64) -> MessageObject<'_> {
        let input = u32::try_from(input).unwrap_or(u32::MAX);
        self.object(Vec::new(), End::default(), Tokens { input, output: 0 })
    }

    /// The whole message; none if a call of it has no arguments that could be shown.
    pub fn whole<'a>(&'a self, answer: &'a Answer, usage: Usage) -> Option<MessageObject<'a>> {
        let Answer { text, calls, ending } = answer;
        let mut content = Vec::new();
        if !text.is_empty() {
            content.push(Block::Text { text });
        }
        for call in calls {
            content.push(Block::ToolUse { id: &call.id, name: &call.name, input: input(call)? });
        }
        Some(self.object(content, ending.end(), usage.into()))
    }

    fn object<'a>(
        &'a self,
        content: Vec<Block<'a, Box<RawValue>>>,
        end: End<'a>,
        usage: Tokens,
    ) -> MessageObject<'a> {
        MessageObject { id: &self.id, role: "assistant", model: &self.model, content, end, usage }
    }
}

impl Answer {
    pub fn hear(&mut self, output: Output) {
        match output {
            Output::Text(more) => self.text.push_str(&more),
            Output::Call(call) => self.calls.push(call),
            Output::Usage(_) => {}
            Output::StoppedAt(_) | Output::Finished(_) => self.ending.hear(&output),
        }
    }
}

impl Ending {
    pub fn hear(&mut self, output: &Output) {
        match output {
            Output::StoppedAt(sequence) => self.sequence = Some(sequence.clone()),
            Output::Finished(finish) => self.finish = Some(*finish),
            Output::Text(_) | Output::Call(_) | Output::Usage(_) => {}
        }
    }

    pub fn end(&self) -> End<'_> {
        let sequence = self.sequence.as_deref().filter(|_| self.finish == Some(Finish::Stop));
        let reason = self.finish.map(|finish| match finish {
            Finish::Stop if sequence.is_some() => "stop_sequence",
            Finish::Stop => "end_turn",
            Finish::Length => "max_tokens",
            Finish::ToolCalls => "tool_use",
            Finish::Filtered => "refusal",
        });
        End { stop_reason: reason, stop_sequence: sequence }
    }
}

/// The arguments of a call as the model wrote them, if they are an object: others cannot be said on this wire.
pub fn input(call: &ToolCall) -> Option<Box<RawValue>> {
    let written = call.arguments.trim();
    let written = if written.is_empty() { "{}" } else { written };
    let input = RawValue::from_string(written.to_owned()).ok()?;
    input.get().starts_with('{').then_some(input)
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self { input: usage.input, output: usage.output }
    }
}
