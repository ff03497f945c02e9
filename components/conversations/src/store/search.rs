use ambient::UnixMillis;
use database::{Database, Row, Statement};
use ids::AccountId;

use crate::error::ConversationError;
use crate::search_query::SearchQuery;
use crate::service::{HITS_COST_MAX, HITS_MAX, Hit, HitKind, SearchFilter};
use crate::snippet::Excerpt;
use message::MessageRole;

/// How many characters of a snippet stand before the first word that was found.
const SNIPPET_CHARS_BEFORE: u32 = 60;

/// How many characters a snippet has.
const SNIPPET_CHARS: u32 = 240;

/// A part of what was found.
pub struct Found {
    pub hits: Vec<Hit>,
    /// The newest entry among all hits; `None` when there is none on this page.
    pub newest: Option<i64>,
}

/// What a query finds: one hit more than the filter's limit, if there are so many.
pub async fn search(
    database: &Database,
    account: AccountId,
    query: &SearchQuery,
    filter: &SearchFilter,
    now: UnixMillis,
) -> Result<Found, ConversationError> {
    let statement = Statement::new(include_str!("../../queries/search.sql"))
        .bind(account.to_string())
        .bind(query.in_account(account, filter.conversation, filter.role))
        .bind(filter.after.map_or(i64::MAX, |cursor| cursor.newest))
        .bind(filter.conversation.map(|id| id.to_string()))
        .bind(filter.role.map(MessageRole::as_str))
        .bind(filter.from.map(|time| time.0))
        .bind(filter.to.map(|time| time.0))
        .bind(HITS_MAX)
        .bind(HITS_COST_MAX)
        .bind(filter.limit.saturating_add(1))
        .bind(filter.after.map_or(0, |cursor| cursor.offset))
        .bind(SNIPPET_CHARS_BEFORE)
        .bind(SNIPPET_CHARS)
        .bind(query.first().to_lowercase())
        .bind(now.0);
    let rows = database.query(statement).await?;
    let newest = rows.first().map(|row| row.get("newest")).transpose()?;
    let hits: Result<_, ConversationError> = rows.iter().map(read_hit).collect();
    Ok(Found { hits: hits?, newest })
}

fn read_hit(row: Row<'_>) -> Result<Hit, ConversationError> {
    let message_id: Option<String> = row.get("message_id")?;
    let excerpt = Excerpt {
        text: row.get("excerpt")?,
        is_cut_before: row.get("is_cut_before")?,
        is_cut_after: row.get("is_cut_after")?,
    };
    Ok(Hit {
        r#type: if message_id.is_some() { HitKind::Message } else { HitKind::Conversation },
        conversation_id: row.get::<String>("conversation_id")?.parse()?,
        message_id: message_id.map(|id| id.parse()).transpose()?,
        role: row.get("role")?,
        title: row.get("title")?,
        snippet: excerpt.to_html(),
        created_at: UnixMillis(row.get("created_at")?),
        score: row.get("score")?,
    })
}
