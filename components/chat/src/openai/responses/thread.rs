//! Where a response goes on.

use ids::{AccountId, ConversationId, MessageId};
use message::{NewMessage, Position};
use providers::Parameters;

use super::request::ResponseBody;
use super::wish::Wish;
use crate::error::ChatError;
use crate::models::Chosen;
use crate::service::Chat;

/// What is asked, and where.
pub struct Asking {
    pub thread: Option<Thread>,
    pub model: Chosen,
    pub messages: Vec<NewMessage>,
    pub wish: Wish,
    pub parameters: Parameters,
}

/// The path that a response goes on with.
#[derive(Debug, Clone, Copy)]
pub struct Thread {
    pub conversation: ConversationId,
    pub position: Position,
    /// The newest message of the path.
    pub tip: Option<MessageId>,
    /// How many bytes a model is told of it at most.
    pub bytes: usize,
    /// Whether the conversation is there for responses alone.
    pub is_own: bool,
}

impl Chat {
    /// The path that a request names, if it names one.
    ///
    /// # Errors
    /// [`ChatError::NotFound`] when it is not there.
    pub(super) async fn find_thread(
        &self,
        account: AccountId,
        body: &ResponseBody,
    ) -> Result<Option<Thread>, ChatError> {
        match (body.previous_response_id, body.conversation()) {
            (None, None) => Ok(None),
            (None, Some(conversation)) => {
                let place = self.find_tip(account, conversation, None).await?;
                let position = Position::Newest;
                let (tip, bytes) = (place.id, place.bytes);
                Ok(Some(Thread { conversation, position, tip, bytes, is_own: false }))
            }
            (Some(id), None) => {
                let (run, wish) = self.find_response(account, id).await?;
                if !run.status.is_end() {
                    let detail = "This response has not ended.";
                    return Err(ChatError::invalid("/previous_response_id", detail));
                }
                let conversation = run.conversation_id;
                let place = self.find_tip(account, conversation, Some(run.tip)).await?;
                let position = Position::AnswerTo(run.tip);
                let (tip, bytes, is_own) = (place.id, place.bytes, wish.is_own);
                Ok(Some(Thread { conversation, position, tip, bytes, is_own }))
            }
            (Some(_), Some(_)) => {
                let detail = "A response goes on with another one or in a conversation, not both.";
                Err(ChatError::invalid("/previous_response_id", detail))
            }
        }
    }
}
