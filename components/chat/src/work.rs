//! The work on a run: the model is asked, its tools are called, it is asked again, until it has said everything.

mod said;
mod tools;

use std::collections::BTreeSet;

use database::Statement;
use ids::{AccountId, Id};
use message::{Append, MessageRole, MessageStatus, NewMessage, Position};
use problem::chain;
use providers::{Output, Parameters, Prompt, Tool};
use runs::{Event, Failure, FailureCode, Run, RunStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ChatError;
use crate::journal::{Appended, Journal, Stop};
use crate::meter::Meter;
use crate::models::{AskError, Chosen};
use crate::openai::{Wish, items};
use crate::service::Chat;
use crate::tools::{Toolbox, Wanted};

pub use said::Said;

/// How often a model may be asked in one run.
const STEPS_MAX: u32 = 16;

/// What was asked for beside the message. It is kept with the run, for whoever goes on with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub parameters: Map<String, Value>,
    #[serde(default)]
    pub tools: Wanted,
    #[serde(default)]
    pub on_disconnect: runs::OnDisconnect,
    /// What else a client of OpenAI's Responses asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Wish>,
}

/// What somebody has decided about calls.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    /// The digests of what may be done.
    pub approved: BTreeSet<String>,
    /// The calls that may not.
    pub denied: BTreeSet<String>,
}

/// The work on one run.
pub struct Work {
    pub chat: Chat,
    pub account: AccountId,
    pub run: Run,
    pub model: Chosen,
    pub parameters: Parameters,
    pub asked: Asked,
    pub journal: Journal,
    pub meter: Meter,
}

/// Why the work is over, but for that everything is said.
enum Ending {
    Failed(Failure),
    Cancelled,
    /// Somebody has to decide first.
    Waiting,
    /// There is nobody to say it to.
    Lost,
}

/// What changes while the work goes on.
#[derive(Default)]
struct Progress {
    tools: Toolbox,
    /// What the model has said since the last message that was kept.
    said: Said,
}

impl Work {
    /// Does all of it, to the last event. With a decision it first does what was decided about.
    pub async fn carry_out(mut self, decided: Option<Decided>) {
        let mut progress = Progress::default();
        let outcome = self.go(&mut progress, decided).await;
        let Progress { tools, said } = progress;
        let (account, chat) = (self.account, self.chat.clone());
        // It holds a whole batch: on the heap, beside what the task itself is.
        Box::pin(self.finish(outcome, said)).await;
        tools.close().await;
        chat.tidy(account).await;
    }

    async fn go(
        &mut self,
        progress: &mut Progress,
        decided: Option<Decided>,
    ) -> Result<(), Ending> {
        if self.asked.tools == Wanted::Auto {
            let (chat, account) = (self.chat.clone(), self.account);
            progress.tools = self.journal.attend(chat.open_toolbox(account)).await??;
        }
        if let Some(decided) = decided {
            self.go_on(progress, &decided).await?;
        }
        loop {
            self.ask(progress).await?;
            // The functions of a response are its client's to call.
            if progress.said.calls.is_empty() || self.asked.response.is_some() {
                return Ok(());
            }
            self.keep_calls(progress).await?;
        }
    }

    /// Asks the model once, and passes on what it says.
    async fn ask(&mut self, progress: &mut Progress) -> Result<(), Ending> {
        if STEPS_MAX <= self.run.steps {
            let detail = "The model wanted tools more often than it may.";
            return Err(Failure::new(FailureCode::StepLimit, detail).into());
        }
        self.run.steps += 1;
        let prompt = self.prompt(progress.tools.offered()).await?;
        progress.said = Said::to(&prompt);
        let (egress, model) = (self.chat.egress.clone(), self.model.clone());
        let silence_max = self.chat.settings.provider_timeout;
        let asking = model.ask(&egress, silence_max, &prompt);
        let mut answering = self.journal.attend(asking).await??;
        drop(prompt);
        while let Some(output) = self.journal.attend(answering.next()).await?? {
            // First what is kept, then what is told: who stops in between has both.
            progress.said.add(&output).map_err(AskError::from)?;
            match &output {
                Output::Text(text) => self.journal.tell(&Event::Delta { text }).await?,
                Output::Call(call) => {
                    let arguments = &said::arguments(call);
                    let (id, name) = (&call.id, &call.name);
                    self.journal.tell(&Event::ToolCall { id, name, arguments }).await?;
                }
                Output::Usage(_) | Output::StoppedAt(_) | Output::Finished(_) => {}
            }
        }
        Ok(())
    }

