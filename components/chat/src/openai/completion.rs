//! `POST /v1/chat/completions`

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use ids::{ConversationId, Id, MessageId, RunId};
use message::{Append, Content, MessageRole, MessageStatus, NewMessage, Position, Usage};
use problem::{Json, Problem};
use providers::{Finish, Output, Prompt, ToolCall};
use serde::Serialize;

use super::relay::{Heard, Place, Relay};
use super::request::CompletionBody;
use crate::error::ChatError;
use crate::models::Chosen;
use crate::quota::meter::Meter;
use crate::service::Chat;
use crate::work::said::Said;

/// The header that names a conversation, beside `metadata.conversation_id`.
const CONVERSATION: HeaderName = HeaderName::from_static("x-conversation-id");

const DONE: &str = "data: [DONE]\n\n";

/// What stands in each piece of an answer.
#[derive(Clone)]
struct Frame {
    id: String,
    created: u64,
    model: String,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Delta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Delta<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    id: &'a str,
    r#type: &'static str,
    function: Called<'a>,
}

#[derive(Serialize)]
struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Clone, Copy, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
struct Tokens {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

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
    let model = chat.choose_named_model(caller.account_id, &body.model).await?;
    let question = conversation.and_then(|_| body.question());
    let prompt = body.prompt(&model)?;
    let now = chat.clock.now();
    let id: RunId = Id::generate(now, &chat.entropy).map_err(ChatError::from)?;
    let meter = Meter::new(&chat, &caller, id.to_string(), &model);
    let place = chat.reserve(&meter, &prompt, conversation, question).await?;
    let heard = chat.start(meter, &model, &prompt, place, headers).await?;
    let frame = Frame {
        id: format!("chatcmpl-{}", id.to_string().trim_start_matches("run_")),
        created: now.as_seconds(),
        model: model.entry.model.clone(),
    };
    match streaming {
        Some(with_usage) => Ok(streamed(heard, frame, with_usage)),
        None => whole(heard, &frame).await,
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

impl Chat {
    /// Reserves the tokens of a completion, and keeps its question: both or neither.
    async fn reserve(
        &self,
        meter: &Meter,
        prompt: &Prompt,
        conversation: Option<ConversationId>,
        question: Option<String>,
    ) -> Result<Option<Place>, ChatError> {
        let (now, bytes) = (self.clock.now(), Said::to(prompt).told_bytes());
        let mut batch = vec![meter.reserve(self, bytes, prompt.parameters.max_tokens)];
        let mut place = None;
        if let Some(conversation) = conversation {
            let account = meter.spender.account_id;
            let question = question.filter(|text| !text.is_empty());
            let append =
                Append { account, conversation, position: Position::Newest, now };
            let id: Option<MessageId> =
                question.is_some().then(|| Id::generate(now, &self.entropy)).transpose()?;
            if let (Some(id), Some(text)) = (id, question) {
                batch.push(append.message(id, &asked(text)?)?);
            }
            place = Some(Place { conversation, question: id });
        }
        let results = match self.database.batch(batch).await {
            Ok(results) => results,
            Err(error) => return Err(meter.refused(self, error).await),
        };
        // Where the conversation is not, nothing was appended.
        let is_kept = results.last().is_some_and(|rows| !rows.is_empty());
        if place.is_some_and(|place| place.question.is_some()) && !is_kept {
            self.database.query(meter.release()).await?;
            return Err(ChatError::NotFound);
        }
        Ok(place)
    }

    /// Asks the model. Of one that does not begin to answer nothing was used.
    async fn start(
        &self,
        meter: Meter,
        model: &Chosen,
        prompt: &Prompt,
        place: Option<Place>,
        credentials: HeaderMap,
    ) -> Result<mpsc::Receiver<Heard>, ChatError> {
        match model.ask(&self.egress, self.settings.provider_timeout, prompt).await {
            Ok(answering) => {
                let (chat, name) = (self.clone(), model.entry.model.clone());
                let said = Said::to(prompt);
                let relay =
                    Relay { chat, meter, model: name, answering, said, place, credentials };
                Ok(relay.begin())
            }
            Err(error) => {
                self.database.query(meter.release()).await?;
                Err(ChatError::Failed(error.into()))
            }
        }
    }
}

fn asked(text: String) -> Result<NewMessage, ChatError> {
    let content = Content::Text(text);
    let errors = content.check();
    if !errors.is_empty() {
        return Err(ChatError::Invalid(errors));
    }
    Ok(NewMessage {
        role: MessageRole::User,
        status: MessageStatus::Completed,
        content,
        model: None,
        usage: None,
        metadata: None,
    })
}

/// The answer as one document.
async fn whole(mut heard: mpsc::Receiver<Heard>, frame: &Frame) -> Result<Response, Problem> {
    let (mut text, mut calls, mut finish) = (String::new(), Vec::new(), Finish::Stop);
    let usage = loop {
        match heard.next().await {
            Some(Heard::Said(Output::Text(more))) => text.push_str(&more),
            Some(Heard::Said(Output::Call(call))) => calls.push(call),
            Some(Heard::Said(Output::Finished(end))) => finish = end,
            Some(Heard::Said(Output::Usage(_))) => {}
            Some(Heard::Done(usage)) => break usage,
            Some(Heard::Failed(failure)) => return Err(ChatError::Failed(failure).into()),
            // Whoever worked on it is gone, and its host with it.
            None => return Err(interrupted().into()),
        }
    };
    let content = (!text.is_empty() || calls.is_empty()).then_some(text.as_str());
    let message = Delta {
        role: Some("assistant"),
        content: Some(content),
        tool_calls: calls.iter().map(|call| told(call, None)).collect(),
    };
    let choice = Choice {
        index: 0,
        delta: None,
        message: Some(message),
        logprobs: None,
        finish_reason: Some(reason(finish)),
    };
    let chunk = frame.chunk("chat.completion", std::slice::from_ref(&choice), Some(usage.into()));
    Ok(Json(chunk).into_response())
}

/// The answer as events.
fn streamed(heard: mpsc::Receiver<Heard>, frame: Frame, with_usage: bool) -> Response {
    let begin = Delta { role: Some("assistant"), content: Some(Some("")), ..Delta::default() };
    let first = frame.event(begin, None);
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
                Some(Heard::Failed(failure)) => (failed(ChatError::Failed(failure)), true),
                None => (failed(interrupted()), true),
            };
            return Some((text, (heard, frame, calls, is_over)));
        }
    });
    let events = stream::once(async { first }).chain(rest);
    let body = Body::from_stream(events.map(|text| Ok::<_, Infallible>(Bytes::from(text))));
    let mut response = body.into_response();
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn interrupted() -> ChatError {
    let detail = "The answer broke off.";
    ChatError::Failed(runs::Failure::new(runs::FailureCode::Interrupted, detail))
}

