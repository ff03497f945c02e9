//! What a message may hold, and how it becomes the JSON that is stored.

use ambient::UnixMillis;
use problem::{FieldError, JsonObject};
use serde::{Deserialize, Serialize};

use crate::{Content, title};

/// How long the name of a model may be.
const MODEL_CHARS_MAX: usize = 255;

/// Whether a message is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    Completed,
    /// Whoever wrote it stopped or was stopped.
    Interrupted,
    /// What should have said more failed.
    Failed,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    User,
    Assistant,
    System,
    Tool,
}

impl MessageStatus {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl MessageRole {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::System => "system",
            Self::Tool => "tool",
        }
    }
}

/// What a model used up for a message, in tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    #[serde(rename = "input_tokens")]
    pub input: u32,
    #[serde(rename = "output_tokens")]
    pub output: u32,
    #[serde(rename = "total_tokens")]
    pub total: u32,
}

/// A message that is about to be appended.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub role: MessageRole,
    pub status: MessageStatus,
    pub content: Content,
    pub model: Option<String>,
    pub usage: Option<Usage>,
    pub metadata: Option<JsonObject>,
}

impl NewMessage {
    /// What is wrong with it: nothing, or everything at once.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors = self.content.check();
        let has_origin = self.model.is_some() || self.usage.is_some();
        if has_origin && self.role != MessageRole::Assistant {
            let pointer = if self.model.is_some() { "/model" } else { "/usage" };
            errors.push(FieldError::new(pointer, "Only messages of the assistant have this."));
        }
        let is_name = |name: &String| {
            (1..=MODEL_CHARS_MAX).contains(&name.chars().count())
                && !name.chars().any(char::is_control)
        };
        if !self.model.as_ref().is_none_or(is_name) {
            let detail = format!(
                "It must have 1 to {MODEL_CHARS_MAX} characters, none of them control characters."
            );
            errors.push(FieldError::new("/model", detail));
        }
        errors.extend(self.metadata.as_ref().and_then(|metadata| metadata.check_metadata().err()));
        errors
    }

    /// The title that it gives a conversation without one.
    pub fn title(&self) -> Option<String> {
        (self.role == MessageRole::User).then(|| title::derive(&self.content)).flatten()
    }

    /// The JSON of the message from the member `role` on. What stands before it, `id`, `seq` and `parent_id`, is known only to the
    /// statement that appends, which puts both together.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn tail(&self, created_at: UnixMillis) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Tail<'a> {
            role: MessageRole,
            content: &'a Content,
            status: MessageStatus,
            model: Option<&'a str>,
            usage: Option<Usage>,
            metadata: &'a serde_json::value::RawValue,
            created_at: UnixMillis,
        }
        let empty = serde_json::value::RawValue::from_string("{}".to_owned())?;
        let object = serde_json::to_string(&Tail {
            role: self.role,
            content: &self.content,
            status: self.status,
            model: self.model.as_deref(),
            usage: self.usage,
            metadata: self.metadata.as_ref().map_or(&empty, JsonObject::as_raw),
            created_at,
        })?;
        // `{"role":…}` becomes `,"role":…}`.
        Ok(object.replacen('{', ",", 1))
    }
}
