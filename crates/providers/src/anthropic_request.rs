use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Message, Part, Prompt, Tool, ToolCall, Unwritable};

/// Anthropic wants a limit in every request; this is what its smaller models allow.
const MAX_TOKENS: u32 = 4096;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Definition<'a>>,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
    #[serde(flatten)]
    further: &'a Map<String, Value>,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: Role,
    content: Vec<Block<'a>>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text { text: &'a str },
    Image { source: Source<'a> },
    ToolUse { id: &'a str, name: &'a str, input: &'a RawValue },
    ToolResult { tool_use_id: &'a str, content: &'a str, is_error: bool },
}

#[derive(Serialize)]
struct Source<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: &'a RawValue,
}

pub fn body(prompt: &Prompt) -> Result<String, Unwritable> {
    let parameters = &prompt.parameters;
    let body = Body {
        model: &prompt.model,
        system: prompt.system.as_deref(),
        messages: turns(&prompt.messages)?,
        tools: prompt.tools.iter().map(definition).collect(),
        max_tokens: parameters.max_tokens.unwrap_or(MAX_TOKENS),
        temperature: parameters.temperature,
        top_p: parameters.top_p,
        stop_sequences: &parameters.stop,
        stream: prompt.stream,
        further: &parameters.further,
    };
    serde_json::to_string(&body).map_err(|_| Unwritable)
}

/// Messages of one side that follow each other are one turn: the results of all calls of an answer must stand together.
fn turns(messages: &[Message]) -> Result<Vec<Turn<'_>>, Unwritable> {
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        let (role, blocks) = blocks(message)?;
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => turns.push(Turn { role, content: blocks }),
        }
    }
    Ok(turns)
}

fn blocks(message: &Message) -> Result<(Role, Vec<Block<'_>>), Unwritable> {
    match message {
        Message::User(parts) => Ok((Role::User, parts.iter().map(block).collect())),
        Message::Assistant { text, calls } => {
            // An empty text is refused.
            let text = (!text.is_empty()).then_some(Ok(Block::Text { text }));
            let blocks =
                text.into_iter().chain(calls.iter().map(call)).collect::<Result<_, _>>()?;
            Ok((Role::Assistant, blocks))
        }
        Message::Tool { call_id, text, is_error } => {
            let is_error = *is_error;
            Ok((
                Role::User,
                vec![Block::ToolResult { tool_use_id: call_id, content: text, is_error }],
            ))
        }
    }
}

fn block(part: &Part) -> Block<'_> {
    match part {
        Part::Text(text) => Block::Text { text },
        Part::Image { mime_type, data } => {
            Block::Image { source: Source { kind: "base64", media_type: mime_type, data } }
        }
    }
}

fn call(call: &ToolCall) -> Result<Block<'_>, Unwritable> {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    let input: &RawValue = serde_json::from_str(arguments).map_err(|_| Unwritable)?;
    if !input.get().starts_with('{') {
        return Err(Unwritable);
    }
    Ok(Block::ToolUse { id: &call.id, name: &call.name, input })
}

fn definition(tool: &Tool) -> Definition<'_> {
    let description = tool.description.as_deref();
    Definition { name: &tool.name, description, input_schema: &tool.parameters }
}
