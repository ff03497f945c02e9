//! `POST /v1/chat/completions`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use ids::{Id, RunId};
use problem::{Json, Problem};
use providers::{Finish, Output};

use super::chunk::{Choice, Frame};
use super::question::{Question, named_conversation};
use super::relay::{Heard, Relay, interrupted};
use super::request::CompletionBody;
use crate::error::ChatError;
use crate::http::event_stream;
use crate::service::Chat;

/// `POST /v1/chat/completions`
pub async fn openai_create_completion(
    caller: Caller,
    State(chat): State<Chat>,
    headers: HeaderMap,
    Json(body): Json<CompletionBody>,
) -> Result<Response, Problem> {
    chat.prepare().await?;
    let streaming = body.streaming();
    let conversation = named_conversation(&headers)?.or_else(|| body.conversation());
    let model = chat.choose_named_model(caller.account_id, &body.model, conversation).await?;
    let question =
        conversation.map(|kept_in| Question::new(kept_in, body.question())).transpose()?;
    let prompt = body.prompt(&model)?;
    let id: RunId = Id::generate(chat.clock.now(), &chat.entropy).map_err(ChatError::from)?;
    let meter = chat.meter(&caller, id, &model);
    let frame = Frame {
        id: format!("chatcmpl-{}", id.to_string().trim_start_matches("run_")),
        created: chat.clock.now().as_seconds(),
        model: prompt.model.clone(),
    };
    let relay = Relay { chat, meter, model, prompt, question, credentials: headers };
    let heard = relay.begin().await?;
    match streaming {
        Some(with_usage) => Ok(streamed(heard, frame, with_usage)),
        None => whole(heard, &frame).await,
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
            Some(Heard::Said(Output::Usage(_) | Output::StoppedAt(_)) | Heard::Begun) => {}
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
    event_stream(stream::once(async { first }).chain(rest))
}

fn failed(error: ChatError) -> String {
    format!("data: {}\n\n", Problem::from(error).openai_body())
}
