//! One function per route.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::{Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use idempotency::Claim;
use ids::{ConversationId, MessageId, ModelId, RunId};
use message::{Content, Usage};
use problem::{Json, Path, Problem, Query};
use runs::{OnDisconnect, Run};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::begin::{Decision, Kept, Question};
use crate::error::ChatError;
use crate::follow::{Follower, outcome};
use crate::relay::Live;
use crate::service::Chat;
use crate::tools::Wanted;
use crate::work::Asked;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// For proxies that would wait for more before they pass anything on.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunBody {
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    parent_id: Option<MessageId>,
    #[serde(default)]
    model_id: Option<ModelId>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    tools: Wanted,
    #[serde(default)]
    on_disconnect: OnDisconnect,
    #[serde(default = "yes")]
    stream: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    approvals: Vec<Decision>,
    #[serde(default = "yes")]
    stream: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    after: Option<i64>,
}

/// What came of a run.
#[derive(Serialize)]
struct Answered {
    message: Option<Box<RawValue>>,
    usage: Usage,
    run: Run,
}

fn yes() -> bool {
    true
}

/// `POST /api/conversations/{id}/runs`
pub async fn create_run(
    caller: Caller,
    State(chat): State<Chat>,
    claim: Claim,
    Path(id): Path<ConversationId>,
    Json(body): Json<RunBody>,
) -> Result<Response, Problem> {
    let RunBody { content, parent_id, model_id, parameters, tools, on_disconnect, stream } = body;
    let asked = Asked { parameters, tools, on_disconnect, response: None };
    let question = Question { content, parent: parent_id, model: model_id, asked, stream };
    let (run, live) = chat.begin(&caller, id, question, &claim).await?;
    answer(&chat, caller, run, 0, Some(live), stream).await
}

/// `GET /api/runs/{id}`
pub async fn get_run(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(chat.run(caller.account_id, id).await?))
}

/// `GET /api/runs/{id}/events`
pub async fn get_run_events(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<RunId>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let run = chat.run(caller.account_id, id).await?;
    let after = match (query.after, headers.get(LAST_EVENT_ID)) {
        (Some(after), _) => after,
        (None, Some(last)) => {
            let number = last.to_str().ok().and_then(|text| text.parse().ok());
            let detail = "Last-Event-ID is the number of an event.";
            number.ok_or_else(|| Problem::new(&problem::kinds::INVALID_REQUEST, detail))?
        }
        (None, None) => 0,
    };
    if after < 0 {
        return Err(ChatError::invalid("/after", "It must not be negative.").into());
    }
    answer(&chat, caller, run.id, after, None, true).await
}

/// `POST /api/runs/{id}/cancel`
pub async fn cancel_run(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(chat.cancel(caller.account_id, id).await?))
}

/// `POST /api/runs/{id}/approvals`
pub async fn decide_approvals(
    caller: Caller,
    State(chat): State<Chat>,
    Path(id): Path<RunId>,
    Json(body): Json<DecisionBody>,
) -> Result<Response, Problem> {
    let DecisionBody { approvals, stream } = body;
    let (run, live) = chat.decide(&caller, id, approvals).await?;
    answer(&chat, caller, id, run.last_event, Some(live), stream).await
}

/// The events of a run after one, or what came of it in the end.
async fn answer(
    chat: &Chat,
    caller: Caller,
    run: RunId,
    after: i64,
    live: Option<Live>,
    stream: bool,
) -> Result<Response, Problem> {
    let account = caller.account_id;
    let mut follower = Follower::new(chat.clone(), account, run, after);
    if let Some(live) = live {
        follower = follower.listening(live);
    }
    if stream {
        return Ok(events_in(follower.admitting(caller).body()));
    }
    follower.end().await?;
    let run = outcome(chat.run(account, run).await?)?;
    let message = match run.message_id {
        Some(id) => chat.message(account, id).await?,
        None => None,
    };
    Ok(Json(Answered { message, usage: run.usage, run }).into_response())
}

/// Events as they are told.
pub fn event_stream(events: impl Stream<Item = String> + Send + 'static) -> Response {
    events_in(Body::from_stream(events.map(|text| Ok::<_, Infallible>(Bytes::from(text)))))
}

fn events_in(body: Body) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().extend([UNBUFFERED]);
    response
}

/// Gives a repeated request what the first one was given: what was kept of that is where its answer is.
pub async fn repeat_answers(State(chat): State<Chat>, request: Request, next: Next) -> Response {
    let is_about_runs = request.uri().path().ends_with("/runs");
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let is_replayed = response.headers().contains_key("idempotent-replayed");
    if !(is_about_runs && is_replayed && response.status() == StatusCode::OK) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let answer = follow_kept(&chat, &headers, body).await;
    let mut response = answer.unwrap_or_else(Problem::into_response);
    // What stood there says that this is a repetition, and which request it is an answer to.
    for (name, value) in &parts.headers {
        if !response.headers().contains_key(name) && *name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

async fn follow_kept(chat: &Chat, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    let bytes = body.collect().await.map_err(|_| Problem::not_found())?.to_bytes();
    let kept: Kept = serde_json::from_slice(&bytes).map_err(ChatError::from)?;
    let caller = chat.authenticator.authenticate(headers).await?;
    let run = chat.run(caller.account_id, kept.run_id).await?;
    answer(chat, caller, run.id, 0, None, kept.stream).await
}
