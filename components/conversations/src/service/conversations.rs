use ambient::UnixMillis;
use idempotency::Claim;
use ids::{AccountId, ConversationId, Id};
use problem::{FieldError, IfMatch, JsonObject};
use serde::{Deserialize, Deserializer, Serialize};

use crate::cursor::ConversationCursor;
use crate::error::ConversationError;
use crate::lifetime::{Lifetime, LifetimeChange};
use crate::service::{Conversations, Page};
use crate::store;

pub const TITLE_CHARS_MAX: usize = 255;
pub const CONTINUATION_ID_CHARS_MAX: usize = 255;

/// How many pieces of a long conversation its deletion removes at once; the rest is left to the sweep.
const DELETION_PIECES_MAX: usize = 4;

/// What a conversation is created with.
#[derive(Default)]
pub struct NewConversation {
    pub continuation_id: Option<String>,
    pub title: Option<String>,
    pub metadata: Option<JsonObject>,
    /// `None` stays.
    pub lifetime: Option<Lifetime>,
}

/// What of a conversation changes; `None` stays.
#[derive(Default)]
pub struct ConversationChange {
    pub title: TitleChange,
    pub metadata: Option<JsonObject>,
    pub pinned: Option<bool>,
    pub archived: Option<bool>,
    pub lifetime: LifetimeChange,
}

/// What becomes of a title. As JSON: absent, null, or a string.
#[derive(Default)]
pub enum TitleChange {
    #[default]
    Stay,
    Remove,
    Set(String),
}

/// A conversation as the API gives it.
#[derive(Debug, Clone, Serialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub continuation_id: Option<String>,
    pub title: Option<String>,
    pub metadata: JsonObject,
    pub message_count: i64,
    pub pinned: bool,
    pub archived: bool,
    /// Whether it ends by itself and is kept out of lists and searches until then.
    pub temporary: bool,
    /// When it ends unless someone goes on with it: by its own lifetime or by the account's retention period.
    pub expires_at: Option<UnixMillis>,
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

/// Which conversations to list.
#[derive(Debug, Clone, Copy)]
pub struct ConversationFilter {
    pub archived: Option<bool>,
    pub pinned: Option<bool>,
    /// Either those that are or those that are not.
    pub temporary: bool,
    pub after: Option<ConversationCursor>,
    pub limit: u32,
}

impl Conversation {
    /// The entity tag: it changes with every byte of the answer, and its first half only with edits.
    pub fn etag(&self) -> String {
        format!("\"{}-{}\"", self.version, self.message_count)
    }
}

impl TitleChange {
    /// The title that there will be, if this sets one.
    pub fn new_title(&self) -> Option<&str> {
        match self {
            Self::Stay | Self::Remove => None,
            Self::Set(title) => Some(title),
        }
    }
}

impl<'de> Deserialize<'de> for TitleChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|title| title.map_or(Self::Remove, Self::Set))
    }
}

impl Conversations {
    /// Creates a conversation.
    pub async fn create(
        &self,
        account: AccountId,
        new: NewConversation,
        claim: &Claim,
    ) -> Result<Conversation, ConversationError> {
        refuse(check_new(&new))?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        store::create_conversation(&self.database, account, id, &new, now, claim).await
    }

    /// The conversation with this continuation id, and whether it had to be created. Of many that ask at once, one creates it.
    pub async fn get_or_create(
        &self,
        account: AccountId,
        continuation_id: String,
        new: NewConversation,
    ) -> Result<(Conversation, bool), ConversationError> {
        let new = NewConversation { continuation_id: Some(continuation_id), ..new };
        refuse(check_new(&new))?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        store::get_or_create_conversation(&self.database, account, id, &new, now).await
    }

    /// A page of the account's conversations.
    pub async fn list(
        &self,
        account: AccountId,
        filter: ConversationFilter,
    ) -> Result<Page<Vec<Conversation>>, ConversationError> {
        // One more than asked for tells whether there is a next page.
        let wanted = filter.limit as usize;
        let now = self.clock.now();
        let mut data = store::list_conversations(&self.database, account, &filter, now).await?;
        let has_more = wanted < data.len();
        data.truncate(wanted);
        let next_cursor = data
            .last()
            .filter(|_| has_more)
            .map(|last| ConversationCursor { active_at: last.active_at, id: last.id }.encode());
        Ok(Page { data, next_cursor })
    }

    /// One conversation.
    pub async fn get(
        &self,
        account: AccountId,
        id: ConversationId,
    ) -> Result<Conversation, ConversationError> {
        let now = self.clock.now();
        let conversation = store::get_conversation(&self.database, account, id, now).await?;
        conversation.ok_or(ConversationError::NotFound)
    }

    /// Changes a conversation, unless someone else has since `if_match` was read.
    pub async fn change(
        &self,
        account: AccountId,
        id: ConversationId,
        if_match: &IfMatch,
        change: ConversationChange,
    ) -> Result<Conversation, ConversationError> {
        let title = change.title.new_title();
        let mut errors: Vec<_> = check_text("/title", title, TITLE_CHARS_MAX).into_iter().collect();
        errors.extend(change.metadata.as_ref().and_then(|object| object.check_metadata().err()));
        refuse(errors)?;
        let now = self.clock.now();
        let changed =
            store::change_conversation(&self.database, account, id, if_match, &change, now).await?;
        match changed {
            Some(conversation) => Ok(conversation),
            None => Err(self.unchanged(account, id).await?),
        }
    }

    /// Deletes a conversation with everything in it. It is gone at once; the messages of a long one are removed in pieces, so that nobody
    /// else waits for that, and what these pieces leave goes with later writes or with the sweep.
    pub async fn delete(
        &self,
        account: AccountId,
        id: ConversationId,
        if_match: &IfMatch,
    ) -> Result<(), ConversationError> {
        let now = self.clock.now();
        let deletion =
            store::delete_conversation(&self.database, account, id, if_match, now).await?;
        let Some(mut removed) = deletion else {
            return Err(self.unchanged(account, id).await?);
        };
        for _ in 1..DELETION_PIECES_MAX {
            if removed.is_whole {
                break;
            }
            removed = store::remove_piece(&self.database, account, id).await?;
        }
        Ok(())
    }

    /// Why a statement with a precondition touched nothing: there is no such conversation, or it is not the one that was read.
    pub(super) async fn unchanged(
        &self,
        account: AccountId,
        id: ConversationId,
    ) -> Result<ConversationError, ConversationError> {
        self.get(account, id).await?;
        Ok(ConversationError::Changed)
    }
}

/// Fails with these errors, if there are any.
pub(super) fn refuse(errors: Vec<FieldError>) -> Result<(), ConversationError> {
    if errors.is_empty() { Ok(()) } else { Err(ConversationError::Invalid(errors)) }
}

fn check_new(new: &NewConversation) -> Vec<FieldError> {
    let continuation_id = new.continuation_id.as_deref();
    let continuation_id =
        check_text("/continuation_id", continuation_id, CONTINUATION_ID_CHARS_MAX);
    let title = check_text("/title", new.title.as_deref(), TITLE_CHARS_MAX);
    let metadata = new.metadata.as_ref().and_then(|object| object.check_metadata().err());
    continuation_id.into_iter().chain(title).chain(metadata).collect()
}

pub(super) fn check_text(
    pointer: &str,
    text: Option<&str>,
    chars_max: usize,
) -> Option<FieldError> {
    let text = text?;
    let is_fine =
        (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let detail =
        || format!("It must have 1 to {chars_max} characters, none of them control characters.");
    (!is_fine).then(|| FieldError::new(pointer, detail()))
}
