//! Messages of a request, as they are told to the model.

use providers::{Message, Part};

use super::content::{Block, Content, call};
use super::request::{Role, Turn};
use crate::error::ChatError;

/// What the model is told so far.
#[derive(Debug, Default)]
pub struct Telling {
    /// What stands above the conversation.
    pub system: Vec<String>,
    pub messages: Vec<Message>,
    /// The calls of the answer before that have no result yet. Providers take nothing between calls and their results.
    open: Vec<String>,
}

impl Telling {
    /// Tells the `n`th message.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] for what cannot be said, or not there.
    pub fn tell(&mut self, n: usize, turn: Turn) -> Result<(), ChatError> {
        let Turn { role, content } = turn;
        let place = format!("/messages/{n}/content");
        if matches!(&content, Content::Blocks(blocks) if blocks.is_empty()) {
            return Err(ChatError::invalid(&place, "There must be something in it."));
        }
        match role {
            Role::System => self.system.extend(content.into_texts(&place)?),
            Role::User => self.user(content.placed(&place))?,
            Role::Assistant => self.assistant(content.placed(&place))?,
        }
        Ok(())
    }

    /// Says that this is all.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] when a call has no result.
    pub fn end(&self) -> Result<(), ChatError> {
        self.check_answered("/messages")
    }

    /// Whether the model is to go on with what it has begun to say.
    pub fn is_begun(&self) -> bool {
        matches!(self.messages.last(), Some(Message::Assistant { .. }))
    }

    fn user(&mut self, blocks: Vec<(String, Block)>) -> Result<(), ChatError> {
        let mut parts = Vec::new();
        for (place, block) in blocks {
            match block {
                block @ Block::Text { .. } => {
                    self.check_answered(&place)?;
                    let text = block.into_text(&place)?;
                    if text.is_empty() {
                        return Err(ChatError::invalid(&place, "A text must not be empty."));
                    }
                    parts.push(Part::Text(text));
                }
                Block::Image { source, .. } => {
                    self.check_answered(&place)?;
                    parts.push(source.into_part(&place)?);
                }
                Block::ToolResult { tool_use_id, content, is_error, .. } => {
                    self.answer(&tool_use_id, &place)?;
                    let texts = match content {
                        Some(content) => content.into_texts(&format!("{place}/content"))?,
                        None => Vec::new(),
                    };
                    self.messages.push(Message::Tool {
                        call_id: tool_use_id,
                        text: texts.join("\n"),
                        is_error: is_error.unwrap_or_default(),
                    });
                }
                Block::ToolUse { .. } => {
                    return Err(ChatError::invalid(&place, "Only the assistant calls tools."));
                }
            }
        }
        if !parts.is_empty() {
            self.messages.push(Message::User(parts));
        }
        Ok(())
    }

    fn assistant(&mut self, blocks: Vec<(String, Block)>) -> Result<(), ChatError> {
        let (mut said, mut calls) = (String::new(), Vec::new());
        for (place, block) in blocks {
            match block {
                Block::ToolUse { id, name, input, .. } => calls.push(call(id, name, input)),
                other => {
                    self.check_answered(&place)?;
                    said.push_str(&other.into_text(&place)?);
                }
            }
        }
        self.open.extend(calls.iter().map(|call| call.id.clone()));
        self.messages.push(Message::Assistant { text: said, calls });
        Ok(())
    }

    fn answer(&mut self, id: &str, place: &str) -> Result<(), ChatError> {
        let position = self.open.iter().position(|open| open == id);
        let position = position.ok_or_else(|| {
            let detail =
                "The answer before has no call of this id without a result; results come first.";
            ChatError::invalid(&format!("{place}/tool_use_id"), detail)
        })?;
        self.open.remove(position);
        Ok(())
    }

    fn check_answered(&self, place: &str) -> Result<(), ChatError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let detail = "Each call of the answer before needs its result first.";
        Err(ChatError::invalid(place, detail))
    }
}
