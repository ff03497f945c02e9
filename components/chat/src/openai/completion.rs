//! `POST /v1/chat/completions`

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use ids::{ConversationId, Id, RunId};
use message::Content;
use problem::{Json, Problem};
use providers::{Finish, Output};

use super::chunk::{Choice, Frame};
use super::relay::{Heard, Question, Relay};
use super::request::CompletionBody;
use crate::error::ChatError;
use crate::http::{EVENT_STREAM, UNBUFFERED};
use crate::meter::Meter;
use crate::quota::service::spender;
use crate::service::Chat;

/// The header that names a conversation, beside `metadata.conversation_id`.
const CONVERSATION: HeaderName = HeaderName::from_static("x-conversation-id");

/// `POST /v1/chat/completions`
pub async fn openai_create_completion(
    caller: Caller,
    State(chat): State<Chat>,
    headers: HeaderMap,
    Json(body): Json<CompletionBody>,
) -> Result<Response, Problem> {
    chat.prepare().await?;
    let streaming = body.streaming();
    let conversation = conversation(&headers, &body)?;
    let model = chat.choose_named_model(caller.account_id, &body.model, conversation).await?;
    let question = conversation.map(|conversation| question(conversation, &body)).transpose()?;
    let prompt = body.prompt(&model)?;
    let now = chat.clock.now();
    let id: RunId = Id::generate(now, &chat.entropy).map_err(ChatError::from)?;
    let prices = (chat.settings.quota, chat.prices.clone());
    let meter = Meter::new(prices, spender(&caller), id.to_string(), &model);
    let frame = Frame {
        id: format!("chatcmpl-{}", id.to_string().trim_start_matches("run_")),
        created: now.as_seconds(),
        model: prompt.model.clone(),
    };
    let relay = Relay { chat, meter, model, prompt, question, credentials: headers };
    let mut heard = relay.begin();
    match (streaming, heard.next().await) {
        (_, None) => Err(interrupted().into()),
        (_, Some(Heard::Failed(error))) => Err(error.into()),
        (Some(with_usage), Some(_)) => Ok(streamed(heard, frame, with_usage)),
        (None, Some(_)) => whole(heard, &frame).await,
    }
}

/// The conversation that keeps question and answer, if the request names one.
fn conversation(
    headers: &HeaderMap,
    body: &CompletionBody,
) -> Result<Option<ConversationId>, ChatError> {
    let Some(value) = headers.get(CONVERSATION) else { return Ok(body.conversation()) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    let id = id.ok_or_else(|| {
        ChatError::invalid("/x-conversation-id", "The header holds no id of a conversation.")
    })?;
    Ok(Some(id))
}

/// What a conversation keeps of a request: what a person has said last.
fn question(conversation: ConversationId, body: &CompletionBody) -> Result<Question, ChatError> {
    let text = body.question().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| {
        let detail =
            "A conversation keeps what a person said last: the last message must be the user's.";
        ChatError::invalid("/messages", detail)
    })?;
    let errors = Content::Text(text.clone()).check();
    if errors.is_empty() {
        Ok(Question { conversation, text })
    } else {
        Err(ChatError::Invalid(errors))
    }
}

/// The answer as one document.
async fn whole(mut heard: mpsc::Receiver<Heard>, frame: &Frame) -> Result<Response, Problem> {
    let (mut text, mut calls, mut finish) = (String::new(), Vec::new(), Finish::Stop);
    let usage = loop {
        match heard.next().await {
            Some(Heard::Said(Output::Text(more))) => text.push_str(&more),
            Some(Heard::Said(Output::Call(call))) => calls.push(call),
            Some(Heard::Said(Output::Finished(end))) => finish = end,
            Some(Heard::Said(Output::Usage(_)) | Heard::Begun) => {}
            Some(Heard::Done(usage)) => break usage,
            Some(Heard::Failed(error)) => return Err(error.into()),
            // Whoever worked on it is gone, and its host with it.
            None => return Err(interrupted().into()),
        }
    };
    let choice = Choice::whole(&text, &calls, finish);
    Ok(Json(frame.completion(std::slice::from_ref(&choice), usage)).into_response())
}

/// The answer as events.
fn streamed(heard: mpsc::Receiver<Heard>, frame: Frame, with_usage: bool) -> Response {
    let first = frame.begin();
    let state = (heard, frame, 0_usize, false);
    let rest = stream::unfold(state, move |(mut heard, frame, mut calls, is_over)| async move {
        if is_over {
            return None;
        }
        loop {
            let (text, is_over) = match heard.next().await {
                Some(Heard::Said(output)) => match frame.said(&output, &mut calls) {
                    Some(text) => (text, false),
                    None => continue,
                },
                Some(Heard::Done(usage)) => (frame.end(usage, with_usage), true),
                Some(Heard::Begun) => continue,
                Some(Heard::Failed(error)) => (failed(error), true),
                None => (failed(interrupted()), true),
            };
            return Some((text, (heard, frame, calls, is_over)));
        }
    });
    let events = stream::once(async { first }).chain(rest);
    let body = Body::from_stream(events.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    response.headers_mut().extend([UNBUFFERED]);
    response
}

pub fn interrupted() -> ChatError {
    let detail = "The answer broke off.";
    ChatError::Failed(runs::Failure::new(runs::FailureCode::Interrupted, detail))
}

fn failed(error: ChatError) -> String {
    format!("data: {}\n\n", Problem::from(error).openai_body())
}
