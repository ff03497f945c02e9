//! What a completion looks like, whole and in pieces.

use message::Usage;
use providers::{Finish, Output, ToolCall};
use serde::Serialize;

const DONE: &str = "data: [DONE]\n\n";

/// What stands in each piece of an answer.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: String,
    pub created: u64,
    pub model: String,
}

/// OpenAI's "chat completion object", and the chunk of one.
#[derive(Debug, Serialize)]
pub struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Debug, Serialize)]
pub struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Said<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

/// What the model says: all of it, or what is new.
#[derive(Debug, Default, Serialize)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

/// A text, or null for an answer that has none.
#[derive(Debug, Serialize)]
struct Text<'a>(Option<&'a str>);

#[derive(Debug, Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Debug, Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
pub struct Tokens {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl<'a> Choice<'a> {
    /// The whole answer.
    pub fn whole(text: &'a str, calls: &'a [ToolCall], finish: Finish) -> Self {
        let has_text = !text.is_empty() || calls.is_empty();
        let message = Said {
            role: Some("assistant"),
            content: Some(Text(has_text.then_some(text))),
            tool_calls: calls.iter().map(|call| told(call, None)).collect(),
        };
        Self {
            index: 0,
            delta: None,
            message: Some(message),
            logprobs: None,
            finish_reason: Some(reason(finish)),
        }
    }
}

impl Frame {
    /// The whole answer.
    pub fn completion<'a>(&'a self, choices: &'a [Choice<'a>], usage: Usage) -> Chunk<'a> {
        self.chunk("chat.completion", choices, Some(usage.into()))
    }

    /// The first event: somebody speaks.
    pub fn begin(&self) -> String {
        let content = Some(Text(Some("")));
        self.event(Said { role: Some("assistant"), content, ..Said::default() }, None)
    }

    /// The event of what the model has said, of which the calls are counted.
    pub fn said(&self, output: &Output, calls: &mut usize) -> Option<String> {
        match output {
            Output::Text(text) => {
                let content = Some(Text(Some(text)));
                Some(self.event(Said { content, ..Said::default() }, None))
            }
            Output::Call(call) => {
                let tool_calls = vec![told(call, Some(*calls))];
                *calls += 1;
                Some(self.event(Said { tool_calls, ..Said::default() }, None))
            }
            Output::Finished(finish) => Some(self.event(Said::default(), Some(reason(*finish)))),
            Output::Usage(_) | Output::StoppedAt(_) => None,
        }
    }

    /// The end, with what was used if that was asked for.
    pub fn end(&self, usage: Usage, with_usage: bool) -> String {
        let used = if with_usage { self.data(&[], Some(usage.into())) } else { String::new() };
        format!("{used}{DONE}")
    }

    fn chunk<'a>(
        &'a self,
        object: &'static str,
        choices: &'a [Choice<'a>],
        usage: Option<Tokens>,
    ) -> Chunk<'a> {
        let Self { id, created, model } = self;
        Chunk { id, object, created: *created, model, choices, usage }
    }

    fn event(&self, delta: Said<'_>, finish_reason: Option<&'static str>) -> String {
        let choice =
            Choice { index: 0, delta: Some(delta), message: None, logprobs: None, finish_reason };
        self.data(std::slice::from_ref(&choice), None)
    }

    fn data(&self, choices: &[Choice<'_>], usage: Option<Tokens>) -> String {
        let chunk = self.chunk("chat.completion.chunk", choices, usage);
        // Strings and numbers always serialize.
        format!("data: {}\n\n", serde_json::to_string(&chunk).unwrap_or_default())
    }
}

fn told(call: &ToolCall, index: Option<usize>) -> Call<'_> {
    let function = Called { name: &call.name, arguments: &call.arguments };
    Call { index, id: &call.id, r#type: "function", function }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let Usage { input, output, total } = usage;
        Self { prompt_tokens: input, completion_tokens: output, total_tokens: total }
    }
}
