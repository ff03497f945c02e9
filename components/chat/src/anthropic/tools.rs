//! Tools of a request, and what the model is to do with them.

use providers::{Tool, Wire};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::error::ChatError;
use crate::openai::tools::{TOOLS_MAX, is_name};

/// A tool of the client's. Those that a provider itself would work with are refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolBody {
    name: String,
    input_schema: Map<String, Value>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, rename = "type")]
    _kind: Option<ToolKind>,
    #[serde(default)]
    strict: Option<bool>,
    /// Arguments come at once, which is always allowed.
    #[serde(default, rename = "eager_input_streaming")]
    _eager_input_streaming: Option<bool>,
    #[serde(default, rename = "cache_control")]
    _cache: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ToolKind {
    Custom,
}

/// Which tools the model is to call.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ToolChoice {
    Auto {
        #[serde(default)]
        disable_parallel_tool_use: Option<bool>,
    },
    Any {
        #[serde(default)]
        disable_parallel_tool_use: Option<bool>,
    },
    Tool {
        name: String,
        #[serde(default)]
        disable_parallel_tool_use: Option<bool>,
    },
    None {},
}

/// The tools in our words.
///
/// # Errors
/// [`ChatError::Invalid`].
pub fn tools(bodies: Vec<ToolBody>) -> Result<Vec<Tool>, ChatError> {
    if TOOLS_MAX < bodies.len() {
        let detail = format!("There may be at most {TOOLS_MAX} tools.");
        return Err(ChatError::invalid("/tools", detail));
    }
    let mut tools: Vec<Tool> = Vec::with_capacity(bodies.len());
    for (n, body) in bodies.into_iter().enumerate() {
        let refused =
            |member: &str, detail| Err(ChatError::invalid(&format!("/tools/{n}/{member}"), detail));
        let ToolBody { name, input_schema, description, strict, .. } = body;
        if !is_name(&name) {
            let detail = "It must have 1 to 64 letters, digits, underscores and hyphens of ASCII.";
            return refused("name", detail);
        }
        if tools.iter().any(|tool| tool.name == name) {
            return refused("name", "Another tool has this name.");
        }
        if strict == Some(true) {
            return refused("strict", "What a model gives as arguments is not made to fit here.");
        }
        let parameters = RawValue::from_string(Value::Object(input_schema).to_string())?;
        tools.push(Tool { name, description, parameters });
    }
    Ok(tools)
}

impl ToolChoice {
    /// Whether the model may call one tool at most.
    pub fn is_serial(&self) -> bool {
        match self {
            Self::Auto { disable_parallel_tool_use }
            | Self::Any { disable_parallel_tool_use }
            | Self::Tool { disable_parallel_tool_use, .. } => {
                *disable_parallel_tool_use == Some(true)
            }
            Self::None {} => false,
        }
    }

    /// The choice as the provider is to be told it; nothing where it says what goes without saying.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] when it asks for what is not there.
    pub fn demand(&self, wire: Wire, tools: &[Tool]) -> Result<Option<Value>, ChatError> {
        match self {
            Self::Auto { .. } | Self::None {} if tools.is_empty() => return Ok(None),
            Self::Any { .. } if tools.is_empty() => {
                return Err(ChatError::invalid("/tool_choice", "There are no tools."));
            }
            Self::Tool { name, .. } if tools.iter().all(|tool| tool.name != *name) => {
                return Err(ChatError::invalid("/tool_choice/name", "No tool has this name."));
            }
            _ => {}
        }
        Ok(Some(match wire {
            Wire::OpenAi | Wire::OpenAiCompatible => self.openai(),
            Wire::Anthropic => self.anthropic(),
        }))
    }

    fn openai(&self) -> Value {
        match self {
            Self::Auto { .. } => json!("auto"),
            Self::Any { .. } => json!("required"),
            Self::Tool { name, .. } => json!({"type": "function", "function": {"name": name}}),
            Self::None {} => json!("none"),
        }
    }

    fn anthropic(&self) -> Value {
        let mut choice = Map::new();
        let kind = match self {
            Self::Auto { .. } => "auto",
            Self::Any { .. } => "any",
            Self::Tool { name, .. } => {
                choice.insert("name".to_owned(), json!(name));
                "tool"
            }
            Self::None {} => "none",
        };
        choice.insert("type".to_owned(), json!(kind));
        if self.is_serial() {
            choice.insert("disable_parallel_tool_use".to_owned(), json!(true));
        }
        Value::Object(choice)
    }
}
