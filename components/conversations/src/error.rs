use ambient::EntropyError;
use database::DatabaseError;
use ids::ParseIdError;
use message::MessagesError;
use problem::{FieldError, Problem, kinds};

/// Everything that can go wrong in this component.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    #[error("there is no such conversation in the account")]
    NotFound,
    #[error("values of the request break rules")]
    Invalid(Vec<FieldError>),
    #[error("the continuation id is taken")]
    ContinuationIdTaken,
    #[error("the conversation is not the one that was read")]
    Changed,
    #[error("no randomness")]
    Entropy(#[from] EntropyError),
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("JSON could not be written or a stored document is damaged")]
    Json(#[from] serde_json::Error),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl From<MessagesError> for ConversationError {
    fn from(error: MessagesError) -> Self {
        match error {
            MessagesError::StoredId(error) => error.into(),
            MessagesError::Json(error) => error.into(),
            MessagesError::Database(error) => error.into(),
        }
    }
}

impl From<ConversationError> for Problem {
    fn from(error: ConversationError) -> Self {
        match error {
            ConversationError::NotFound => Self::not_found(),
            ConversationError::Invalid(errors) => Self::validation(errors),
            ConversationError::ContinuationIdTaken => Self::new(
                &kinds::CONTINUATION_ID_TAKEN,
                "Another conversation of the account has this continuation_id.",
            ),
            ConversationError::Changed => Self::new(
                &kinds::PRECONDITION_FAILED,
                "It has changed since you read it. Read it again and decide anew.",
            ),
            ConversationError::Database(error) => error.into(),
            ConversationError::Entropy(_)
            | ConversationError::StoredId(_)
            | ConversationError::Json(_) => Self::internal(&error),
        }
    }
}
