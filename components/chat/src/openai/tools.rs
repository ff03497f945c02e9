//! Tools of a request, and what the model is to do with them.

use problem::FieldError;
use providers::{Tool, Wire};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::error::ChatError;

/// How many tools a request may have, and how long their names may be.
pub const TOOLS_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Deserialize)]
pub struct ToolBody {
    #[serde(rename = "type")]
    kind: ToolKind,
    function: Function,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ToolKind {
    Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
}

/// The tools in our words.
pub fn tools(bodies: Vec<ToolBody>) -> Result<Vec<Tool>, ChatError> {
    if TOOLS_MAX < bodies.len() {
        let detail = format!("There may be at most {TOOLS_MAX} tools.");
        return Err(ChatError::invalid("/tools", detail));
    }
    let tool = |(n, ToolBody { kind: ToolKind::Function, function }): (usize, ToolBody)| {
        let Function { name, description, parameters } = function;
        if !is_name(&name) {
            let detail = "It must have 1 to 64 letters, digits, underscores and hyphens of ASCII.";
            return Err(ChatError::invalid(&format!("/tools/{n}/function/name"), detail));
        }
        let parameters =
            parameters.map_or_else(|| json!({"type": "object", "properties": {}}), Value::Object);
        let parameters = RawValue::from_string(parameters.to_string())?;
        Ok(Tool { name, description, parameters })
    };
    bodies.into_iter().enumerate().map(tool).collect()
}

pub fn is_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_fine)
}

/// What a request asks of the answer, as the provider is to be told it: its own words, which the wire of OpenAI's takes as they are.
pub fn demands(
    wire: Wire,
    tool_choice: Option<Value>,
    response_format: Option<Value>,
) -> Result<Map<String, Value>, ChatError> {
    let mut demands = Map::new();
    if let Some(choice) = tool_choice {
        let (is_known, name) = match &choice {
            Value::String(text) => (matches!(text.as_str(), "none" | "auto" | "required"), None),
            choice => {
                let name = choice.pointer("/function/name").and_then(Value::as_str);
                (
                    choice.get("type").is_some_and(|kind| kind == "function")
                        && name.is_some_and(is_name),
                    name,
                )
            }
        };
        if !is_known {
            let detail = "It is none, auto, required, or the name of a function.";
            return Err(ChatError::invalid("/tool_choice", detail));
        }
        let choice = match (wire, name) {
            (Wire::OpenAi | Wire::OpenAiCompatible, _) => choice,
            (Wire::Anthropic, Some(name)) => json!({"type": "tool", "name": name}),
            (Wire::Anthropic, None) if choice == "required" => json!({"type": "any"}),
            (Wire::Anthropic, None) => json!({"type": choice}),
        };
        demands.insert("tool_choice".to_owned(), choice);
    }
    if let Some(format) =
        response_format.filter(|format| format.get("type").is_none_or(|kind| kind != "text"))
    {
        let kind = format.get("type").and_then(Value::as_str).unwrap_or_default();
        let has_schema = format.get("json_schema").is_some_and(Value::is_object);
        let is_known = kind == "json_object" || (kind == "json_schema" && has_schema);
        if !is_known || wire == Wire::Anthropic {
            let detail = "The model's provider takes text, and OpenAI's json_object and json_schema where it speaks their protocol.";
            return Err(ChatError::Invalid(vec![FieldError::new("/response_format", detail)]));
        }
        demands.insert("response_format".to_owned(), format);
    }
    Ok(demands)
}
