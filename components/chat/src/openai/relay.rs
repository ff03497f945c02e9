//! A completion on its way: what the model says is passed on as it comes, and settled however it ends.

use std::future::pending;
use std::pin::{Pin, pin};
use std::time::Duration;

use ambient::UnixMillis;
use axum::http::HeaderMap;
use database::DatabaseError;
use egress::within;
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::{SinkExt as _, StreamExt as _};
use ids::{ConversationId, Id, MessageId};
use message::{Append, Content, MessageRole, MessageStatus, NewMessage, Position};
use problem::chain;
use providers::{Output, Prompt};

use super::question::Question;
use crate::error::ChatError;
use crate::meter::Meter;
use crate::models::{AskError, Chosen};
use crate::service::Chat;
use crate::work::Said;

/// How much waits for a slow client.
const WAITING_MAX: usize = 64;

/// How often it is looked whether the client is there.
const TICK: Duration = Duration::from_millis(500);

/// How often the reservation is renewed, and the client's right to listen is checked (SECURITY R27).
const ADMISSION: Duration = Duration::from_secs(3);

/// How long a client may take nothing.
const SLOWEST: Duration = Duration::from_mins(1);

/// What whoever asked hears.
#[derive(Debug)]
pub enum Heard {
    /// The model begins to answer.
    Begun,
    Said(Output),
    /// The end. What was used is in the ledger.
    Done(message::Usage),
    Failed(ChatError),
}

/// Where question and answer are kept.
#[derive(Debug, Clone, Copy)]
struct Place {
    conversation: ConversationId,
    question: MessageId,
}

/// The work on a completion. All of it goes on when the client is gone, to its own early end: what was reserved is settled whatever happens.
pub struct Relay {
    pub chat: Chat,
    pub meter: Meter,
    pub model: Chosen,
    pub prompt: Prompt,
    pub question: Option<Question>,
    /// What the client has shown.
    pub credentials: HeaderMap,
}

/// Why nothing more is passed on.
enum Ending {
    Whole,
    /// The client has left, or has lost its right to listen.
    Alone,
    /// The reservation was settled because its lease was over.
    Expired,
    Failed(AskError),
}

