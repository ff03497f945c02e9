use std::collections::BTreeSet;

use ambient::UnixMillis;
use database::{Database, DatabaseError, Statement};
use ids::{AccountId, ConversationId, FileId, MessageId, ParseIdError};
use serde::Serialize;

use crate::{MessageRole, NewMessage};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Behind the newest message.
    Newest,
    /// As an answer to this one.
    AnswerTo(MessageId),
    /// Beside this one, as another answer to the same: an edit, or another try.
    SiblingOf(MessageId),
}

/// Where and when messages are appended.
#[derive(Debug, Clone, Copy)]
pub struct Append {
    pub account: AccountId,
    pub conversation: ConversationId,
    pub position: Position,
    pub now: UnixMillis,
}

/// Why messages cannot be written or looked at.
#[derive(Debug, thiserror::Error)]
pub enum MessagesError {
    #[error("a stored id is damaged")]
    StoredId(#[from] ParseIdError),
    #[error("a message could not be written as JSON")]
    Json(#[from] serde_json::Error),
    #[error("the database failed")]
    Database(#[from] DatabaseError),
}

impl Append {
    /// The statement that appends a message and returns it as stored in `wire`. No row when there is no such conversation, or no such message in
    /// it as the position names.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn message(
        &self,
        id: MessageId,
        message: &NewMessage,
    ) -> Result<Statement, serde_json::Error> {
        let (parent, sibling) = self.neighbours();
        Ok(Statement::new(include_str!("../queries/append_message.sql"))
            .bind(self.account.to_string())
            .bind(self.conversation.to_string())
            .bind(id.to_string())
            .bind(parent)
            .bind(sibling)
            .bind(message.role.as_str())
            .bind(message.status.as_str())
            .bind(self.now.0)
            .bind(message.tail(self.now)?)
            .bind(message.title()))
    }

    /// The statement that appends messages that answer one another, in order, and returns `seq` and `wire` of each. No row as with one.
    /// The messages are whole.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn messages(
        &self,
        ids: &[MessageId],
        messages: &[NewMessage],
    ) -> Result<Statement, serde_json::Error> {
        #[derive(Serialize)]
        struct Item {
            id: MessageId,
            role: MessageRole,
            tail: String,
            title: Option<String>,
        }
        let item = |(id, message): (&MessageId, &NewMessage)| {
            let NewMessage { role, .. } = *message;
            Ok(Item { id: *id, role, tail: message.tail(self.now)?, title: message.title() })
        };
        let items: Result<Vec<_>, serde_json::Error> = ids.iter().zip(messages).map(item).collect();
        let (parent, sibling) = self.neighbours();
        Ok(Statement::new(include_str!("../queries/append_messages.sql"))
            .bind(self.account.to_string())
            .bind(self.conversation.to_string())
            .bind(serde_json::to_string(&items?)?)
            .bind(parent)
            .bind(sibling)
            .bind(crate::MessageStatus::Completed.as_str())
            .bind(self.now.0))
    }

    /// The ids of the parent and of the sibling that the position names.
    fn neighbours(&self) -> (Option<String>, Option<String>) {
        match self.position {
            Position::Newest => (None, None),
            Position::AnswerTo(parent) => (Some(parent.to_string()), None),
            Position::SiblingOf(sibling) => (None, Some(sibling.to_string())),
        }
    }
}

/// Which of these files the account does not have.
///
/// # Errors
/// [`MessagesError`].
pub async fn list_missing_files(
    database: &Database,
    account: AccountId,
    files: &BTreeSet<FileId>,
) -> Result<BTreeSet<FileId>, MessagesError> {
    let statement = Statement::new(include_str!("../queries/list_missing_files.sql"))
        .bind(account.to_string())
        .bind(serde_json::to_string(files)?);
    let rows = database.query(statement).await?;
    rows.iter().map(|row| Ok(row.get::<&str>("id")?.parse()?)).collect()
}
