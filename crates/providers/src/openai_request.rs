use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Message, Part, Prompt, Tool, ToolCall, Unwritable, Wire};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Spoken<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<'a, Definition<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    further: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Spoken<'a> {
    System {
        content: &'a str,
    },
    User {
        content: Content<'a>,
    },
    Assistant {
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

/// Text alone is a string, since some know nothing else.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Piece<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: Url },
}

#[derive(Serialize)]
struct Url {
    url: String,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(flatten)]
    function: Function<'a, Arguments<'a>>,
}

#[derive(Serialize)]
struct Function<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    function: T,
}

#[derive(Serialize)]
struct Arguments<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a RawValue,
}

pub fn body(prompt: &Prompt, wire: Wire) -> Result<String, Unwritable> {
    let parameters = &prompt.parameters;
    let is_own = wire == Wire::OpenAi;
    let system = prompt.system.as_deref().map(|content| Spoken::System { content });
    let body = Body {
        model: &prompt.model,
        messages: system.into_iter().chain(prompt.messages.iter().map(spoken)).collect(),
        tools: prompt.tools.iter().map(definition).collect(),
        max_tokens: parameters.max_tokens.filter(|_| !is_own),
        max_completion_tokens: parameters.max_tokens.filter(|_| is_own),
        temperature: parameters.temperature,
        top_p: parameters.top_p,
        stop: &parameters.stop,
        stream: prompt.stream,
        stream_options: prompt.stream.then_some(StreamOptions { include_usage: true }),
        further: &parameters.further,
    };
    serde_json::to_string(&body).map_err(|_| Unwritable)
}

fn spoken(message: &Message) -> Spoken<'_> {
    match message {
        Message::User(parts) => Spoken::User { content: content(parts) },
        Message::Assistant { text, calls } => {
            Spoken::Assistant { content: text, tool_calls: calls.iter().map(call).collect() }
        }
        Message::Tool { call_id, text, .. } => {
            Spoken::Tool { tool_call_id: call_id, content: text }
        }
    }
}

fn content(parts: &[Part]) -> Content<'_> {
    if let [Part::Text(text)] = parts {
        return Content::Text(text);
    }
    Content::Parts(parts.iter().map(piece).collect())
}

fn piece(part: &Part) -> Piece<'_> {
    match part {
        Part::Text(text) => Piece::Text { text },
        Part::Image { mime_type, data } => {
            Piece::ImageUrl { image_url: Url { url: format!("data:{mime_type};base64,{data}") } }
        }
    }
}

fn call(call: &ToolCall) -> Call<'_> {
    let function = Arguments { name: &call.name, arguments: &call.arguments };
    Call { id: &call.id, function: Function { kind: "function", function } }
}

fn definition(tool: &Tool) -> Function<'_, Definition<'_>> {
    let description = tool.description.as_deref();
    let function = Definition { name: &tool.name, description, parameters: &tool.parameters };
    Function { kind: "function", function }
}