fn failed(error: ChatError) -> String {
    format!("data: {}\n\n", Problem::from(error).openai_body())
}

fn told(call: &ToolCall, index: Option<usize>) -> Call<'_> {
    let function = Called { name: &call.name, arguments: &call.arguments };
    Call { index, id: &call.id, r#type: "function", function }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

impl Frame {
    fn chunk<'a>(
        &'a self,
        object: &'static str,
        choices: &'a [Choice<'a>],
        usage: Option<Tokens>,
    ) -> Chunk<'a> {
        let Self { id, created, model } = self;
        Chunk { id, object, created: *created, model, choices, usage }
    }

    fn event(&self, delta: Delta<'_>, finish_reason: Option<&'static str>) -> String {
        let choice =
            Choice { index: 0, delta: Some(delta), message: None, logprobs: None, finish_reason };
        self.data(std::slice::from_ref(&choice), None)
    }

    fn data(&self, choices: &[Choice<'_>], usage: Option<Tokens>) -> String {
        // Strings and numbers always serialize.
        let chunk = self.chunk("chat.completion.chunk", choices, usage);
        format!("data: {}\n\n", serde_json::to_string(&chunk).unwrap_or_default())
    }

    fn said(&self, output: &Output, calls: &mut usize) -> Option<String> {
        match output {
            Output::Text(text) => {
                Some(self.event(Delta { content: Some(Some(text)), ..Delta::default() }, None))
            }
            Output::Call(call) => {
                let tool_calls = vec![told(call, Some(*calls))];
                *calls += 1;
                Some(self.event(Delta { tool_calls, ..Delta::default() }, None))
            }
            Output::Finished(finish) => Some(self.event(Delta::default(), Some(reason(*finish)))),
            Output::Usage(_) => None,
        }
    }

    fn end(&self, usage: Usage, with_usage: bool) -> String {
        let used = if with_usage { self.data(&[], Some(usage.into())) } else { String::new() };
        format!("{used}{DONE}")
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        let Usage { input, output, total } = usage;
        Self { prompt_tokens: input, completion_tokens: output, total_tokens: total }
    }
}
