//! The body of a request for a response.

use ids::ConversationId;
use message::{Content, MessageRole, MessageStatus, NewMessage};
use problem::FieldError;
use providers::Parameters;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::object::ResponseId;
use super::wish::{Function, Wish};
use crate::error::ChatError;
use crate::models::Chosen;
use crate::openai::metadata::{self, Metadata};
use crate::openai::{items, tools};

/// How many items a request may have: no more than a model is told of a conversation.
const ITEMS_MAX: usize = 256;

/// What a request says. As with completions, what is not known is refused; what is OpenAI's own matter and changes no answer is taken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseBody {
    pub model: String,
    input: Value,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    pub previous_response_id: Option<ResponseId>,
    #[serde(default)]
    conversation: Option<Named>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    tools: Option<Vec<Function>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    top_p: Option<f64>,
    #[serde(default)]
    max_output_tokens: Option<u32>,
    #[serde(default)]
    text: Option<Text>,
    #[serde(default)]
    reasoning: Option<Reasoning>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(default)]
    include: Option<Vec<String>>,
    #[serde(default, rename = "truncation")]
    _truncation: Option<Truncation>,
    #[serde(default, rename = "stream_options")]
    _stream_options: IgnoredAny,
    #[serde(default, rename = "user")]
    _user: Option<String>,
    #[serde(default, rename = "service_tier")]
    _service_tier: Option<String>,
    #[serde(default, rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    #[serde(default, rename = "prompt_cache_key")]
    _prompt_cache_key: Option<String>,
    #[serde(default, rename = "prompt_cache_retention")]
    _prompt_cache_retention: Option<String>,
}

/// A conversation by its id, bare or in an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Id(ConversationId),
    Object { id: ConversationId },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    format: Option<Value>,
    #[serde(default)]
    verbosity: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasoning {
    #[serde(default)]
    effort: Option<Value>,
    /// Nobody's reasoning is shown.
    #[serde(default, rename = "summary")]
    _summary: Option<String>,
}

/// The oldest messages are left out where there is no room, whatever is said.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Truncation {
    Auto,
    Disabled,
}

impl ResponseBody {
    pub fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether the response can be asked for later.
    pub fn is_kept(&self) -> bool {
        self.store != Some(false)
    }

    pub fn conversation(&self) -> Option<ConversationId> {
        self.conversation.as_ref().map(|named| match named {
            Named::Id(id) | Named::Object { id } => *id,
        })
    }

    /// What is told to the model, what is kept of what was wished, and how the model answers.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for what cannot be asked.
    pub fn read(self, model: &Chosen) -> Result<(Vec<NewMessage>, Wish, Parameters), ChatError> {
        self.check()?;
        let own = self.own_parameters();
        let mut parameters = model
            .parameters(&own)
            .map_err(|errors| ChatError::Invalid(errors.into_iter().map(renamed).collect()))?;
        let text = self.text.as_ref().and_then(|text| text.format.as_ref());
        let choice = self.tool_choice.as_ref().map(choice);
        let format = text.map(format).transpose()?;
        let demands =
            tools::demands(model.wire(), choice, format).map_err(|error| match error {
                ChatError::Invalid(errors) => {
                    ChatError::Invalid(errors.into_iter().map(renamed).collect())
                }
                other => other,
            })?;
        parameters.further.extend(demands);
        let text = self.text.as_ref().map(|text| {
            let plain = || json!({"type": "text"});
            let format = text.format.clone().unwrap_or_else(plain);
            json!({"format": format, "verbosity": text.verbosity})
        });
        let reasoning = self
            .reasoning
            .as_ref()
            .map(|reasoning| json!({"effort": reasoning.effort, "summary": null}));
        let conversation = self.conversation();
        let messages = read_input(self.input)?;
        let wish = Wish {
            instructions: self.instructions,
            tools: self.tools.unwrap_or_default(),
            tool_choice: self.tool_choice,
            parallel_tool_calls: self.parallel_tool_calls,
            text,
            reasoning,
            temperature: self.temperature,
            top_p: self.top_p,
            max_output_tokens: self.max_output_tokens,
            metadata: self.metadata.unwrap_or_default(),
            previous_response_id: self.previous_response_id,
            conversation,
            inputs: u32::try_from(messages.len()).unwrap_or(u32::MAX),
            is_own: false,
        };
        wish.check_tools()?;
        Ok((messages, wish, parameters))
    }

