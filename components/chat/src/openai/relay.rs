//! A completion on its way: what the model says is passed on as it comes, and settled however it ends.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use ambient::UnixMillis;
use axum::http::HeaderMap;
use database::Statement;
use egress::within;
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::SinkExt as _;
use ids::{ConversationId, Id, MessageId};
use message::{Append, Content, MessageRole, MessageStatus, NewMessage, Position};
use problem::chain;
use providers::Output;
use runs::Failure;

use crate::error::ChatError;
use crate::models::{Answering, AskError};
use crate::quota::meter::Meter;
use crate::service::Chat;
use crate::work::said::Said;

/// How much waits for a slow client.
const WAITING_MAX: usize = 64;

/// How often it is looked whether the client is there.
const TICK: Duration = Duration::from_millis(500);

/// How often it is made sure that the client still may listen (SECURITY R27).
const ADMISSION: Duration = Duration::from_secs(3);

/// How long a client may take nothing.
const SLOWEST: Duration = Duration::from_mins(1);

/// What whoever asked hears.
#[derive(Debug)]
pub enum Heard {
    Said(Output),
    /// The end. What was used is in the ledger.
    Done(message::Usage),
    Failed(Failure),
}

/// Where question and answer are kept.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub conversation: ConversationId,
    /// The question, if the conversation got one.
    pub question: Option<MessageId>,
}

/// The work on a completion.
pub struct Relay {
    pub chat: Chat,
    pub meter: Meter,
    pub model: String,
    pub answering: Answering,
    /// Nothing was said yet.
    pub said: Said,
    pub place: Option<Place>,
    /// What the client has shown.
    pub credentials: HeaderMap,
}

/// Why nothing more is passed on.
enum Ending {
    Whole,
    /// Nobody listens, or nobody may any more.
    Alone,
    Failed(AskError),
}

impl Relay {
    /// Begins to pass on what comes.
    pub fn begin(self) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        ambient::spawn(self.carry_out(sender));
        receiver
    }

    async fn carry_out(mut self, mut sender: mpsc::Sender<Heard>) {
        let ending = self.pass_on(&mut sender).await;
        // The connection goes first: what nobody hears should cost nothing.
        let Self { chat, meter, model, answering, said, place, .. } = self;
        drop(answering);
        let status = match &ending {
            Ending::Whole => MessageStatus::Completed,
            Ending::Alone => MessageStatus::Interrupted,
            Ending::Failed(_) => MessageStatus::Failed,
        };
        let settled = settle(&chat, &meter, &model, &said, place, status).await;
        let last = match (ending, settled) {
            (Ending::Failed(error), _) => Heard::Failed(error.into()),
            (_, Ok(())) => Heard::Done(said.used()),
            (_, Err(error)) => {
                tracing::error!(cause = chain(&error), "a completion could not be settled");
                let detail = "The server failed while it kept the answer.";
                Heard::Failed(Failure::new(runs::FailureCode::InternalError, detail))
            }
        };
        // Whoever is gone hears nothing.
        let _ = within(SLOWEST, sender.send(last)).await;
    }

    async fn pass_on(&mut self, sender: &mut mpsc::Sender<Heard>) -> Ending {
        let mut admitted_at = self.chat.clock.now();
        loop {
            let tick = pin!(within(TICK, pending::<()>()));
            let next = match select(pin!(self.answering.next()), tick).await {
                Either::Left((next, _)) => Some(next),
                Either::Right(_) => None,
            };
            if sender.is_closed() || !self.is_admitted(&mut admitted_at).await {
                return Ending::Alone;
            }
            let output = match next {
                None => continue,
                Some(Ok(Some(output))) => output,
                Some(Ok(None)) => return Ending::Whole,
                Some(Err(error)) => return Ending::Failed(error),
            };
            if let Err(error) = self.said.add(output.clone()) {
                return Ending::Failed(error.into());
            }
            if !matches!(within(SLOWEST, sender.send(Heard::Said(output))).await, Ok(Ok(()))) {
                return Ending::Alone;
            }
        }
    }

    async fn is_admitted(&self, admitted_at: &mut UnixMillis) -> bool {
        let now = self.chat.clock.now();
        if now < admitted_at.plus(ADMISSION) {
            return true;
        }
        *admitted_at = now;
        let account = self.meter.spender.account_id;
        // A database that is away takes nobody's rights.
        match self.chat.authenticator.authenticate(&self.credentials).await {
            Ok(caller) => caller.account_id == account,
            Err(problem) => problem.kind().status.is_server_error(),
        }
    }
}

/// Keeps the answer and what was used, together.
async fn settle(
    chat: &Chat,
    meter: &Meter,
    model: &str,
    said: &Said,
    place: Option<Place>,
    status: MessageStatus,
) -> Result<(), ChatError> {
    let mut batch = vec![meter.settle(chat, 1, said)];
    let has_answer = !said.text.is_empty() || !said.calls.is_empty();
    if let Some(place) = place.filter(|_| has_answer) {
        let content = if status == MessageStatus::Completed {
            said.content()
        } else {
            Content::Text(said.text.clone())
        };
        batch.push(answer(chat, meter, model, said, place, (content, status))?);
    }
    chat.database.batch(batch).await?;
    Ok(())
}

fn answer(
    chat: &Chat,
    meter: &Meter,
    model: &str,
    said: &Said,
    place: Place,
    (content, status): (Content, MessageStatus),
) -> Result<Statement, ChatError> {
    let now = chat.clock.now();
    let append = Append {
        account: meter.spender.account_id,
        conversation: place.conversation,
        position: place.question.map_or(Position::Newest, Position::AnswerTo),
        now,
    };
    let message = NewMessage {
        role: MessageRole::Assistant,
        status,
        content,
        model: Some(model.to_owned()),
        usage: Some(said.used()),
        metadata: None,
    };
    Ok(append.message(Id::generate(now, &chat.entropy)?, &message)?)
}
