//! The statements of a run's moments, each for one batch of the database.

use ambient::{Entropy, EntropyError, UnixMillis};
use database::Statement;
use ids::{AccountId, ConversationId, MessageId, ModelId, RunId, UserId};
use message::Usage;

use crate::event::head;
use crate::store::LEASE;
use crate::{Approval, Batch, Failure, Run, RunStatus};

/// How long a run may wait for somebody's decision.
const WAITING: std::time::Duration = std::time::Duration::from_hours(24);

/// Whoever works on a run. What it writes, it writes only as long as nobody has taken it for dead.
#[derive(Debug, Clone)]
pub struct Producer {
    pub account: AccountId,
    pub run: RunId,
    token: [u8; 16],
}

/// The beginning of a run.
#[derive(Debug)]
pub struct Start<'a> {
    pub producer: &'a Producer,
    pub conversation: ConversationId,
    pub user: UserId,
    pub model_id: ModelId,
    pub provider: &'static str,
    pub model: &'a str,
    /// A JSON object.
    pub request: &'a str,
    /// The message that is appended in the same batch.
    pub user_message: Option<MessageId>,
    /// The message that the model answers.
    pub tip: MessageId,
    pub now: UnixMillis,
}

/// A message of a run that is appended in the same batch, with the events before and after the one that tells of it.
#[derive(Debug)]
pub struct Step<'a> {
    pub producer: &'a Producer,
    pub before: Batch,
    /// The message; none when nothing was said.
    pub message: Option<MessageId>,
    /// Whether the model has said it.
    pub is_answer: bool,
    /// The run as it is then.
    pub run: &'a Run,
    pub now: UnixMillis,
}

/// The end of a run.
#[derive(Debug)]
pub struct End<'a> {
    pub step: Step<'a>,
    pub failure: Option<&'a Failure>,
}

/// A run begins to wait for somebody's decision.
#[derive(Debug)]
pub struct Waiting<'a> {
    pub producer: &'a Producer,
    pub batch: Batch,
    pub approvals: &'a [Approval],
    pub now: UnixMillis,
}

impl Producer {
    /// # Errors
    /// [`EntropyError`] when there is no randomness to be had.
    pub fn new(account: AccountId, run: RunId, entropy: &Entropy) -> Result<Self, EntropyError> {
        Ok(Self { account, run, token: entropy.bytes()? })
    }

    fn bind(&self, sql: &'static str) -> Statement {
        Statement::new(sql)
            .bind(self.account.to_string())
            .bind(self.run.to_string())
            .bind(self.token.to_vec())
    }

    /// Fails, and the batch with it, when somebody else has taken the run over or it is gone: with a broken `NOT NULL`.
    pub fn demand(&self) -> Statement {
        self.bind(include_str!("../queries/demand_producer.sql"))
    }

    /// Keeps events. No row when the run is somebody else's by now; else whether it is to stop, in `cancel_requested`.
    pub fn keep(&self, batch: &Batch, now: UnixMillis) -> Statement {
        self.bind(include_str!("../queries/append_events.sql"))
            .bind(batch.first)
            .bind(batch.last)
            .bind(now.0)
            .bind(batch.text.as_str())
            .bind(batch.wire.as_str())
    }

    /// Whether the run is to stop, in `cancel_requested`; no row when it is somebody else's by now.
    pub fn look(&self) -> Statement {
        self.bind(include_str!("../queries/look_at_run.sql"))
    }

    /// As [`Producer::look`], and moves the lease on.
    pub fn renew(&self, now: UnixMillis) -> Statement {
        self.bind(include_str!("../queries/renew_lease.sql")).bind(now.plus(LEASE).0)
    }

    /// Goes on with a run that waits. No row when it does not. Fails with the trigger rule `run_limit` when as many are at work as may be.
    pub fn resume(&self, now: UnixMillis) -> Statement {
        self.bind(include_str!("../queries/resume_run.sql")).bind(now.plus(LEASE).0).bind(now.0)
    }

    /// Takes a run from whoever has left it behind. No row when nobody has.
    pub(crate) fn take_over(&self, now: UnixMillis) -> Statement {
        self.bind(include_str!("../queries/take_over_run.sql")).bind(now.plus(LEASE).0).bind(now.0)
    }
}

