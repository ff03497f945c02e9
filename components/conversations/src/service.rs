use ambient::{Clock, Entropy, UnixMillis};
use database::Database;
use ids::{AccountId, ConversationId, Id, MessageId};
use problem::FieldError;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cursor::{ConversationCursor, MessageCursor};
use crate::error::ConversationError;
use crate::message::NewMessage;
use crate::metadata::{METADATA_BYTES_MAX, Metadata};
use crate::store;

pub const TITLE_CHARS_MAX: usize = 255;
pub const CONTINUATION_ID_CHARS_MAX: usize = 255;
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
pub const PAGE_ITEMS_MAX: u32 = 200;

/// Where a page of messages stops before its number of items is reached: large messages must not fill an instance's memory.
pub const PAGE_BYTES_MAX: i64 = 4 * 1024 * 1024;

/// The component's state.
#[derive(Debug, Clone)]
pub struct Conversations {
    pub database: Database,
    pub clock: Clock,
    pub entropy: Entropy,
}

/// What a conversation is created with.
#[derive(Default)]
pub struct NewConversation {
    pub continuation_id: Option<String>,
    pub title: Option<String>,
    pub metadata: Option<Metadata>,
}

/// A conversation as the API gives it.
#[derive(Debug, Clone, Serialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub continuation_id: Option<String>,
    pub title: Option<String>,
    pub metadata: Metadata,
    pub message_count: i64,
    pub pinned: bool,
    pub archived: bool,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
    pub last_message_at: Option<UnixMillis>,
    /// Counts edits; the part of the `ETag` that `If-Match` is about.
    #[serde(skip)]
    pub version: i64,
    /// What lists are sorted by.
    #[serde(skip)]
    pub active_at: UnixMillis,
}

/// A part of a list, and the cursor that gets the next one.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub data: T,
    pub next_cursor: Option<String>,
}

/// Which conversations to list.
#[derive(Debug, Clone, Copy)]
pub struct ConversationFilter {
    pub archived: Option<bool>,
    pub pinned: Option<bool>,
    pub after: Option<ConversationCursor>,
    pub limit: u32,
}

/// Messages as they are stored: a JSON array, passed on unread.
pub struct StoredPage {
    pub data: Box<RawValue>,
    /// The first and last `seq` of the page; `None` when it is empty.
    pub span: Option<(i64, i64)>,
    /// The `seq` of the newest message of the conversation.
    pub newest: i64,
}

impl Conversation {
    /// The entity tag: it changes with every byte of the answer, and its first half only with edits.
    pub fn etag(&self) -> String {
        format!("\"{}-{}\"", self.version, self.message_count)
    }
}

impl Conversations {
    /// Creates a conversation.
    pub async fn create(
        &self,
        account: AccountId,
        new: NewConversation,
    ) -> Result<Conversation, ConversationError> {
        let errors = check(&new);
        if !errors.is_empty() {
            return Err(ConversationError::Invalid(errors));
        }
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        store::create_conversation(&self.database, account, id, &new, now).await
    }

    /// A page of the account's conversations.
    pub async fn list(
        &self,
        account: AccountId,
        filter: ConversationFilter,
    ) -> Result<Page<Vec<Conversation>>, ConversationError> {
        // One more than asked for tells whether there is a next page.
        let wanted = filter.limit as usize;
        let mut data = store::list_conversations(&self.database, account, &filter).await?;
        let has_more = wanted < data.len();
        data.truncate(wanted);
        let next_cursor = data
            .last()
            .filter(|_| has_more)
            .map(|last| ConversationCursor { active_at: last.active_at, id: last.id }.encode());
        Ok(Page { data, next_cursor })
    }

    /// Appends a message and gives it back as stored.
    pub async fn append(
        &self,
        account: AccountId,
        conversation: ConversationId,
        parent: Option<MessageId>,
        message: NewMessage,
    ) -> Result<Box<RawValue>, ConversationError> {
        let errors = message.check();
        if !errors.is_empty() {
            return Err(ConversationError::Invalid(errors));
        }
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        let tail = message.tail(now)?;
        let appended =
            store::Append { account, conversation, id, parent, role: message.role, tail, now };
        if let Some(stored) = store::append_message(&self.database, appended).await? {
            return Ok(stored);
        }
        // Nothing was appended: the conversation is missing, or the parent is not in it.
        store::get_conversation(&self.database, account, conversation)
            .await?
            .ok_or(ConversationError::NotFound)?;
        let error = FieldError::new("/parent_id", "The conversation has no such message.");
        Err(ConversationError::Invalid(vec![error]))
    }

    /// A page of messages in order; without a cursor the newest one.
    pub async fn messages(
        &self,
        account: AccountId,
        conversation: ConversationId,
        cursor: Option<MessageCursor>,
        limit: u32,
    ) -> Result<Page<Box<RawValue>>, ConversationError> {
        let cursor = cursor.unwrap_or(MessageCursor::Before(i64::MAX));
        let page = store::page_messages(&self.database, account, conversation, cursor, limit)
            .await?
            .ok_or(ConversationError::NotFound)?;
        let next = match (cursor, page.span) {
            (MessageCursor::Before(_), Some((first, _))) if 1 < first => {
                Some(MessageCursor::Before(first))
            }
            (MessageCursor::After(_), Some((_, last))) if last < page.newest => {
                Some(MessageCursor::After(last))
            }
            _ => None,
        };
        Ok(Page { data: page.data, next_cursor: next.map(|cursor| cursor.encode()) })
    }
}

fn check(new: &NewConversation) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut check_text = |pointer: &str, text: Option<&str>, chars_max: usize| {
        let is_fine = text.is_none_or(|text| {
            (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        });
        if !is_fine {
            let detail = format!(
                "It must have 1 to {chars_max} characters, none of them control characters."
            );
            errors.push(FieldError::new(pointer, detail));
        }
    };
    check_text("/continuation_id", new.continuation_id.as_deref(), CONTINUATION_ID_CHARS_MAX);
    check_text("/title", new.title.as_deref(), TITLE_CHARS_MAX);
    if new.metadata.as_ref().is_some_and(Metadata::is_too_large) {
        let detail = format!("Metadata may have at most {METADATA_BYTES_MAX} bytes.");
        errors.push(FieldError::new("/metadata", detail));
    }
    errors
}