    async fn prompt(&mut self, tools: Vec<Tool>) -> Result<Prompt, Ending> {
        let (conversation, tip) = (self.run.conversation_id, self.run.tip);
        let window = self.model.entry.context_window;
        let chat = self.chat.clone();
        let told =
            self.journal.attend(chat.tell(self.account, conversation, tip, window)).await??;
        let (instructions, functions) = match &self.asked.response {
            Some(wish) => (wish.instructions.clone(), wish.tools()?),
            None => (None, tools),
        };
        Ok(Prompt {
            model: self.model.entry.model.clone(),
            system: join(instructions, told.system),
            messages: told.messages,
            tools: functions,
            parameters: self.parameters.clone(),
            stream: true,
        })
    }

    /// The message of what there is of an answer, if there is anything.
    fn last_words(&self, said: &Said, status: MessageStatus) -> Option<Appended> {
        let is_whole = status == MessageStatus::Completed && self.asked.response.is_some();
        let kept = if is_whole { said.clone() } else { said.without_calls() };
        // Of an answer to a response's client it stays known why it has no end, even where it has no text.
        let is_cut = is_whole && kept.incomplete().is_some();
        if kept.text.is_empty() && kept.calls.is_empty() && !is_cut {
            return None;
        }
        let appended = self.appended(&kept, status);
        appended
            .inspect_err(|error| {
                tracing::error!(cause = chain(error), "an answer could not be written");
            })
            .ok()
    }

    /// The message of what the model has said, for the batch that keeps it.
    fn appended(&self, said: &Said, status: MessageStatus) -> Result<Appended, ChatError> {
        let (id, metadata) = match &self.asked.response {
            Some(_) => (items::answer_id(self.run.id)?, items::cut(said)?),
            None => (Id::generate(self.chat.clock.now(), &self.chat.entropy)?, None),
        };
        let message = NewMessage {
            role: MessageRole::Assistant,
            status,
            content: said.content(),
            model: Some(self.run.model.clone()),
            usage: Some(said.used()),
            metadata,
        };
        self.append(id, &message, true)
    }

    fn append(
        &self,
        id: ids::MessageId,
        message: &NewMessage,
        is_answer: bool,
    ) -> Result<Appended, ChatError> {
        let append = Append {
            account: self.account,
            conversation: self.run.conversation_id,
            position: Position::AnswerTo(self.run.tip),
            now: self.chat.clock.now(),
        };
        Ok(Appended { id, statement: append.message(id, message)?, is_answer })
    }

    /// Writes the end of the run, with what there is of an answer.
    async fn finish(mut self, outcome: Result<(), Ending>, said: Said) {
        let (status, of_message, failure) = match outcome {
            Ok(()) => (RunStatus::Completed, MessageStatus::Completed, None),
            Err(Ending::Cancelled) => (RunStatus::Cancelled, MessageStatus::Interrupted, None),
            Err(Ending::Failed(failure)) => {
                (RunStatus::Failed, MessageStatus::Failed, Some(failure))
            }
            Err(Ending::Waiting) => {
                // Its approvals are in the run; nothing was said since.
                let _ = self.journal.wait(&self.run, self.meter.release()).await;
                return;
            }
            Err(Ending::Lost) => {
                let settled = self.meter.settle(&said, self.run.steps, self.chat.clock.now());
                return settle_lost(&self.chat, settled).await;
            }
        };
        let used = said.used();
        let ended_at = self.chat.clock.now();
        let settled = self.meter.settle(&said, self.run.steps, ended_at);
        self.run.add(used.input.into(), used.output.into());
        self.run.status = status;
        self.run.failure.clone_from(&failure);
        self.run.approvals.clear();
        self.run.ended_at = Some(ended_at);
        let appended = self.last_words(&said, of_message);
        if let Some(appended) = &appended {
            self.run.message_id = Some(appended.id);
        }
        // Whoever comes next ends what cannot be ended here.
        let _ = self.journal.end(appended, &self.run, failure.as_ref(), vec![settled]).await;
    }
}

/// Settles what was said to nobody: whoever took the run over has done so first, and of a conversation that was deleted nobody else does.
async fn settle_lost(chat: &Chat, settled: Statement) {
    if let Err(error) = chat.database.query(settled).await {
        tracing::error!(cause = chain(&error), "a run could not be settled");
    }
}

/// Instructions before what else stands at the beginning of a conversation.
pub fn join(instructions: Option<String>, system: Option<String>) -> Option<String> {
    match (instructions, system) {
        (Some(first), Some(second)) => Some(format!("{first}\n\n{second}")),
        (first, second) => first.or(second),
    }
}

impl From<Stop> for Ending {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Cancelled,
            Stop::Lost => Self::Lost,
            Stop::Late => {
                let detail = "The answer took longer than a run may take.";
                Self::Failed(Failure::new(FailureCode::ProviderTimeout, detail))
            }
        }
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<AskError> for Ending {
    fn from(error: AskError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ChatError> for Ending {
    fn from(error: ChatError) -> Self {
        tracing::error!(cause = chain(&error), "a run failed by our fault");
        let detail = "The server failed while it worked on the answer.";
        Self::Failed(Failure::new(FailureCode::InternalError, detail))
    }
}
