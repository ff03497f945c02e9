//! What a model is told: the conversation's path, as far as there is room.

mod images;
mod words;

use database::Statement;
use ids::{AccountId, ConversationId, MessageId};
use message::{Content, MessageRole};
use serde::Deserialize;

use crate::error::ChatError;
use crate::service::Chat;

pub use words::{Told, calls as calls_of};

/// How many messages of a path a model is told, and how many bytes of them as they are stored.
const MESSAGES_MAX: i64 = 400;
const BYTES_MAX: i64 = 2 * 1024 * 1024;

/// How many bytes as they are stored a token is at most taken for, where the model has a window.
const BYTES_PER_TOKEN: i64 = 6;

/// A message as far as a model is told of it.
#[derive(Debug, Deserialize)]
pub struct Stored {
    pub role: MessageRole,
    pub content: Content,
}

impl Chat {
    /// The path that ends in this message, as a model is told it.
    ///
    /// # Errors
    /// [`ChatError`]; none for images that cannot be shown, which are named instead.
    pub async fn tell(
        &self,
        account: AccountId,
        conversation: ConversationId,
        tip: MessageId,
        context_window: Option<i64>,
    ) -> Result<Told, ChatError> {
        let stored = self.read_path(account, conversation, tip, context_window).await?;
        self.show(account, &stored).await
    }

    /// Messages as a model is told them, with their images.
    ///
    /// # Errors
    /// As [`Chat::tell`].
    pub async fn show(&self, account: AccountId, stored: &[Stored]) -> Result<Told, ChatError> {
        let images = self.read_images(account, stored).await?;
        Ok(Told::new(stored, &images))
    }

    /// The newest messages of a path, in order.
    pub async fn read_path(
        &self,
        account: AccountId,
        conversation: ConversationId,
        tip: MessageId,
        context_window: Option<i64>,
    ) -> Result<Vec<Stored>, ChatError> {
        let room = context_window.map(|tokens| tokens.saturating_mul(BYTES_PER_TOKEN));
        let statement = Statement::new(include_str!("../queries/read_context.sql"))
            .bind(account.to_string())
            .bind(conversation.to_string())
            .bind(tip.to_string())
            .bind(MESSAGES_MAX)
            .bind(room.map_or(BYTES_MAX, |bytes| bytes.clamp(1, BYTES_MAX)));
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(ChatError::NotFound)?;
        Ok(serde_json::from_str(row.get("messages")?)?)
    }
}
