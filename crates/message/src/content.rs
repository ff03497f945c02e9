//! What a message says.

use std::fmt;

use ids::FileId;
use problem::FieldError;
use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// How many bytes a message may have, over all its parts, as UTF-8.
pub const CONTENT_BYTES_MAX: usize = 1024 * 1024;

/// How many parts a message may have.
const CONTENT_PARTS_MAX: usize = 256;

/// How long names and the ids of calls may be.
pub const NAME_CHARS_MAX: usize = 255;

/// What a message says. A text given as a string comes back as a string.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
///
/// A file is one of the account's when it is named. That grants nothing: whoever uses the name looks it up for the account it is used in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Part {
    Text {
        text: String,
    },
    ImageFile {
        file_id: FileId,
    },
    File {
        file_id: FileId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    ToolCall {
        id: String,
        name: String,
        /// An object, or the text of one as providers send it.
        arguments: Value,
    },
    ToolResult {
        tool_call_id: String,
        content: String,
        #[serde(default)]
        is_error: bool,
    },
}

impl Content {
    /// The files that its parts name, with the position of each part.
    pub fn files(&self) -> impl Iterator<Item = (usize, FileId)> {
        let parts = match self {
            Self::Text(_) => &[],
            Self::Parts(parts) => parts.as_slice(),
        };
        parts.iter().enumerate().filter_map(|(n, part)| match part {
            Part::ImageFile { file_id } | Part::File { file_id, .. } => Some((n, *file_id)),
            Part::Text { .. } | Part::ToolCall { .. } | Part::ToolResult { .. } => None,
        })
    }

    /// What is wrong with it: nothing, or everything at once.
    pub fn check(&self) -> Vec<FieldError> {
        let bytes = match self {
            Self::Text(text) => text.len(),
            Self::Parts(parts) if CONTENT_PARTS_MAX < parts.len() => {
                return vec![FieldError::new("/content", "A message may have at most 256 parts.")];
            }
            Self::Parts(parts) => parts.iter().map(Part::bytes).sum(),
        };
        let mut errors = Vec::new();
        if bytes == 0 {
            errors.push(FieldError::new("/content", "The content is empty."));
        }
        if CONTENT_BYTES_MAX < bytes {
            let detail = "The content may have at most 1,048,576 bytes.";
            errors.push(FieldError::new("/content", detail));
        }
        if let Self::Parts(parts) = self {
            errors.extend(parts.iter().enumerate().flat_map(|(n, part)| part.check(n)));
        }
        errors
    }
}

impl Part {
    /// How many bytes it counts for. A part that only names something is not empty.
    fn bytes(&self) -> usize {
        match self {
            Self::Text { text } => text.len(),
            Self::ImageFile { .. } => 1,
            Self::File { name, .. } => 1 + name.as_ref().map_or(0, String::len),
            Self::ToolCall { id, name, arguments } => {
                id.len() + name.len() + arguments.to_string().len()
            }
            Self::ToolResult { tool_call_id, content, .. } => tool_call_id.len() + content.len(),
        }
    }

    fn check(&self, index: usize) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut check_name = |field: &str, name: &str| {
            let is_fine = (1..=NAME_CHARS_MAX).contains(&name.chars().count())
                && !name.chars().any(char::is_control);
            if !is_fine {
                let detail = format!(
                    "It must have 1 to {NAME_CHARS_MAX} characters, none of them control characters."
                );
                errors.push(FieldError::new(format!("/content/{index}/{field}"), detail));
            }
        };
        match self {
            Self::Text { .. } | Self::ImageFile { .. } | Self::File { name: None, .. } => {}
            Self::File { name: Some(name), .. } => check_name("name", name),
            Self::ToolCall { id, name, arguments } => {
                check_name("id", id);
                check_name("name", name);
                if !matches!(arguments, Value::Object(_) | Value::String(_)) {
                    let pointer = format!("/content/{index}/arguments");
                    errors.push(FieldError::new(pointer, "It must be an object or a string."));
                }
            }
            Self::ToolResult { tool_call_id, .. } => check_name("tool_call_id", tool_call_id),
        }
        errors
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
