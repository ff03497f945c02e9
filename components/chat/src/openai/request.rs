//! The body of a request for a completion, and the prompt that becomes of it.

use ids::ConversationId;
use problem::FieldError;
use providers::{Message, Part, Prompt, ToolCall};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::tools::{self, ToolBody};
use crate::error::ChatError;
use crate::models::Chosen;

/// How many messages a request may have.
pub const MESSAGES_MAX: usize = 2048;

/// What a request says. What the SDKs send and nobody here needs is taken and left alone; what is not known is refused, so that nothing that
/// was to steer where a request goes is overheard (SECURITY R70).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompletionBody {
    pub model: String,
    messages: Vec<Spoken>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Option<Vec<ToolBody>>,
    #[serde(default)]
    tool_choice: Option<Value>,
    #[serde(default)]
    response_format: Option<Value>,
    #[serde(default)]
    n: Option<u32>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    max_tokens: Option<Value>,
    #[serde(default)]
    max_completion_tokens: Option<Value>,
    #[serde(default)]
    stop: Option<Value>,
    #[serde(default)]
    temperature: Option<Value>,
    #[serde(default)]
    top_p: Option<Value>,
    #[serde(default)]
    frequency_penalty: Option<Value>,
    #[serde(default)]
    presence_penalty: Option<Value>,
    #[serde(default)]
    seed: Option<Value>,
    #[serde(default)]
    parallel_tool_calls: Option<Value>,
    #[serde(default)]
    reasoning_effort: Option<Value>,
    #[serde(default)]
    verbosity: Option<Value>,
    #[serde(default)]
    logprobs: Option<bool>,
    #[serde(default, rename = "store")]
    _store: Option<bool>,
    #[serde(default, rename = "user")]
    _user: Option<String>,
    #[serde(default, rename = "service_tier")]
    _service_tier: Option<String>,
    #[serde(default, rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    #[serde(default, rename = "prompt_cache_key")]
    _prompt_cache_key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// What the client notes. One name has a meaning: the conversation that keeps question and answer.
#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    conversation_id: Option<ConversationId>,
}

/// A message. Other members are those that the SDKs send back as they got them.
#[derive(Debug, Deserialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Spoken {
    System {
        content: Text,
    },
    Developer {
        content: Text,
    },
    User {
        content: Said,
    },
    Assistant {
        #[serde(default)]
        content: Option<Text>,
        #[serde(default)]
        tool_calls: Option<Vec<Call>>,
    },
    Tool {
        content: Text,
        tool_call_id: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Parts(Vec<TextPart>),
}

#[derive(Debug, Deserialize)]
struct TextPart {
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    Whole(String),
    Parts(Vec<Piece>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    Text { text: String },
    ImageUrl { image_url: Url },
}

#[derive(Debug, Deserialize)]
struct Url {
    url: String,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: String,
    function: Called,
}

#[derive(Debug, Deserialize)]
struct Called {
    name: String,
    arguments: String,
}

impl CompletionBody {
    /// Whether the answer comes as events, and whether the last of them says what was used.
    pub fn streaming(&self) -> Option<bool> {
        let options = self.stream_options.as_ref();
        let is_usage_asked = options.and_then(|options| options.include_usage);
        (self.stream == Some(true)).then_some(is_usage_asked == Some(true))
    }

    /// The conversation that keeps question and answer.
    pub fn conversation(&self) -> Option<ConversationId> {
        self.metadata.as_ref().and_then(|metadata| metadata.conversation_id)
    }

    /// The text of the last message, if a person has said it: what a conversation keeps of the request.
    pub fn question(&self) -> Option<String> {
        match self.messages.last() {
            Some(Spoken::User { content: Said::Whole(text) }) => Some(text.clone()),
            Some(Spoken::User { content: Said::Parts(pieces) }) => {
                let texts = pieces.iter().filter_map(|piece| match piece {
                    Piece::Text { text } => Some(text.as_str()),
                    Piece::ImageUrl { .. } => None,
                });
                Some(texts.collect::<Vec<_>>().join("\n"))
            }
            _ => None,
        }
    }

