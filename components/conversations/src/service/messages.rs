use idempotency::Claim;
use ids::{AccountId, ConversationId, Id, MessageId};
use problem::FieldError;
use serde_json::value::RawValue;

use super::conversations::refuse;
use crate::cursor::{MessageCursor, Place};
use crate::error::ConversationError;
use crate::service::{Conversations, Page};
use crate::store;
use message::{Append, NewMessage, Position};

/// Where a page of messages stops before its number of items is reached: large messages must not fill an instance's memory.
pub const PAGE_BYTES_MAX: i64 = 4 * 1024 * 1024;

/// How many messages one request may append.
pub const BATCH_MESSAGES_MAX: usize = 200;

/// Which messages of a conversation to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathChoice {
    /// The path that ends in the newest message.
    Newest,
    /// The path that ends in this message.
    To(MessageId),
    /// The path that ends in the message with this seq.
    ToSeq(i64),
    /// Every message, whatever its branch, up to the one with this seq.
    All(i64),
}

/// Messages as they are stored: a JSON array, passed on unread.
pub struct StoredPage {
    /// Not a `RawValue`, which would read all of it once more to be sure.
    pub data: String,
    /// The first and last `seq` of the page; `None` when it is empty.
    pub span: Option<(i64, i64)>,
    /// The `seq` of the message in which the path ends.
    pub tip: i64,
    /// Whether the path goes on beyond the page.
    pub has_more: bool,
}

impl Conversations {
    /// Appends a message and gives it back as stored.
    pub async fn append(
        &self,
        account: AccountId,
        conversation: ConversationId,
        position: Position,
        message: NewMessage,
        claim: &Claim,
    ) -> Result<Box<RawValue>, ConversationError> {
        refuse(message.check())?;
        self.refuse_missing_files(account, &[(String::new(), &message)]).await?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        let append = Append { account, conversation, position, now };
        match store::append_message(&self.database, append, id, &message, claim).await? {
            Some(stored) => Ok(stored),
            None => Err(self.not_appended(account, conversation, position, "").await?),
        }
    }

    /// Appends messages that answer one another: all of them, or none.
    pub async fn append_batch(
        &self,
        account: AccountId,
        conversation: ConversationId,
        position: Position,
        messages: Vec<NewMessage>,
        claim: &Claim,
    ) -> Result<Vec<Box<RawValue>>, ConversationError> {
        if !(1..=BATCH_MESSAGES_MAX).contains(&messages.len()) {
            let detail = format!("Give 1 to {BATCH_MESSAGES_MAX} messages.");
            return Err(ConversationError::Invalid(vec![FieldError::new("/messages", detail)]));
        }
        let errors = messages.iter().enumerate().flat_map(|(n, message)| {
            let within = move |error: FieldError| {
                FieldError::new(format!("/messages/{n}{}", error.pointer), error.detail)
            };
            message.check().into_iter().map(within)
        });
        refuse(errors.collect())?;
        let named = messages.iter().enumerate();
        let named: Vec<_> = named.map(|(n, message)| (format!("/messages/{n}"), message)).collect();
        self.refuse_missing_files(account, &named).await?;
        let now = self.clock.now();
        let ids: Result<Vec<_>, _> =
            messages.iter().map(|_| Id::generate(now, &self.entropy)).collect();
        let append = Append { account, conversation, position, now };
        let stored =
            store::append_messages(&self.database, append, &ids?, &messages, claim).await?;
        if stored.is_empty() {
            return Err(self.not_appended(account, conversation, position, "/messages/0").await?);
        }
        Ok(stored)
    }

    /// Why nothing was appended: the conversation is missing, or the message that was named is not in it.
    async fn not_appended(
        &self,
        account: AccountId,
        conversation: ConversationId,
        position: Position,
        within: &str,
    ) -> Result<ConversationError, ConversationError> {
        self.get(account, conversation).await?;
        let field =
            if matches!(position, Position::SiblingOf(_)) { "sibling_of" } else { "parent_id" };
        let detail = "The conversation has no such message.";
        let error = FieldError::new(format!("{within}/{field}"), detail);
        Ok(ConversationError::Invalid(vec![error]))
    }

    /// A page of messages in order; without a place the newest one.
    pub async fn messages(
        &self,
        account: AccountId,
        conversation: ConversationId,
        path: PathChoice,
        place: Option<Place>,
        limit: u32,
    ) -> Result<Page<String>, ConversationError> {
        let place = place.unwrap_or(Place::Before(i64::MAX));
        let read = store::Read { account, conversation, path, now: self.clock.now() };
        let page = store::page_messages(&self.database, read, place, limit)
            .await?
            .ok_or(ConversationError::NotFound)?;
        let Some(page) = page else {
            let error = FieldError::new("/leaf", "The conversation has no such message.");
            return Err(ConversationError::Invalid(vec![error]));
        };
        let next_cursor = page.next_cursor(place, matches!(path, PathChoice::All(_)));
        Ok(Page { data: page.data, next_cursor })
    }
}

impl StoredPage {
    /// The cursor that goes on in the direction of `place`.
    pub fn next_cursor(&self, place: Place, all: bool) -> Option<String> {
        let (first, last) = self.span.filter(|_| self.has_more)?;
        let place = match place {
            Place::Before(_) => Place::Before(first),
            Place::After(_) => Place::After(last),
        };
        Some(MessageCursor { place, tip: self.tip, all }.encode())
    }
}
