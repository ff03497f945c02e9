//! What a message may hold, and how it becomes the JSON that is stored.

use std::fmt;

use ambient::UnixMillis;
use problem::FieldError;
use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use crate::metadata::{METADATA_BYTES_MAX, Metadata};

/// How much text a message may have, over all its parts, as UTF-8.
pub const CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// How many parts a message may have.
pub const CONTENT_PARTS_MAX: usize = 256;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageRole {
    User,
    Assistant,
    System,
    Tool,
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

/// What a message says. A text given as a string comes back as a string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    Text { text: String },
}

impl Content {
    /// What is wrong with it, if anything.
    pub fn check(&self) -> Result<(), FieldError> {
        let refuse = |detail: &'static str| Err(FieldError::new("/content", detail));
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::Parts(parts) if CONTENT_PARTS_MAX < parts.len() => {
                return refuse("A message may have at most 256 parts.");
            }
            Self::Parts(parts) => parts.iter().map(|Part::Text { text }| text.len()).sum(),
        };
        if bytes == 0 {
            return refuse("The content is empty.");
        }
        if CONTENT_BYTES_MAX < bytes {
            return refuse("The content may have at most 1,048,576 bytes of text.");
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Content {
    /// By hand, because a derived untagged enum buffers everything and cannot say what it expected.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Content, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(sequence)).map(Content::Parts)
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}

/// A message that is about to be appended.
pub struct NewMessage {
    pub role: MessageRole,
    pub content: Content,
    pub metadata: Option<Metadata>,
}

impl NewMessage {
    /// What is wrong with it: nothing, or everything at once.
    pub fn check(&self) -> Vec<FieldError> {
        let mut errors: Vec<_> = self.content.check().err().into_iter().collect();
        if self.metadata.as_ref().is_some_and(Metadata::is_too_large) {
            errors.push(FieldError::new(
                "/metadata",
                format!("Metadata may have at most {METADATA_BYTES_MAX} bytes."),
            ));
        }
        errors
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
            status: &'static str,
            model: Option<&'static str>,
            usage: Option<&'static str>,
            metadata: &'a serde_json::value::RawValue,
            created_at: UnixMillis,
        }
        let empty = serde_json::value::RawValue::from_string("{}".to_owned())?;
        let object = serde_json::to_string(&Tail {
            role: self.role,
            content: &self.content,
            status: COMPLETED,
            model: None,
            usage: None,
            metadata: self.metadata.as_ref().map_or(&empty, Metadata::as_raw),
            created_at,
        })?;
        // `{"role":…}` becomes `,"role":…}`.
        Ok(object.replacen('{', ",", 1))
    }
}

/// The status of a message that is whole.
pub const COMPLETED: &str = "completed";
