//! The body of a request for a message, and the prompt that becomes of it.

use problem::FieldError;
use providers::{Prompt, Tool, Wire};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::content::{Block, Content};
use super::telling::Telling;
use super::tools::{self, ToolBody, ToolChoice};
use crate::error::ChatError;
use crate::models::Chosen;
use crate::openai::request::MESSAGES_MAX;

/// What a request says. What is Anthropic's own matter and changes no answer is taken and left alone; what is not known is refused, so that
/// nothing that was to steer where a request goes is overheard (SECURITY R70).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    pub model: String,
    messages: Vec<Turn>,
    max_tokens: Value,
    #[serde(default)]
    system: Option<Content<Block>>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    temperature: Option<Value>,
    #[serde(default)]
    top_p: Option<Value>,
    #[serde(default)]
    top_k: Option<Value>,
    #[serde(default)]
    stop_sequences: Option<Value>,
    #[serde(default)]
    tools: Option<Vec<ToolBody>>,
    #[serde(default)]
    tool_choice: Option<ToolChoice>,
    #[serde(default)]
    thinking: Option<Value>,
    #[serde(default, rename = "metadata")]
    _metadata: Option<Metadata>,
    #[serde(default, rename = "service_tier")]
    _service_tier: Option<ServiceTier>,
    #[serde(default, rename = "cache_control")]
    _cache: Option<IgnoredAny>,
}

/// A message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    pub role: Role,
    pub content: Content<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    User,
    Assistant,
    System,
}

/// What the client notes, for a provider that would look for abuse.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    #[serde(default, rename = "user_id")]
    _user_id: Option<String>,
}

/// There is one here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ServiceTier {
    Auto,
    StandardOnly,
}

impl MessageBody {
    pub fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// The text of the last message, if a person has said it: what a conversation keeps of the request.
    pub fn question(&self) -> Option<String> {
        let last = self.messages.last().filter(|turn| turn.role == Role::User)?;
        Some(last.content.words())
    }

    /// The prompt for this model.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for what cannot be asked.
    pub fn prompt(self, model: &Chosen) -> Result<Prompt, ChatError> {
        if self.messages.is_empty() || MESSAGES_MAX < self.messages.len() {
            let detail = format!("There must be from 1 to {MESSAGES_MAX} messages.");
            return Err(ChatError::invalid("/messages", detail));
        }
        let is_quiet = |thinking: &Value| thinking.get("type") == Some(&json!("disabled"));
        if self.thinking.as_ref().is_some_and(|thinking| !is_quiet(thinking)) {
            let detail = "What models think is not passed on here; it can only be disabled.";
            return Err(ChatError::invalid("/thinking", detail));
        }
        let wire = model.wire();
        let mut own = self.own_parameters();
        let Self { messages, system, tools, tool_choice, .. } = self;
        let tools = tools::tools(tools.unwrap_or_default())?;
        if wire != Wire::Anthropic && tool_choice.as_ref().is_some_and(ToolChoice::is_serial) {
            own.extend(serial(&tools));
        }
        let mut parameters =
            model.parameters(&own).map_err(|errors| ChatError::Invalid(own_places(errors)))?;
        if let Some(demand) = tool_choice.map(|choice| choice.demand(wire, &tools)).transpose()? {
            parameters.further.extend(demand.map(|demand| ("tool_choice".to_owned(), demand)));
        }
        let mut telling = Telling::default();
        if let Some(system) = system {
            telling.system = system.into_texts("/system")?;
        }
        let last = messages.len() - 1;
        for (n, turn) in messages.into_iter().enumerate() {
            telling.tell(n, turn)?;
        }
        telling.end()?;
        if wire != Wire::Anthropic && telling.is_begun() {
            let detail = "The model's provider does not go on with an answer that has begun: the last message must be the user's.";
            return Err(ChatError::invalid(&format!("/messages/{last}"), detail));
        }
        let Telling { system, messages, .. } = telling;
        Ok(Prompt {
            model: model.entry.model.clone(),
            system: (!system.is_empty()).then(|| system.join("\n\n")),
            messages,
            tools,
            parameters,
            stream: true,
        })
    }

    /// Those that models are configured with, too, by our names.
    fn own_parameters(&self) -> Map<String, Value> {
        let members = [
            ("max_tokens", Some(&self.max_tokens)),
            ("stop", self.stop_sequences.as_ref()),
            ("temperature", self.temperature.as_ref()),
            ("top_p", self.top_p.as_ref()),
            ("top_k", self.top_k.as_ref()),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

/// What forbids calls beside one another, where there is something to call.
fn serial(tools: &[Tool]) -> Option<(String, Value)> {
    (!tools.is_empty()).then(|| ("parallel_tool_calls".to_owned(), Value::Bool(false)))
}

/// The same errors at the places that the request has for these parameters.
fn own_places(errors: Vec<FieldError>) -> Vec<FieldError> {
    let place = |error: FieldError| {
        let name = error.pointer.trim_start_matches("/parameters");
        let pointer = match name {
            "/stop" => "/stop_sequences",
            "/parallel_tool_calls" => "/tool_choice/disable_parallel_tool_use",
            name => name,
        };
        FieldError { pointer: pointer.to_owned(), ..error }
    };
    errors.into_iter().map(place).collect()
}
