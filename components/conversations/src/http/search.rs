use ambient::UnixMillis;
use axum::extract::State;
use caller::Caller;
use ids::ConversationId;
use problem::{Json, Problem, Query};
use serde::Deserialize;

use super::{checked_limit, invalid, no_cursor};
use crate::cursor::SearchCursor;
use crate::search_query::{QUERY_CHARS_MAX, SearchQuery};
use crate::service::{Conversations, Hit, Page, SearchFilter};
use message::MessageRole;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchParameters {
    /// Without it nothing is looked for and nothing found.
    #[serde(default)]
    q: String,
    conversation_id: Option<ConversationId>,
    role: Option<MessageRole>,
    from: Option<UnixMillis>,
    to: Option<UnixMillis>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// `GET /api/search`
pub async fn search(
    caller: Caller,
    State(conversations): State<Conversations>,
    Query(parameters): Query<SearchParameters>,
) -> Result<Json<Page<Vec<Hit>>>, Problem> {
    let SearchParameters { q, conversation_id, role, from, to, limit, cursor } = parameters;
    let filter = SearchFilter {
        query: checked_query(&q)?,
        conversation: conversation_id,
        role,
        from,
        to,
        after: cursor.map(|text| SearchCursor::decode(&text)).transpose().map_err(no_cursor)?,
        limit: checked_limit(limit)?,
    };
    Ok(Json(conversations.search(caller.account_id, &filter).await?))
}

/// The words of a query; `None` when it has none.
pub(super) fn checked_query(text: &str) -> Result<Option<SearchQuery>, Problem> {
    if QUERY_CHARS_MAX < text.chars().count() {
        return Err(invalid("/q", format!("It may have at most {QUERY_CHARS_MAX} characters.")));
    }
    Ok(SearchQuery::parse(text))
}
