use ambient::UnixMillis;
use idempotency::Claim;
use ids::{AccountId, ConversationId, Id, MemoryId, UserId};
use problem::{FieldError, JsonObject};
use serde::{Deserialize, Serialize};

use super::conversations::{check_text, refuse};
use crate::cursor::MemoryCursor;
use crate::error::ConversationError;
use crate::search_query::SearchQuery;
use crate::service::{Conversations, Page};
use crate::store;

pub const KEY_CHARS_MAX: usize = 255;
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Whose memory: a person's, within one account.
#[derive(Debug, Clone, Copy)]
pub struct MemoryOwner {
    pub account: AccountId,
    pub user: UserId,
}

/// What a memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryKind {
    /// Something that holds until it is overwritten, under a key.
    Fact,
    /// Something that happened.
    Episode,
}

impl MemoryKind {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Episode => "episode",
        }
    }
}

/// What is to be remembered: a fact when there is a key.
pub struct NewMemory {
    pub key: Option<String>,
    pub value: String,
    pub source_conversation_id: Option<ConversationId>,
    pub metadata: Option<JsonObject>,
}

/// What of a memory changes; `None` stays.
pub struct MemoryChange {
    pub value: Option<String>,
    pub metadata: Option<JsonObject>,
}

/// A memory as the API gives it.
#[derive(Debug, Serialize)]
pub struct Memory {
    pub id: MemoryId,
    pub kind: MemoryKind,
    pub key: Option<String>,
    pub value: String,
    pub source_conversation_id: Option<ConversationId>,
    pub metadata: JsonObject,
    pub created_at: UnixMillis,
    pub updated_at: UnixMillis,
    pub last_accessed_at: Option<UnixMillis>,
}

/// Which memories to list.
#[derive(Debug)]
pub struct MemoryFilter {
    pub kind: Option<MemoryKind>,
    pub source: Option<ConversationId>,
    pub after: Option<MemoryCursor>,
    pub limit: u32,
}

impl NewMemory {
    /// A key makes a fact.
    pub fn kind(&self) -> MemoryKind {
        if self.key.is_some() { MemoryKind::Fact } else { MemoryKind::Episode }
    }
}

impl Conversations {
    /// Remembers something, and tells whether it is new: a fact overwrites the one under its key.
    pub async fn remember(
        &self,
        owner: MemoryOwner,
        new: NewMemory,
        claim: &Claim,
    ) -> Result<(Memory, bool), ConversationError> {
        let key = check_text("/key", new.key.as_deref(), KEY_CHARS_MAX);
        let metadata = new.metadata.as_ref().and_then(|object| object.check_metadata().err());
        refuse(key.into_iter().chain(check_value(&new.value)).chain(metadata).collect())?;
        let now = self.clock.now();
        let id = Id::generate(now, &self.entropy)?;
        let memory = store::put_memory(&self.database, owner, id, &new, now, claim).await?;
        let Some(memory) = memory else {
            let detail = "The account has no such conversation.";
            let error = FieldError::new("/source_conversation_id", detail);
            return Err(ConversationError::Invalid(vec![error]));
        };
        let is_new = memory.id == id;
        Ok((memory, is_new))
    }

    /// A page of what is remembered, what was changed last first.
    pub async fn memories(
        &self,
        owner: MemoryOwner,
        filter: &MemoryFilter,
    ) -> Result<Page<Vec<Memory>>, ConversationError> {
        let wanted = filter.limit as usize;
        let mut data = store::list_memories(&self.database, owner, filter).await?;
        let has_more = wanted < data.len();
        data.truncate(wanted);
        let place =
            |last: &Memory| MemoryCursor::Listed { updated_at: last.updated_at, id: last.id };
        let next_cursor = data.last().filter(|_| has_more).map(|last| place(last).encode());
        Ok(Page { data, next_cursor })
    }

    /// A page of what the words are in, the newest first. What is found counts as accessed.
    pub async fn recall(
        &self,
        owner: MemoryOwner,
        query: Option<&SearchQuery>,
        filter: &MemoryFilter,
    ) -> Result<Page<Vec<Memory>>, ConversationError> {
        let Some(query) = query else { return Ok(Page { data: Vec::new(), next_cursor: None }) };
        let now = self.clock.now();
        let found = store::search_memories(&self.database, owner, query, filter, now).await?;
        // A full page may be the last one; the next is then empty.
        let is_full = filter.limit as usize == found.len();
        let last = found.last().filter(|_| is_full).map(|(number, _)| *number);
        let next_cursor = last.map(|number| MemoryCursor::Found { number }.encode());
        let data = found.into_iter().map(|(_, memory)| memory).collect();
        Ok(Page { data, next_cursor })
    }

    /// One memory; reading it counts as access.
    pub async fn memory(
        &self,
        owner: MemoryOwner,
        id: MemoryId,
    ) -> Result<Memory, ConversationError> {
        let memory = store::get_memory(&self.database, owner, id, self.clock.now()).await?;
        memory.ok_or(ConversationError::NotFound)
    }

    /// Changes a memory.
    pub async fn change_memory(
        &self,
        owner: MemoryOwner,
        id: MemoryId,
        change: MemoryChange,
    ) -> Result<Memory, ConversationError> {
        let value = change.value.as_deref().and_then(check_value);
        let metadata = change.metadata.as_ref().and_then(|object| object.check_metadata().err());
        refuse(value.into_iter().chain(metadata).collect())?;
        let now = self.clock.now();
        let memory = store::change_memory(&self.database, owner, id, &change, now).await?;
        memory.ok_or(ConversationError::NotFound)
    }

    /// Forgets one memory.
    pub async fn forget(&self, owner: MemoryOwner, id: MemoryId) -> Result<(), ConversationError> {
        if store::delete_memory(&self.database, owner, id).await? {
            Ok(())
        } else {
            Err(ConversationError::NotFound)
        }
    }
}

fn check_value(value: &str) -> Option<FieldError> {
    let is_fine = (1..=VALUE_BYTES_MAX).contains(&value.len());
    let detail = || format!("It must have 1 to {VALUE_BYTES_MAX} bytes.");
    (!is_fine).then(|| FieldError::new("/value", detail()))
}
