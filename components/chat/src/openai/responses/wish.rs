use ids::ConversationId;
use providers::Tool;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::object::ResponseId;
use crate::error::ChatError;
use crate::openai::metadata::Metadata;
use crate::openai::tools::{TOOLS_MAX, is_name};

/// What was wished of a response. It is kept with the run: whoever works on it does so, and whoever asks for the response is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    pub instructions: Option<String>,
    pub tools: Vec<Function>,
    pub tool_choice: Option<Value>,
    pub parallel_tool_calls: Option<bool>,
    pub text: Option<Value>,
    pub reasoning: Option<Value>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_output_tokens: Option<u32>,
    pub metadata: Metadata,
    pub previous_response_id: Option<ResponseId>,
    pub conversation: Option<ConversationId>,
    /// How many messages came with the request.
    pub inputs: u32,
    /// Whether the conversation is there for responses alone.
    pub is_own: bool,
}

/// A function that the client calls if the model asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    r#type: Kind,
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    #[serde(default)]
    strict: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Function,
}

impl Wish {
    /// What is wrong with the functions.
    ///
    /// # Errors
    /// [`ChatError::Invalid`].
    pub fn check_tools(&self) -> Result<(), ChatError> {
        if TOOLS_MAX < self.tools.len() {
            let detail = format!("There may be at most {TOOLS_MAX} tools.");
            return Err(ChatError::invalid("/tools", detail));
        }
        match self.tools.iter().position(|tool| !is_name(&tool.name)) {
            None => Ok(()),
            Some(n) => {
                let detail =
                    "It must have 1 to 64 letters, digits, underscores and hyphens of ASCII.";
                Err(ChatError::invalid(&format!("/tools/{n}/name"), detail))
            }
        }
    }

    /// The functions as a model is offered them.
    ///
    /// # Errors
    /// None in practice: JSON always serializes.
    pub fn tools(&self) -> Result<Vec<Tool>, ChatError> {
        let tool = |Function { name, description, parameters, .. }: &Function| {
            let any = || json!({"type": "object", "properties": {}});
            let parameters = parameters.clone().map_or_else(any, Value::Object);
            let parameters = RawValue::from_string(parameters.to_string())?;
            Ok(Tool { name: name.clone(), description: description.clone(), parameters })
        };
        self.tools.iter().map(tool).collect()
    }

    /// About how many bytes of it a model is told.
    pub fn bytes(&self) -> usize {
        let tools = serde_json::to_string(&self.tools).map_or(0, |text| text.len());
        self.instructions.as_ref().map_or(0, String::len) + tools
    }
}
