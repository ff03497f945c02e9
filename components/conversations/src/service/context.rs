use ids::{AccountId, ConversationId};
use problem::{FieldError, IfMatch, JsonObject};

use super::conversations::refuse;
use crate::error::ConversationError;
use crate::service::Conversations;
use crate::store;

/// How large a context document may be, as JSON text.
pub const CONTEXT_BYTES_MAX: usize = 1024 * 1024;

/// What an application keeps for a conversation beside its messages.
pub struct Context {
    pub document: JsonObject,
    /// Counts how often it was written.
    pub version: i64,
}

impl Context {
    /// The entity tag.
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }
}

impl Conversations {
    /// The context document of a conversation; empty when none was written.
    pub async fn context(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Context, ConversationError> {
        let now = self.clock.now();
        let context = store::get_context(&self.database, account, conversation, now).await?;
        context.ok_or(ConversationError::NotFound)
    }

    /// Replaces the context document, unless someone else has since `if_match` was read.
    pub async fn put_context(
        &self,
        account: AccountId,
        conversation: ConversationId,
        if_match: &IfMatch,
        document: JsonObject,
    ) -> Result<Context, ConversationError> {
        let detail = "The document may have at most 1,048,576 bytes.";
        let is_too_large = CONTEXT_BYTES_MAX < document.as_str().len();
        refuse(is_too_large.then(|| FieldError::new("", detail)).into_iter().collect())?;
        let now = self.clock.now();
        let version =
            store::put_context(&self.database, account, conversation, if_match, &document, now)
                .await?;
        match version {
            Some(version) => Ok(Context { document, version }),
            None => Err(self.unchanged(account, conversation).await?),
        }
    }
}
