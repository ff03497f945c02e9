//! `POST /v1/messages`

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use egress::Patience;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use ids::{Id, RunId};
use problem::{Json, Problem};
use providers::ProviderError;

use super::object::{Answer, Frame};
use super::request::MessageBody;
use super::story::Story;
use crate::error::ChatError;
use crate::http::event_stream;
use crate::models::AskError;
use crate::openai::question::{Question, named_conversation};
use crate::openai::relay::{Heard, Relay, interrupted};
use crate::service::Chat;

/// How long a stream may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// `POST /v1/messages`
pub async fn anthropic_create_message(
    caller: Caller,
    State(chat): State<Chat>,
    headers: HeaderMap,
    Json(body): Json<MessageBody>,
) -> Result<Response, Problem> {
    chat.prepare().await?;
    let is_streamed = body.is_streamed();
    let conversation = named_conversation(&headers)?;
    let model = chat.choose_named_model(caller.account_id, &body.model, conversation).await?;
    let question =
        conversation.map(|kept_in| Question::new(kept_in, body.question())).transpose()?;
    let prompt = body.prompt(&model)?;
    let id: RunId = Id::generate(chat.clock.now(), &chat.entropy).map_err(ChatError::from)?;
    let meter = chat.meter(&caller, id, &model);
    let frame = Frame {
        id: format!("msg_{}", id.to_string().trim_start_matches("run_")),
        model: prompt.model.clone(),
    };
    let relay = Relay { chat, meter, model, prompt, question, credentials: headers };
    let heard = relay.begin().await?;
    if is_streamed { Ok(streamed(heard, frame)) } else { whole(heard, &frame).await }
}

/// The answer as one document.
async fn whole(mut heard: mpsc::Receiver<Heard>, frame: &Frame) -> Result<Response, Problem> {
    let mut answer = Answer::default();
    let usage = loop {
        match heard.next().await {
            Some(Heard::Said(output)) => answer.hear(output),
            Some(Heard::Begun) => {}
            Some(Heard::Done(usage)) => break usage,
            Some(Heard::Failed(error)) => return Err(error.into()),
            // Whoever worked on it is gone, and its host with it.
            None => return Err(interrupted().into()),
        }
    };
    let object = frame.whole(&answer, usage).ok_or_else(unspeakable)?;
    Ok(Json(object).into_response())
}

/// The answer as events.
fn streamed(heard: mpsc::Receiver<Heard>, frame: Frame) -> Response {
    let state = (heard, Story::new(frame), Patience::default());
    event_stream(stream::unfold(state, |(mut heard, mut story, mut patience)| async move {
        while !story.is_over() {
            let text = match patience.within(SILENCE_MAX, heard.next()).await {
                Err(_) => story.ping(),
                Ok(Some(Heard::Said(output))) => story.say(&output),
                Ok(Some(Heard::Begun)) => continue,
                Ok(Some(Heard::Done(usage))) => story.end(usage),
                Ok(Some(Heard::Failed(error))) => story.fail(error),
                Ok(None) => story.fail(interrupted()),
            };
            if !text.is_empty() {
                return Some((text, (heard, story, patience)));
            }
        }
        None
    }))
}

/// The model has called a tool with what is no object.
pub fn unspeakable() -> ChatError {
    ChatError::Failed(AskError::from(ProviderError::Malformed).into())
}
