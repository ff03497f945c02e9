use ids::{FileId, MessageId};
use message::{Content, MessageRole, MessageStatus, Part};
use problem::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ItemId;
use super::id::Place;
use crate::openai::metadata::note;
use crate::work::Said;

/// What a message notes of what it has no own member for.
pub(super) const ROLE: &str = "openai_role";
const INCOMPLETE: &str = "openai_incomplete";

/// A message as it is stored, as far as its items show it.
#[derive(Debug, Clone, Deserialize)]
pub struct Stored {
    pub id: MessageId,
    pub role: MessageRole,
    pub content: Content,
    pub status: MessageStatus,
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// An item as OpenAI gives it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    Message {
        id: ItemId,
        status: &'static str,
        role: &'static str,
        content: Vec<Piece>,
    },
    FunctionCall {
        id: ItemId,
        status: &'static str,
        call_id: String,
        name: String,
        arguments: String,
    },
    FunctionCallOutput {
        id: ItemId,
        status: &'static str,
        call_id: String,
        output: String,
    },
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Piece {
    InputText {
        text: String,
    },
    OutputText {
        text: String,
        annotations: [(); 0],
        logprobs: [(); 0],
    },
    InputImage {
        file_id: FileId,
        image_url: Option<String>,
        detail: &'static str,
    },
    InputFile {
        file_id: FileId,
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
    },
}

impl Item {
    pub fn id(&self) -> ItemId {
        match self {
            Self::Message { id, .. }
            | Self::FunctionCall { id, .. }
            | Self::FunctionCallOutput { id, .. } => *id,
        }
    }

    /// A message of the model's with this text.
    pub fn said(message: MessageId, status: &'static str, content: Vec<Piece>) -> Self {
        let id = ItemId { message, place: Place::Words };
        Self::Message { id, status, role: "assistant", content }
    }
}

impl Piece {
    /// A text of the model's.
    pub fn output(text: &str) -> Self {
        Self::OutputText { text: text.to_owned(), annotations: [], logprobs: [] }
    }
}

impl Stored {
    /// Why the message has no end, in OpenAI's words, although the provider has ended it.
    pub fn incomplete(&self) -> Option<&str> {
        self.metadata.get(INCOMPLETE).and_then(Value::as_str)
    }

    /// Its words first, then its calls and results in their order.
    pub fn items(&self) -> Vec<Item> {
        let message = self.id;
        let status = match self.status {
            MessageStatus::Completed if self.incomplete().is_none() => "completed",
            _ => "incomplete",
        };
        let content = self.pieces();
        let id = ItemId { message, place: Place::Words };
        let words = Item::Message { id, status, role: self.role(), content: content.clone() };
        let mut items: Vec<_> = (!content.is_empty()).then_some(words).into_iter().collect();
        let (mut calls, mut results) = (0, 0);
        for part in self.parts() {
            match part {
                Part::ToolCall { id, name, arguments } => {
                    let arguments = match arguments {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    let (call_id, name) = (id.clone(), name.clone());
                    let id = ItemId { message, place: Place::Call(calls) };
                    items.push(Item::FunctionCall { id, status, call_id, name, arguments });
                    calls += 1;
                }
                Part::ToolResult { tool_call_id, content, .. } => {
                    let (call_id, output) = (tool_call_id.clone(), content.clone());
                    let id = ItemId { message, place: Place::Result(results) };
                    items.push(Item::FunctionCallOutput { id, status, call_id, output });
                    results += 1;
                }
                Part::Text { .. } | Part::ImageFile { .. } | Part::File { .. } => {}
            }
        }
        items
    }

    fn parts(&self) -> &[Part] {
        match &self.content {
            Content::Text(_) => &[],
            Content::Parts(parts) => parts,
        }
    }

    fn role(&self) -> &'static str {
        let is_developer =
            self.metadata.get(ROLE).and_then(Value::as_str).is_some_and(|role| role == "developer");
        match self.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
            MessageRole::System if is_developer => "developer",
            MessageRole::System => "system",
            MessageRole::Tool => "tool",
        }
    }

    fn pieces(&self) -> Vec<Piece> {
        let text = |text: &String| match self.role {
            MessageRole::Assistant => Piece::output(text),
            _ => Piece::InputText { text: text.clone() },
        };
        if let Content::Text(whole) = &self.content {
            return (!whole.is_empty()).then(|| text(whole)).into_iter().collect();
        }
        let piece = |part: &Part| match part {
            Part::Text { text: words } => Some(text(words)),
            Part::ImageFile { file_id } => {
                let (file_id, image_url, detail) = (*file_id, None, "auto");
                Some(Piece::InputImage { file_id, image_url, detail })
            }
            Part::File { file_id, name } => {
                Some(Piece::InputFile { file_id: *file_id, filename: name.clone() })
            }
            Part::ToolCall { .. } | Part::ToolResult { .. } => None,
        };
        self.parts().iter().filter_map(piece).collect()
    }
}

/// The text of a part, if it has one.
pub fn text_of(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::InputText { text } | Piece::OutputText { text, .. } => Some(text),
        Piece::InputImage { .. } | Piece::InputFile { .. } => None,
    }
}

/// What the message of an answer notes, if the provider has ended it without an end.
///
/// # Errors
/// None in practice: strings always serialize.
pub fn cut(said: &Said) -> Result<Option<JsonObject>, serde_json::Error> {
    said.incomplete().map(|reason| note(INCOMPLETE, reason)).transpose()
}
