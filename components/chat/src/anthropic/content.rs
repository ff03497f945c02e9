//! What somebody says: a text, or blocks.

use std::fmt;
use std::marker::PhantomData;

use providers::{Part, ToolCall};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::ChatError;
use crate::openai::request::image_in;

/// A text, or a list of blocks.
#[derive(Debug)]
pub enum Content<T> {
    Text(String),
    Blocks(Vec<T>),
}

/// A block. Hints about caches change no answer: they are taken and left alone.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    Text {
        text: String,
        /// Ours have none, so there is nothing that could come back.
        #[serde(default)]
        citations: Option<Vec<IgnoredAny>>,
        #[serde(default, rename = "cache_control")]
        _cache: Option<IgnoredAny>,
    },
    Image {
        source: Source,
        #[serde(default, rename = "cache_control")]
        _cache: Option<IgnoredAny>,
    },
    ToolUse {
        id: String,
        name: String,
        input: Map<String, Value>,
        #[serde(default, rename = "caller")]
        _caller: Option<ToolCaller>,
        #[serde(default, rename = "cache_control")]
        _cache: Option<IgnoredAny>,
    },
    ToolResult {
        tool_use_id: String,
        #[serde(default)]
        content: Option<Content<Block>>,
        #[serde(default)]
        is_error: Option<bool>,
        #[serde(default, rename = "cache_control")]
        _cache: Option<IgnoredAny>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    Base64 { media_type: String, data: String },
    Url { url: String },
}

/// Who has called a tool: the model itself, and no program of its provider's.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToolCaller {
    Direct {},
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Content<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

struct ContentVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ContentVisitor<T> {
    type Value = Content<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of blocks")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, blocks: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(blocks)).map(Content::Blocks)
    }
}

impl Content<Block> {
    /// The blocks with their places. A text is one that stands where the list would.
    pub fn placed(self, place: &str) -> Vec<(String, Block)> {
        match self {
            Self::Text(text) => vec![(place.to_owned(), Block::text(text))],
            Self::Blocks(blocks) => {
                let placed = |(n, block)| (format!("{place}/{n}"), block);
                blocks.into_iter().enumerate().map(placed).collect()
            }
        }
    }

    /// The texts of blocks that may be nothing else.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for other blocks.
    pub fn into_texts(self, place: &str) -> Result<Vec<String>, ChatError> {
        let text = |(place, block): (String, Block)| block.into_text(&place);
        self.placed(place).into_iter().map(text).collect()
    }

    /// The words in it, whatever else there is.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => {
                let words = blocks.iter().filter_map(|block| match block {
                    Block::Text { text, .. } => Some(text.as_str()),
                    Block::Image { .. } | Block::ToolUse { .. } | Block::ToolResult { .. } => None,
                });
                words.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl Block {
    fn text(text: String) -> Self {
        Self::Text { text, citations: None, _cache: None }
    }

    /// The text of a block that may be nothing else.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for another one.
    pub fn into_text(self, place: &str) -> Result<String, ChatError> {
        match self {
            Self::Text { citations: Some(citations), .. } if !citations.is_empty() => {
                Err(ChatError::invalid(&format!("{place}/citations"), "There are no citations."))
            }
            Self::Text { text, .. } => Ok(text),
            Self::Image { .. } | Self::ToolUse { .. } | Self::ToolResult { .. } => {
                Err(ChatError::invalid(place, "Only text can stand here."))
            }
        }
    }
}

impl Source {
    /// The image itself.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for what is none, or would have to be fetched.
    pub fn into_part(self, place: &str) -> Result<Part, ChatError> {
        match self {
            Self::Base64 { media_type, data } if media_type.starts_with("image/") => {
                Ok(Part::Image { mime_type: media_type, data })
            }
            Self::Base64 { .. } => {
                let place = format!("{place}/source/media_type");
                Err(ChatError::invalid(&place, "It must be an image's."))
            }
            Self::Url { url } => image_in(&url, || format!("{place}/source/url")),
        }
    }
}

/// A call as the model made it.
pub fn call(id: String, name: String, input: Map<String, Value>) -> ToolCall {
    ToolCall { id, name, arguments: Value::Object(input).to_string() }
}
