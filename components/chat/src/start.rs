//! The moment at which a run begins: everything that it needs is written in one batch, and somebody works on it.

use caller::Caller;
use database::{DatabaseError, Rows, Statement};
use ids::{AccountId, ConversationId, Id, MessageId, RunId};
use message::{Append, Content, NewMessage, Position};
use providers::Parameters;
use runs::{Frame, Producer, Run, RunStatus, Start};

use crate::error::ChatError;
use crate::journal::Journal;
use crate::meter::{AT_ONCE_MAX, Meter};
use crate::models::Chosen;
use crate::quota::service::spender;
use crate::relay::{Live, relay};
use crate::service::Chat;
use crate::work::{Asked, Work};

/// What a run begins with.
pub struct Beginning {
    pub id: RunId,
    pub conversation: ConversationId,
    /// What makes the conversation, where it begins with the run.
    pub opened: Option<Statement>,
    /// Where the messages go.
    pub position: Position,
    /// What the model answers where there are no messages.
    pub tip: Option<MessageId>,
    /// How many bytes a model is told beside the messages, at most.
    pub bytes: usize,
    /// What is appended first: each answers the one before it.
    pub messages: Vec<NewMessage>,
    pub model: Chosen,
    pub parameters: Parameters,
    pub asked: Asked,
    /// What else is kept in the same batch.
    pub further: Option<Statement>,
}

/// How many abandoned runs the next request ends: as many as there can be at once.
const CLOSED_MAX: u32 = AT_ONCE_MAX;

impl Chat {
    /// Ends the account's runs whose producers are dead, and settles what they had reserved.
    ///
    /// # Errors
    /// [`ChatError`]; the next request can do it.
    pub async fn close_abandoned_runs(&self, account: AccountId) -> Result<(), ChatError> {
        let now = self.clock.now();
        runs::close_some(&self.database, account, now, &self.entropy, CLOSED_MAX).await?;
        Ok(())
    }

    /// Begins a run, and lets it be worked on.
    ///
    /// # Errors
    /// [`ChatError`]: then nothing is there.
    pub async fn start(
        &self,
        caller: &Caller,
        beginning: Beginning,
    ) -> Result<(Run, Live), ChatError> {
        let Beginning { id, conversation, opened, position, messages, model, .. } = &beginning;
        let (account, now) = (caller.account_id, self.clock.now());
        let ids: Result<Vec<MessageId>, _> =
            messages.iter().map(|_| Id::generate(now, &self.entropy)).collect();
        let ids = ids?;
        let tip = ids.last().copied().or(beginning.tip).ok_or_else(nothing_to_answer)?;
        let run = new_run(&beginning, ids.first().copied(), tip, now)?;
        let producer = Producer::new(account, *id, &self.entropy)?;
        let start = Start {
            producer: &producer,
            conversation: *conversation,
            user: caller.user_id,
            model_id: model.entry.id,
            provider: model.entry.provider.as_str(),
            model: &model.entry.model,
            request: &run.request,
            user_message: run.user_message_id,
            tip,
            now,
        };
        let meter = self.meter(caller, *id, model);
        let told: usize = messages.iter().map(|message| bytes_of(&message.content)).sum();
        let bytes = beginning.bytes.saturating_add(told);
        let mut batch = vec![meter.reserve(bytes, beginning.parameters.max_tokens, now)];
        batch.extend(opened.clone());
        let append = Append { account, conversation: *conversation, position: *position, now };
        match (ids.as_slice(), messages.as_slice()) {
            ([], _) => {}
            ([id], [message]) => batch.push(append.message(*id, message)?),
            (ids, messages) => batch.push(append.messages(ids, messages)?),
        }
        batch.extend(start.statements(&run)?);
        batch.extend(beginning.further.clone());
        let wire = self.create(caller, batch, &meter).await?;
        let (mut relay, live) = relay();
        relay.say(Frame { id: 1, wire });
        let chat = self.clone();
        let Beginning { model, parameters, asked, .. } = beginning;
        let journal = Journal::new(chat.clone(), producer, relay, asked.on_disconnect, 1);
        let begun = run.clone();
        let work = Work { chat, account, run, model, parameters, asked, journal, meter };
        ambient::spawn(work.carry_out(None));
        Ok((begun, live))
    }

    /// Runs the batch with which a run begins, and gives its first event.
    async fn create(
        &self,
        caller: &Caller,
        batch: Vec<Statement>,
        meter: &Meter,
    ) -> Result<String, ChatError> {
        let results = match self.database.batch(batch).await {
            Ok(results) => results,
            Err(error) => return Err(self.not_begun(caller, error).await?),
        };
        let created = |rows: &Rows| rows.first()?.get::<String>("events").ok();
        if let Some(wire) = results.iter().find_map(created) {
            return Ok(wire);
        }
        // The conversation was there a moment ago.
        self.database.query(meter.release()).await?;
        Err(ChatError::NotFound)
    }

    pub fn meter(&self, caller: &Caller, run: RunId, model: &Chosen) -> Meter {
        let prices = (self.settings.quota, self.prices.clone());
        Meter::new(prices, spender(caller), run.to_string(), model)
    }

    /// Why a batch that begins or goes on with a run failed.
    pub async fn not_begun(
        &self,
        caller: &Caller,
        error: DatabaseError,
    ) -> Result<ChatError, ChatError> {
        if error.is_trigger("run_limit") || usage::is_crowded(&error) {
            return Ok(ChatError::TooManyRuns);
        }
        if !usage::is_exceeded(&error) {
            return Err(error.into());
        }
        let now = self.clock.now();
        let standing = self.settings.quota.standing(&self.database, spender(caller), now).await?;
        Ok(ChatError::QuotaExceeded(standing.exceeded(now)))
    }
}

/// About how many bytes a content has.
fn bytes_of(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        Content::Parts(parts) => {
            parts.iter().map(|part| serde_json::json!(part).to_string().len()).sum()
        }
    }
}

pub fn nothing_to_answer() -> ChatError {
    ChatError::invalid("/content", "There is nothing to answer: give a content.")
}

fn new_run(
    beginning: &Beginning,
    user_message_id: Option<MessageId>,
    tip: MessageId,
    now: ambient::UnixMillis,
) -> Result<Run, ChatError> {
    let entry = &beginning.model.entry;
    Ok(Run {
        id: beginning.id,
        conversation_id: beginning.conversation,
        status: RunStatus::Running,
        model_id: entry.id,
        model: entry.model.clone(),
        user_message_id,
        message_id: None,
        usage: message::Usage::default(),
        steps: 0,
        approvals: Vec::new(),
        failure: None,
        last_event: 1,
        created_at: now,
        ended_at: None,
        lease_until: now,
        tip,
        request: serde_json::to_string(&beginning.asked)?,
    })
}
