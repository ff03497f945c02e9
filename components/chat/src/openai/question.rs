//! What a conversation keeps of a request that is no run.

use axum::http::{HeaderMap, HeaderName};
use ids::ConversationId;
use message::Content;

use crate::error::ChatError;

/// The header that names a conversation.
const CONVERSATION: HeaderName = HeaderName::from_static("x-conversation-id");

/// A question that a conversation keeps.
#[derive(Debug, Clone)]
pub struct Question {
    pub conversation: ConversationId,
    pub text: String,
}

impl Question {
    /// What a person has said last, if it was a person who spoke last.
    ///
    /// # Errors
    /// [`ChatError::Invalid`] when there is nothing that could be kept.
    pub fn new(conversation: ConversationId, text: Option<String>) -> Result<Self, ChatError> {
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
            let detail = "A conversation keeps what a person said last: the last message must be the user's.";
            ChatError::invalid("/messages", detail)
        })?;
        let errors = Content::Text(text.clone()).check();
        if errors.is_empty() {
            Ok(Self { conversation, text })
        } else {
            Err(ChatError::Invalid(errors))
        }
    }
}

/// The conversation that keeps question and answer, if a header names one.
///
/// # Errors
/// [`ChatError::Invalid`] for what is no id.
pub fn named_conversation(headers: &HeaderMap) -> Result<Option<ConversationId>, ChatError> {
    let Some(value) = headers.get(CONVERSATION) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    let id = id.ok_or_else(|| {
        ChatError::invalid("/x-conversation-id", "The header holds no id of a conversation.")
    })?;
    Ok(Some(id))
}
