//! Responses that nobody keeps: they are worked on as completions are.

use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use caller::Caller;
use futures::channel::mpsc;
use futures::{StreamExt as _, stream};
use ids::{AccountId, Id, RunId};
use message::{MessageRole, MessageStatus, NewMessage};
use problem::{Json, Problem, chain};
use providers::{Output, Prompt};
use runs::RunStatus;
use serde_json::Map;

use super::narrator::Narrator;
use super::object::{Outcome, ResponseObject};
use super::thread::Asking;
use crate::context::Stored as Told;
use crate::error::ChatError;
use crate::http::event_stream;
use crate::models::AskError;
use crate::openai::items::{self, Stored};
use crate::openai::relay::{Heard, Relay, interrupted};
use crate::service::Chat;
use crate::work::{Said, join};

/// What whoever waits hears of, and what came of it so far.
struct Passing {
    chat: Chat,
    id: RunId,
    heard: mpsc::Receiver<Heard>,
    narrator: Narrator,
    said: Said,
}

/// Asks the model, and gives its answer.
pub async fn answer(
    chat: Chat,
    caller: &Caller,
    credentials: HeaderMap,
    asking: Asking,
    is_streamed: bool,
) -> Result<Response, Problem> {
    let prompt = prompt(&chat, caller.account_id, &asking).await?;
    let Asking { model, wish, .. } = asking;
    let id: RunId = Id::generate(chat.clock.now(), &chat.entropy).map_err(ChatError::from)?;
    let meter = chat.meter(caller, id, &model);
    let response = ResponseObject::new(id, chat.clock.now(), &prompt.model, &wish, false);
    let said = Said::to(&prompt);
    let relay = Relay { chat: chat.clone(), meter, model, prompt, question: None, credentials };
    let heard = relay.begin().await?;
    let narrator = Narrator::new(response.clone());
    let passing = Passing { chat, id, heard, narrator, said };
    if is_streamed { Ok(passing.told()) } else { passing.whole(response).await }
}

/// What the model is told: the path that the response goes on with, and what came with the request.
async fn prompt(chat: &Chat, account: AccountId, asking: &Asking) -> Result<Prompt, ChatError> {
    let Asking { thread, model, messages, wish, parameters } = asking;
    let mut path = match thread.and_then(|thread| Some((thread.conversation, thread.tip?))) {
        Some((conversation, tip)) => {
            chat.read_path(account, conversation, tip, model.entry.context_window).await?
        }
        None => Vec::new(),
    };
    let told = |message: &NewMessage| Told { role: message.role, content: message.content.clone() };
    path.extend(messages.iter().map(told));
    let shown = chat.show(account, &path).await?;
    Ok(Prompt {
        model: model.entry.model.clone(),
        system: join(wish.instructions.clone(), shown.system),
        messages: shown.messages,
        tools: wish.tools()?,
        parameters: parameters.clone(),
        stream: true,
    })
}

impl Passing {
    /// The answer as one document.
    async fn whole(mut self, response: ResponseObject) -> Result<Response, Problem> {
        loop {
            match self.heard.next().await {
                Some(Heard::Said(output)) => {
                    self.said.add(&output).map_err(AskError::from).map_err(failed)?;
                }
                Some(Heard::Done(usage)) => {
                    let outcome = self.outcome(usage)?;
                    return Ok(Json(response.ended(&outcome)).into_response());
                }
                Some(Heard::Begun) => {}
                Some(Heard::Failed(error)) => return Err(error.into()),
                // Whoever worked on it is gone, and its host with it.
                None => return Err(interrupted().into()),
            }
        }
    }

    /// The answer as events.
    fn told(mut self) -> Response {
        self.narrator.begin();
        event_stream(stream::unfold(self, |mut passing| async move {
            loop {
                let text = passing.narrator.take();
                if !text.is_empty() {
                    return Some((text, passing));
                }
                if passing.narrator.is_over() {
                    return None;
                }
                let heard = passing.heard.next().await;
                if let Err(error) = passing.hear(heard) {
                    passing.fail(error);
                }
            }
        }))
    }

    fn hear(&mut self, heard: Option<Heard>) -> Result<(), ChatError> {
        match heard {
            Some(Heard::Said(output)) => {
                self.said.add(&output).map_err(AskError::from).map_err(failed)?;
                if let Output::Text(text) = &output {
                    self.narrator.say(text);
                }
            }
            Some(Heard::Done(usage)) => {
                let outcome = self.outcome(usage)?;
                self.narrator.end(&outcome);
            }
            Some(Heard::Begun) => {}
            Some(Heard::Failed(error)) => return Err(error),
            None => return Err(interrupted()),
        }
        Ok(())
    }

    /// Ends the events with why there are no more.
    fn fail(&mut self, error: ChatError) {
        let ChatError::Failed(failure) = error else {
            tracing::error!(cause = chain(&error), "a response broke off");
            self.narrator.fail("internal_error", "The response broke off.");
            return;
        };
        let (status, failure) = (RunStatus::Failed, Some(failure));
        let message = self.message(MessageStatus::Failed).ok();
        let usage = self.said.used();
        self.narrator.end(&Outcome { status, usage, failure, ended_at: None, message });
    }

    fn outcome(&self, usage: message::Usage) -> Result<Outcome, ChatError> {
        let message = Some(self.message(MessageStatus::Completed)?);
        let (status, ended_at) = (RunStatus::Completed, Some(self.chat.clock.now()));
        Ok(Outcome { status, usage, failure: None, ended_at, message })
    }

    /// What was said, as if it were kept.
    fn message(&self, status: MessageStatus) -> Result<Stored, ChatError> {
        let is_whole = status == MessageStatus::Completed;
        let said = if is_whole { self.said.clone() } else { self.said.without_calls() };
        let noted = items::cut(&said)?.map(|noted| serde_json::from_str(noted.as_str()));
        let metadata: Map<_, _> = noted.transpose()?.unwrap_or_default();
        let (id, role, content) =
            (items::answer_id(self.id)?, MessageRole::Assistant, said.content());
        Ok(Stored { id, role, content, status, metadata })
    }
}

fn failed(error: AskError) -> ChatError {
    ChatError::Failed(error.into())
}