    /// The prompt for this model.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for what cannot be asked.
    pub fn prompt(self, model: &Chosen) -> Result<Prompt, ChatError> {
        if self.n.is_some_and(|n| n != 1) {
            return Err(ChatError::invalid("/n", "There is one answer."));
        }
        if self.logprobs == Some(true) {
            return Err(ChatError::invalid("/logprobs", "Probabilities are not given."));
        }
        if self.messages.is_empty() || MESSAGES_MAX < self.messages.len() {
            let detail = format!("There must be from 1 to {MESSAGES_MAX} messages.");
            return Err(ChatError::invalid("/messages", detail));
        }
        let own = self.own_parameters();
        let mut parameters = model.parameters(&own).map_err(|errors| {
            let here = |error: FieldError| {
                let pointer = error.pointer.trim_start_matches("/parameters").to_owned();
                FieldError { pointer, ..error }
            };
            ChatError::Invalid(errors.into_iter().map(here).collect())
        })?;
        let Self { messages, tools, tool_choice, response_format, .. } = self;
        parameters.further.extend(tools::demands(model.wire(), tool_choice, response_format)?);
        let (mut system, mut told) = (Vec::new(), Vec::new());
        for (n, spoken) in messages.into_iter().enumerate() {
            match spoken {
                Spoken::System { content } | Spoken::Developer { content } => {
                    system.push(content.into_string());
                }
                other => told.push(other.into_message(n)?),
            }
        }
        Ok(Prompt {
            model: model.entry.model.clone(),
            system: (!system.is_empty()).then(|| system.join("\n\n")),
            messages: told,
            tools: tools::tools(tools.unwrap_or_default())?,
            parameters,
            stream: true,
        })
    }

    /// Those that models are configured with, too.
    fn own_parameters(&self) -> Map<String, Value> {
        let max_tokens = self.max_completion_tokens.as_ref().or(self.max_tokens.as_ref());
        // One alone need not be in a list.
        let stop = self.stop.as_ref().map(|stop| match stop {
            Value::String(_) => Value::Array(vec![stop.clone()]),
            other => other.clone(),
        });
        let members = [
            ("max_tokens", max_tokens),
            ("stop", stop.as_ref()),
            ("temperature", self.temperature.as_ref()),
            ("top_p", self.top_p.as_ref()),
            ("frequency_penalty", self.frequency_penalty.as_ref()),
            ("presence_penalty", self.presence_penalty.as_ref()),
            ("seed", self.seed.as_ref()),
            ("parallel_tool_calls", self.parallel_tool_calls.as_ref()),
            ("reasoning_effort", self.reasoning_effort.as_ref()),
            ("verbosity", self.verbosity.as_ref()),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }
}

impl Text {
    fn into_string(self) -> String {
        match self {
            Self::Whole(text) => text,
            Self::Parts(parts) => {
                parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl Spoken {
    fn into_message(self, n: usize) -> Result<Message, ChatError> {
        Ok(match self {
            Self::System { content } | Self::Developer { content } => {
                Message::User(vec![Part::Text(content.into_string())])
            }
            Self::User { content: Said::Whole(text) } => Message::User(vec![Part::Text(text)]),
            Self::User { content: Said::Parts(pieces) } => {
                let parts: Result<_, _> = pieces
                    .into_iter()
                    .enumerate()
                    .map(|(m, piece)| piece.into_part(n, m))
                    .collect();
                Message::User(parts?)
            }
            Self::Assistant { content, tool_calls } => Message::Assistant {
                text: content.map(Text::into_string).unwrap_or_default(),
                calls: tool_calls.unwrap_or_default().into_iter().map(Call::into_call).collect(),
            },
            Self::Tool { content, tool_call_id } => Message::Tool {
                call_id: tool_call_id,
                text: content.into_string(),
                is_error: false,
            },
        })
    }
}

impl Call {
    fn into_call(self) -> ToolCall {
        let Called { name, arguments } = self.function;
        ToolCall { id: self.id, name, arguments }
    }
}

impl Piece {
    fn into_part(self, message: usize, part: usize) -> Result<Part, ChatError> {
        match self {
            Self::Text { text } => Ok(Part::Text(text)),
            Self::ImageUrl { image_url: Url { url } } => {
                image_in(&url, || format!("/messages/{message}/content/{part}/image_url/url"))
            }
        }
    }
}

/// The image that stands in a URL.
///
/// # Errors
/// [`ChatError::Invalid`] at this place for a URL that would have to be fetched.
pub fn image_in(url: &str, place: impl FnOnce() -> String) -> Result<Part, ChatError> {
    let image = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((mime_type, data)) = image.filter(|(kind, _)| kind.starts_with("image/")) else {
        let detail =
            "Nothing is fetched for a request: give the image itself, as data:image/…;base64,….";
        return Err(ChatError::invalid(&place(), detail));
    };
    Ok(Part::Image { mime_type: mime_type.to_owned(), data: data.to_owned() })
}
