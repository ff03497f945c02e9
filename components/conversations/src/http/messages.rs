use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use idempotency::Claim;
use ids::{ConversationId, MessageId};
use problem::{FieldError, Json, JsonObject, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{checked_limit, invalid, no_cursor};
use crate::cursor::{MessageCursor, Place};
use crate::error::ConversationError;
use crate::service::{Conversations, Page, PathChoice};
use message::{Content, MessageRole, MessageStatus, NewMessage, Position, Usage};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    role: MessageRole,
    content: Content,
    #[serde(default)]
    parent_id: Option<MessageId>,
    #[serde(default)]
    sibling_of: Option<MessageId>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    metadata: Option<JsonObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchBody {
    messages: Vec<MessageBody>,
}

#[derive(Serialize)]
pub struct Appended {
    data: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    before: Option<i64>,
    after: Option<i64>,
    leaf: Option<MessageId>,
    all: Option<bool>,
}

/// `POST /api/conversations/{id}/messages`
pub async fn append_message(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Path(id): Path<ConversationId>,
    Json(body): Json<MessageBody>,
) -> Result<(StatusCode, Json<Box<RawValue>>), Problem> {
    let (position, message) = body.split("")?;
    let stored = conversations.append(caller.account_id, id, position, message, &claim).await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

/// `POST /api/conversations/{id}/messages/batch`
pub async fn append_messages(
    caller: Caller,
    State(conversations): State<Conversations>,
    claim: Claim,
    Path(id): Path<ConversationId>,
    Json(BatchBody { messages }): Json<BatchBody>,
) -> Result<(StatusCode, Json<Appended>), Problem> {
    let mut position = Position::Newest;
    let mut batch = Vec::with_capacity(messages.len());
    for (n, body) in messages.into_iter().enumerate() {
        let within = format!("/messages/{n}");
        let (own_position, message) = body.split(&within)?;
        if n == 0 {
            position = own_position;
        } else if own_position != Position::Newest {
            let detail = "Only the first message says where it goes; the others follow it.";
            return Err(invalid(&within, detail));
        }
        batch.push(message);
    }
    let account = caller.account_id;
    let data = conversations.append_batch(account, id, position, batch, &claim).await?;
    Ok((StatusCode::CREATED, Json(Appended { data })))
}

/// `GET /api/conversations/{id}/messages`
pub async fn list_messages(
    caller: Caller,
    State(conversations): State<Conversations>,
    Path(id): Path<ConversationId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = checked_limit(query.limit)?;
    let (path, place) = query.place()?;
    let Page { data, next_cursor } =
        conversations.messages(caller.account_id, id, path, place, limit).await?;
    let next_cursor = serde_json::to_string(&next_cursor).map_err(ConversationError::from)?;
    // Put around what is finished: serializing it once more would cost more than all the rest.
    let page = format!(r#"{{"data":{data},"next_cursor":{next_cursor}}}"#);
    Ok(([(header::CONTENT_TYPE, "application/json")], page).into_response())
}

impl MessageBody {
    /// The message and where it goes. `within` says where in the body it stands.
    fn split(self, within: &str) -> Result<(Position, NewMessage), Problem> {
        let Self { role, content, parent_id, sibling_of, model, usage, metadata } = self;
        let position = match (parent_id, sibling_of) {
            (None, None) => Position::Newest,
            (Some(parent), None) => Position::AnswerTo(parent),
            (None, Some(sibling)) => Position::SiblingOf(sibling),
            (Some(_), Some(_)) => {
                let detail = "Give parent_id or sibling_of, not both.";
                return Err(invalid(&format!("{within}/sibling_of"), detail));
            }
        };
        let status = MessageStatus::Completed;
        Ok((position, NewMessage { role, status, content, model, usage, metadata }))
    }
}

impl PageQuery {
    /// The path and the place in it that the query names: by cursor, or by seq and direction, but only once. A cursor knows its path.
    fn place(&self) -> Result<(PathChoice, Option<Place>), Problem> {
        let all = self.all.unwrap_or(false);
        let path = match self.leaf {
            None if all => PathChoice::All(i64::MAX),
            None => PathChoice::Newest,
            Some(leaf) if !all => PathChoice::To(leaf),
            Some(_) => return Err(invalid("/leaf", "Give leaf or all, not both.")),
        };
        match (&self.cursor, self.before, self.after) {
            (None, None, None) => Ok((path, None)),
            (Some(text), None, None) => {
                let MessageCursor { place, tip, all } =
                    MessageCursor::decode(text).map_err(no_cursor)?;
                let path = if all { PathChoice::All(tip) } else { PathChoice::ToSeq(tip) };
                Ok((path, Some(place)))
            }
            (None, Some(seq), None) => Ok((path, Some(Place::Before(natural("/before", seq)?)))),
            (None, None, Some(seq)) => Ok((path, Some(Place::After(natural("/after", seq)?)))),
            _ => Err(Problem::validation(vec![FieldError::new(
                "",
                "Give only one of cursor, before and after.",
            )])),
        }
    }
}

fn natural(pointer: &str, seq: i64) -> Result<i64, Problem> {
    if 0 <= seq { Ok(seq) } else { Err(invalid(pointer, "It must not be negative.")) }
}