/// Who listens.
struct Listener {
    sender: mpsc::Sender<Heard>,
    timer: Timer,
    admitted_at: UnixMillis,
}

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Relay {
    /// Begins, and waits until the model does, so that what fails before is an error and no answer that breaks off.
    ///
    /// # Errors
    /// [`ChatError`]: then nothing is reserved any more.
    pub async fn begin(self) -> Result<mpsc::Receiver<Heard>, ChatError> {
        let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
        let admitted_at = self.chat.clock.now();
        ambient::spawn(self.carry_out(Listener { sender, timer: timer(TICK), admitted_at }));
        match receiver.next().await {
            None => Err(interrupted()),
            Some(Heard::Failed(error)) => Err(error),
            Some(Heard::Begun | Heard::Said(_) | Heard::Done(_)) => Ok(receiver),
        }
    }

    async fn carry_out(self, mut listener: Listener) {
        let place = match self.reserve().await {
            Ok(place) => place,
            Err(error) => return listener.hear_last(Heard::Failed(error)).await,
        };
        let mut said = Said::to(&self.prompt);
        // Nothing is kept open while it is settled: what nobody hears should cost nothing.
        let ending = self.pass_on(&mut listener, &mut said).await;
        let status = match &ending {
            Ending::Whole => MessageStatus::Completed,
            Ending::Alone => MessageStatus::Interrupted,
            Ending::Expired | Ending::Failed(_) => MessageStatus::Failed,
        };
        let settled = self.settle(&said, place, status).await;
        let last = match (ending, settled) {
            (Ending::Failed(error), _) => Heard::Failed(ChatError::Failed(error.into())),
            (Ending::Expired, _) => Heard::Failed(interrupted()),
            (_, Ok(())) => Heard::Done(said.used()),
            (_, Err(error)) => {
                tracing::error!(cause = chain(&error), "a completion could not be settled");
                Heard::Failed(error)
            }
        };
        listener.hear_last(last).await;
    }

    /// Reserves the tokens and keeps the question: both or neither.
    async fn reserve(&self) -> Result<Option<Place>, ChatError> {
        let Self { chat, meter, prompt, .. } = self;
        chat.close_abandoned_runs(meter.spender.account_id).await?;
        let (now, bytes) = (chat.clock.now(), Said::to(prompt).told_bytes());
        let mut batch = vec![meter.reserve(bytes, prompt.parameters.max_tokens, now)];
        let mut place = None;
        if let Some(Question { conversation, text }) = &self.question {
            let question = Id::generate(now, &chat.entropy)?;
            let message = message_of(MessageRole::User, Content::Text(text.clone()));
            let append = self.append(*conversation, Position::Newest);
            batch.push(append.message(question, &message)?);
            place = Some(Place { conversation: *conversation, question });
        }
        let results = match chat.database.batch(batch).await {
            Ok(results) => results,
            Err(error) => return Err(self.refused(error).await),
        };
        // Where there is no such conversation, nothing was appended.
        let is_kept = results.last().is_some_and(|rows| !rows.is_empty());
        if place.is_some() && !is_kept {
            chat.database.query(meter.release()).await?;
            return Err(ChatError::NotFound);
        }
        Ok(place)
    }

    /// Why nothing was reserved.
    async fn refused(&self, error: DatabaseError) -> ChatError {
        if usage::is_crowded(&error) {
            return ChatError::TooManyRuns;
        }
        if !usage::is_exceeded(&error) {
            return error.into();
        }
        let Self { chat, meter, .. } = self;
        let now = chat.clock.now();
        match meter.quota.standing(&chat.database, meter.spender, now).await {
            Ok(standing) => ChatError::QuotaExceeded(standing.exceeded(now)),
            Err(error) => error.into(),
        }
    }

    async fn pass_on(&self, listener: &mut Listener, said: &mut Said) -> Ending {
        let Self { chat, model, prompt, .. } = self;
        let asking = model.ask(&chat.egress, chat.settings.provider_timeout, prompt);
        let mut answering = match self.attend(listener, asking).await {
            Err(ending) => return ending,
            Ok(Err(error)) => return Ending::Failed(error),
            Ok(Ok(answering)) => answering,
        };
        if let Err(ending) = self.pass(listener, Heard::Begun).await {
            return ending;
        }
        loop {
            let output = match self.attend(listener, answering.next()).await {
                Err(ending) => return ending,
                Ok(Err(error)) => return Ending::Failed(error),
                Ok(Ok(None)) => return Ending::Whole,
                Ok(Ok(Some(output))) => output,
            };
            if let Err(error) = said.add(&output) {
                return Ending::Failed(error.into());
            }
            if let Err(ending) = self.pass(listener, Heard::Said(output)).await {
                return ending;
            }
        }
    }

    /// Passes something on to the client, which may be slow.
    async fn pass(&self, listener: &mut Listener, heard: Heard) -> Result<(), Ending> {
        match listener.sender.try_send(heard) {
            Ok(()) => Ok(()),
            Err(error) if error.is_disconnected() => Err(Ending::Alone),
            Err(error) => {
                let mut sender = listener.sender.clone();
                let sending = within(SLOWEST, sender.send(error.into_inner()));
                match self.attend(listener, sending).await? {
                    Ok(Ok(())) => Ok(()),
                    _ => Err(Ending::Alone),
                }
            }
        }
    }

    /// Waits for something while the client is there and the reservation holds.
    async fn attend<F: Future>(
        &self,
        listener: &mut Listener,
        work: F,
    ) -> Result<F::Output, Ending> {
        let mut work = pin!(work);
        loop {
            match select(work.as_mut(), &mut listener.timer).await {
                Either::Left((outcome, _)) => return Ok(outcome),
                Either::Right(((), _)) => listener.timer = timer(TICK),
            }
            if listener.sender.is_closed() {
                return Err(Ending::Alone);
            }
            self.look_after(listener).await?;
        }
    }

    /// From time to time, renews the reservation and checks that the client still may listen. A database that is away changes nothing.
    async fn look_after(&self, listener: &mut Listener) -> Result<(), Ending> {
        let now = self.chat.clock.now();
        if now < listener.admitted_at.plus(ADMISSION) {
            return Ok(());
        }
        listener.admitted_at = now;
        let account = self.meter.spender.account_id;
        let is_admitted = match self.chat.authenticator.authenticate(&self.credentials).await {
            Ok(caller) => caller.account_id == account,
            Err(problem) => problem.kind().status.is_server_error(),
        };
        if !is_admitted {
            return Err(Ending::Alone);
        }
        match self.chat.database.query(self.meter.renew(now)).await {
            Ok(rows) if rows.is_empty() => Err(Ending::Expired),
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(cause = chain(&error), "a reservation could not be renewed");
                Ok(())
            }
        }
    }

    /// Keeps the answer and what was used, together.
    async fn settle(
        &self,
        said: &Said,
        place: Option<Place>,
        status: MessageStatus,
    ) -> Result<(), ChatError> {
        let Self { chat, meter, .. } = self;
        let mut batch = vec![meter.settle(said, 1, chat.clock.now())];
        let has_answer = !said.text.is_empty() || !said.calls.is_empty();
        if let Some(Place { conversation, question }) = place.filter(|_| has_answer) {
            let is_whole = status == MessageStatus::Completed;
            let content = if is_whole { said.content() } else { Content::Text(said.text.clone()) };
            let message = NewMessage {
                status,
                model: Some(self.prompt.model.clone()),
                usage: Some(said.used()),
                ..message_of(MessageRole::Assistant, content)
            };
            let id = Id::generate(chat.clock.now(), &chat.entropy)?;
            let append = self.append(conversation, Position::AnswerTo(question));
            batch.push(append.message(id, &message)?);
        }
        chat.database.batch(batch).await?;
        Ok(())
    }

    fn append(&self, conversation: ConversationId, position: Position) -> Append {
        let (account, now) = (self.meter.spender.account_id, self.chat.clock.now());
        Append { account, conversation, position, now }
    }
}

impl Listener {
    /// Passes on the last of all, if the client is still there.
    async fn hear_last(mut self, heard: Heard) {
        let _ = within(SLOWEST, self.sender.send(heard)).await;
    }
}

fn message_of(role: MessageRole, content: Content) -> NewMessage {
    let (status, model, usage, metadata) = (MessageStatus::Completed, None, None, None);
    NewMessage { role, status, content, model, usage, metadata }
}

fn timer(time: Duration) -> Timer {
    Box::pin(async move {
        // Nothing is waited for but the time.
        let _ = within(time, pending::<()>()).await;
    })
}

/// What is said where an answer has no end, because whoever worked on it is gone.
pub fn interrupted() -> ChatError {
    let detail = "The answer broke off.";
    ChatError::Failed(runs::Failure::new(runs::FailureCode::Interrupted, detail))
}
