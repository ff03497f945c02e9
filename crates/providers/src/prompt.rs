use http::HeaderName;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{anthropic_request, openai_request};

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Chat Completions, as OpenAI itself understands it today.
    OpenAi,
    /// Chat Completions, as everybody else does: with `max_tokens`.
    OpenAiCompatible,
    /// Messages.
    Anthropic,
}

/// What a model is asked.
#[derive(Debug, Clone)]
pub struct Prompt {
    pub model: String,
    pub system: Option<String>,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub parameters: Parameters,
    pub stream: bool,
}

/// A message of the conversation so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    User(Vec<Part>),
    Assistant {
        text: String,
        calls: Vec<ToolCall>,
    },
    /// What a tool gave back.
    Tool {
        call_id: String,
        text: String,
        is_error: bool,
    },
}

/// A part of what somebody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// An image in base64.
    Image {
        mime_type: String,
        data: String,
    },
}

/// A tool that the model may call.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub parameters: Box<RawValue>,
}

/// A call that the model asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it: whoever calls the tool finds out whether it is.
    pub arguments: String,
}

/// How the model answers. What is `None` is the provider's choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    pub max_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub stop: Vec<String>,
    /// What else the body holds, by the names of the wire. Whoever fills it in has made sure that the provider takes it.
    pub further: Map<String, Value>,
}

/// A prompt that cannot be said on this wire: the arguments of a call in it are no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prompt cannot be written for this provider")]
pub struct Unwritable;

impl Prompt {
    /// The body of the request.
    ///
    /// # Errors
    /// [`Unwritable`].
    pub fn body(&self, wire: Wire) -> Result<String, Unwritable> {
        match wire {
            Wire::OpenAi | Wire::OpenAiCompatible => openai_request::body(self, wire),
            Wire::Anthropic => anthropic_request::body(self),
        }
    }
}

impl Wire {
    /// Where requests go, beneath a provider's base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => "/chat/completions",
            Self::Anthropic => "/messages",
        }
    }

    /// The header that holds a key, and its value. Keys stand in headers alone, never in a URL.
    pub fn credential(self, key: &str) -> (HeaderName, String) {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => {
                (http::header::AUTHORIZATION, format!("Bearer {key}"))
            }
            Self::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
        }
    }

    /// Further headers of the wire.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => &[],
            Self::Anthropic => &[("anthropic-version", "2023-06-01")],
        }
    }
}
