use ambient::UnixMillis;
use ids::{AccountId, ConversationId, MessageId};
use serde::Serialize;

use crate::cursor::SearchCursor;
use crate::error::ConversationError;
use crate::search_query::SearchQuery;
use crate::service::{Conversations, Page};
use crate::store;
use message::MessageRole;

/// Of how many hits, the newest ones, the best are found.
pub const HITS_MAX: u32 = 300;

/// What reading and marking their texts may cost, in bytes: see `search.sql`.
pub const HITS_COST_MAX: i64 = 4 * 1024 * 1024;

/// What to search, and where.
#[derive(Debug)]
pub struct SearchFilter {
    /// `None` asks for no word and finds nothing.
    pub query: Option<SearchQuery>,
    pub conversation: Option<ConversationId>,
    pub role: Option<MessageRole>,
    pub from: Option<UnixMillis>,
    /// Exclusive.
    pub to: Option<UnixMillis>,
    pub after: Option<SearchCursor>,
    pub limit: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HitKind {
    Message,
    /// The title of a conversation.
    Conversation,
}

/// Something that was found, as the API gives it.
#[derive(Debug, Serialize)]
pub struct Hit {
    pub r#type: HitKind,
    pub conversation_id: ConversationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The title of the conversation.
    pub title: Option<String>,
    /// HTML: all text is escaped, only `<mark>` is live.
    pub snippet: String,
    pub created_at: UnixMillis,
    pub score: f64,
}

impl Conversations {
    /// What the words are in, best first.
    pub async fn search(
        &self,
        account: AccountId,
        filter: &SearchFilter,
    ) -> Result<Page<Vec<Hit>>, ConversationError> {
        let Some(query) = &filter.query else {
            return Ok(Page { data: Vec::new(), next_cursor: None });
        };
        let now = self.clock.now();
        let found = store::search(&self.database, account, query, filter, now).await?;
        let wanted = filter.limit as usize;
        let has_more = wanted < found.hits.len();
        let offset = filter.after.map_or(0, |cursor| cursor.offset).saturating_add(filter.limit);
        let next_cursor = found
            .newest
            .filter(|_| has_more)
            .map(|newest| SearchCursor { newest, offset }.encode());
        let mut data = found.hits;
        data.truncate(wanted);
        Ok(Page { data, next_cursor })
    }
}