    fn check(&self) -> Result<(), ChatError> {
        if self.background == Some(true) {
            let detail = "A response is worked on as long as its client is there.";
            return Err(ChatError::invalid("/background", detail));
        }
        // There is no reasoning that it could be about.
        let is_empty = |name: &String| name == "reasoning.encrypted_content";
        if !self.include.iter().flatten().all(is_empty) {
            return Err(ChatError::invalid("/include", "There is nothing to include."));
        }
        if !self.is_kept() && self.conversation.is_some() {
            let detail = "What a conversation keeps is stored.";
            return Err(ChatError::invalid("/store", detail));
        }
        self.metadata.as_ref().map_or(Ok(()), metadata::check)
    }

    /// Those that models are configured with, too, by the names that they have there.
    fn own_parameters(&self) -> Map<String, Value> {
        let verbosity = self.text.as_ref().and_then(|text| text.verbosity.clone());
        let effort = self.reasoning.as_ref().and_then(|reasoning| reasoning.effort.clone());
        let members = [
            ("max_tokens", self.max_output_tokens.map(Value::from)),
            ("temperature", self.temperature.map(Value::from)),
            ("top_p", self.top_p.map(Value::from)),
            ("parallel_tool_calls", self.parallel_tool_calls.map(Value::from)),
            ("reasoning_effort", effort),
            ("verbosity", verbosity),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The same error, about what the request calls it.
fn renamed(error: FieldError) -> FieldError {
    let pointer = match error.pointer.trim_start_matches("/parameters") {
        "/max_tokens" => "/max_output_tokens",
        "/reasoning_effort" => "/reasoning/effort",
        "/verbosity" => "/text/verbosity",
        "/response_format" => "/text/format",
        other => other,
    };
    FieldError { pointer: pointer.to_owned(), ..error }
}

/// A choice of a tool as completions have it.
fn choice(choice: &Value) -> Value {
    match (choice.get("type"), choice.get("name")) {
        (Some(kind), Some(name)) => json!({"type": kind, "function": {"name": name}}),
        _ => choice.clone(),
    }
}

/// The form of an answer as completions have it.
fn format(format: &Value) -> Result<Value, ChatError> {
    if format.get("type").is_some_and(|kind| kind != "json_schema") {
        return Ok(format.clone());
    }
    let Some(mut schema) = format.as_object().cloned() else {
        return Err(ChatError::invalid("/text/format", "It is an object with a type."));
    };
    schema.remove("type");
    Ok(json!({"type": "json_schema", "json_schema": schema}))
}

/// The messages of an input: one with its text, or one for each item.
fn read_input(input: Value) -> Result<Vec<NewMessage>, ChatError> {
    let items = match input {
        Value::String(text) => {
            let content = Content::Text(text);
            let errors: Vec<_> = content.check();
            if !errors.is_empty() {
                let here = |error| FieldError { pointer: "/input".to_owned(), ..error };
                return Err(ChatError::Invalid(errors.into_iter().map(here).collect()));
            }
            let (role, status) = (MessageRole::User, MessageStatus::Completed);
            let (model, usage, metadata) = (None, None, None);
            return Ok(vec![NewMessage { role, status, content, model, usage, metadata }]);
        }
        Value::Array(items) if (1..=ITEMS_MAX).contains(&items.len()) => items,
        _ => {
            let detail = format!("It is a text or a list of 1 to {ITEMS_MAX} items.");
            return Err(ChatError::invalid("/input", detail));
        }
    };
    items::read(items, "/input")
}