impl Start<'_> {
    /// The statements: they follow the one that appends the message. The first of them returns the run's row, and no row when its conversation or
    /// message is not there; the second returns the first event in `wire`. The batch fails with the trigger rule `run_limit` when as many
    /// are at work as may be.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn statements(&self, run: &Run) -> Result<[Statement; 2], serde_json::Error> {
        let insert = self
            .producer
            .bind(include_str!("../queries/insert_run.sql"))
            .bind(self.conversation.to_string())
            .bind(self.user.to_string())
            .bind(self.model_id.to_string())
            .bind(self.provider)
            .bind(self.model)
            .bind(self.request)
            .bind(self.user_message.map(|id| id.to_string()))
            .bind(self.tip.to_string())
            .bind(self.now.plus(LEASE).0)
            .bind(self.now.0);
        let run = serde_json::to_string(run)?;
        let wire = format!("{}data: {{\"run\":{run},\"user_message\":", head(1, "run.created"));
        let created = self
            .producer
            .bind(include_str!("../queries/append_events_around.sql"))
            .bind(1)
            .bind(1)
            .bind(self.now.0)
            .bind("")
            .bind(wire)
            .bind(self.user_message.map(|id| id.to_string()))
            .bind("}\n\n");
        Ok([insert, created])
    }
}

impl Step<'_> {
    /// The statement that keeps the events, with the number of the last. `after` are those that follow the one that tells of the message.
    fn written(self, after: &[(&'static str, String)]) -> (Statement, i64) {
        let Self { producer, before, message, is_answer, now, .. } = self;
        let mut behind = Batch::after(before.last);
        let mut wire = before.wire;
        if message.is_some() && is_answer {
            behind.last += 1;
            wire.push_str(&head(behind.last, "message.completed"));
            wire.push_str("data: {\"message\":");
            behind.wire.push_str("}\n\n");
        }
        for (name, data) in after {
            behind.push_written(name, data);
        }
        let last = behind.last;
        let shown = message.filter(|_| is_answer).map(|id| id.to_string());
        let statement = producer
            .bind(include_str!("../queries/append_events_around.sql"))
            .bind(before.first)
            .bind(last)
            .bind(now.0)
            .bind(before.text)
            .bind(wire)
            .bind(shown)
            .bind(behind.wire);
        (statement, last)
    }

    /// The statements of a message after which the run goes on, with the number of its last event. They follow [`Producer::demand`] and the
    /// statement that appends the message. One returns all these events in `events`, if there are any, and the last `cancel_requested`.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn statements(self) -> Result<(Vec<Statement>, i64), serde_json::Error> {
        let (producer, run) = (self.producer, self.run);
        let (message, is_answer, now) = (self.message, self.is_answer, self.now);
        let is_silent = self.before.is_empty() && !(is_answer && message.is_some());
        let (events, last) = self.written(&[]);
        let update = producer
            .bind(include_str!("../queries/advance_run.sql"))
            .bind(message.map(|id| id.to_string()))
            .bind(is_answer)
            .bind(last)
            .bind(run.steps)
            .bind(run.usage.input)
            .bind(run.usage.output)
            .bind(now.0);
        let events = Some(events).filter(|_| !is_silent);
        Ok((events.into_iter().chain([update]).collect(), last))
    }
}

impl End<'_> {
    /// The statements of the end; they follow what those of a step do. The first returns all these events in `events`.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn statements(self) -> Result<Vec<Statement>, serde_json::Error> {
        let Self { step, failure } = self;
        let (producer, now) = (step.producer, step.now);
        let message = step.message.filter(|_| step.is_answer);
        let last_event = step.before.last + i64::from(message.is_some()) + 1;
        let run = &Run { last_event, ..step.run.clone() };
        let (events, _) = step.written(&[ending(run, failure)?]);
        let end = producer
            .bind(include_str!("../queries/end_run.sql"))
            .bind(message.map(|id| id.to_string()))
            .bind(run.status.as_str())
            .bind(run.steps)
            .bind(run.usage.input)
            .bind(run.usage.output)
            .bind(failure.map(serde_json::to_string).transpose()?)
            .bind(now.0);
        Ok(vec![events, end])
    }
}

impl Waiting<'_> {
    /// The statements, of which the first returns a row.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn statements(&self) -> Result<[Statement; 2], serde_json::Error> {
        let wait = self
            .producer
            .bind(include_str!("../queries/wait_for_approval.sql"))
            .bind(serde_json::to_string(self.approvals)?)
            .bind(self.now.plus(WAITING).0)
            .bind(self.now.0);
        Ok([self.producer.keep(&self.batch, self.now), wait])
    }
}

/// The last event of a run that has ended.
fn ending(
    run: &Run,
    failure: Option<&Failure>,
) -> Result<(&'static str, String), serde_json::Error> {
    #[derive(serde::Serialize)]
    struct Ended<'a> {
        run: &'a Run,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        #[serde(flatten)]
        failure: Option<&'a Failure>,
    }
    let name = match run.status {
        RunStatus::Completed => "run.completed",
        RunStatus::Cancelled => "run.cancelled",
        _ => "run.failed",
    };
    let usage = (run.status == RunStatus::Completed).then_some(run.usage);
    let ended = Ended { run, usage, failure };
    Ok((name, serde_json::to_string(&ended)?))
}
