//! How runs begin, and go on after a decision.

use std::collections::BTreeSet;

use caller::Caller;
use database::{Rows, Statement};
use idempotency::Claim;
use ids::{AccountId, ConversationId, Id, MessageId, ModelId, RunId};
use message::{
    Append, Content, MessageRole, MessageStatus, NewMessage, Position, list_missing_files,
};
use problem::FieldError;
use runs::{Frame, Producer, Run, RunStatus, Start};
use serde::{Deserialize, Serialize};

use crate::error::ChatError;
use crate::journal::Journal;
use crate::models::Chosen;
use crate::relay::{Live, relay};
use crate::service::Chat;
use crate::work::{Asked, Decided, Work};

/// How many runs that were left behind somebody who begins another one ends on the way.
const CLOSED_MAX: u32 = 4;

/// What somebody wants an answer to.
#[derive(Debug)]
pub struct Question {
    /// What is appended first; without it the model answers what is there.
    pub content: Option<Content>,
    /// What the content answers, or what the model does where there is none.
    pub parent: Option<MessageId>,
    pub model: Option<ModelId>,
    pub asked: Asked,
    /// Whether whoever asks waits for the events or for the end.
    pub stream: bool,
}

/// What is kept of a request that may be repeated: where its answer is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    pub account_id: AccountId,
    pub run_id: RunId,
    pub stream: bool,
}

/// A decision about a call that waits.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub tool_call_id: String,
    pub digest: String,
    pub approve: bool,
}

impl Chat {
    /// Appends a message, begins a run that answers it, and lets it be worked on.
    ///
    /// # Errors
    /// [`ChatError`]: then neither is there.
    pub async fn begin(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        question: Question,
        claim: &Claim,
    ) -> Result<(RunId, Live), ChatError> {
        self.prepare().await?;
        let account = caller.account_id;
        self.check_content(account, question.content.as_ref()).await?;
        let model = self.choose_model(account, question.model).await?;
        let parameters =
            model.parameters(&question.asked.parameters).map_err(ChatError::Invalid)?;
        let now = self.clock.now();
        runs::close_some(&self.database, account, now, &self.entropy, CLOSED_MAX).await?;
        let tip = self.find_tip(account, conversation, &question).await?;
        let id: RunId = Id::generate(now, &self.entropy)?;
        let user_message =
            question.content.is_some().then(|| Id::generate(now, &self.entropy)).transpose()?;
        let tip = match (user_message, tip) {
            (Some(own), _) => own,
            (None, Some(tip)) => tip,
            (None, None) => return Err(nothing_to_answer()),
        };
        let run = new_run(id, conversation, &model, user_message, tip, &question.asked, now)?;
        let producer = Producer::new(account, id, &self.entropy)?;
        let start = Start {
            producer: &producer,
            conversation,
            user: caller.user_id,
            model_id: model.entry.id,
            provider: model.entry.provider.as_str(),
            model: &model.entry.model,
            request: &run.request,
            user_message,
            tip,
            now,
        };
        let mut batch = Vec::new();
        if let (Some(message), Some(content)) = (user_message, question.content) {
            let position = question.parent.map_or(Position::Newest, Position::AnswerTo);
            let append = Append { account, conversation, position, now };
            batch.push(append.message(message, &user(content))?);
        }
        batch.extend(start.statements(&run)?);
        batch.extend(self.claimed(claim, account, id, question.stream)?);
        let results = self.database.batch(batch).await.map_err(ChatError::of_begin)?;
        let created = |rows: &Rows| rows.first()?.get::<String>("events").ok();
        let Some(wire) = results.iter().find_map(created) else {
            // The conversation was there a moment ago, and the message that was named is not in it.
            return Err(ChatError::NotFound);
        };
        let (mut relay, live) = relay();
        relay.say(Frame { id: 1, wire });
        let chat = self.clone();
        let journal = Journal::new(chat.clone(), producer, relay, question.asked.on_disconnect, 1);
        let wanted = question.asked.tools;
        let work = Work { chat, account, run, model, parameters, wanted, journal };
        ambient::spawn(work.carry_out(None));
        Ok((id, live))
    }

    /// Goes on with a run that waits, as somebody has decided.
    ///
    /// # Errors
    /// [`ChatError::NotWaiting`] when it does not wait, or somebody else was faster.
    pub async fn decide(
        &self,
        account: AccountId,
        id: RunId,
        decisions: Vec<Decision>,
    ) -> Result<(Run, Live), ChatError> {
        self.prepare().await?;
        let mut run = self.run(account, id).await?;
        if run.status != RunStatus::Queued {
            return Err(ChatError::NotWaiting);
        }
        let decided = check_decisions(&run, &decisions)?;
        let asked: Asked = serde_json::from_str(&run.request)?;
        let model = self.choose_model(account, Some(run.model_id)).await?;
        let parameters = model.parameters(&asked.parameters).map_err(ChatError::Invalid)?;
        let producer = Producer::new(account, id, &self.entropy)?;
        let resumed = self.database.query(producer.resume(self.clock.now())).await;
        if resumed.map_err(ChatError::of_begin)?.is_empty() {
            return Err(ChatError::NotWaiting);
        }
        let before = run.clone();
        run.status = RunStatus::Running;
        run.approvals.clear();
        let (relay, live) = relay();
        let chat = self.clone();
        let journal =
            Journal::new(chat.clone(), producer, relay, asked.on_disconnect, run.last_event);
        let wanted = asked.tools;
        let work = Work { chat, account, run, model, parameters, wanted, journal };
        ambient::spawn(work.carry_out(Some(decided)));
        Ok((before, live))
    }

    /// What is wrong with a content, its files among it.
    async fn check_content(
        &self,
        account: AccountId,
        content: Option<&Content>,
    ) -> Result<(), ChatError> {
        let Some(content) = content else { return Ok(()) };
        let errors = content.check();
        if !errors.is_empty() {
            return Err(ChatError::Invalid(errors));
        }
        let files: BTreeSet<_> = content.files().map(|(_, file)| file).collect();
        if files.is_empty() {
            return Ok(());
        }
        let missing = list_missing_files(&self.database, account, &files).await?;
        let errors: Vec<_> = content
            .files()
            .filter(|(_, file)| missing.contains(file))
            .map(|(n, _)| {
                let detail = "The account has no such file.";
                FieldError::new(format!("/content/{n}/file_id"), detail)
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(ChatError::Invalid(errors)) }
    }

    /// The message that the question is about, if there is one in the conversation.
    async fn find_tip(
        &self,
        account: AccountId,
        conversation: ConversationId,
        question: &Question,
    ) -> Result<Option<MessageId>, ChatError> {
        let statement = Statement::new(include_str!("../queries/find_tip.sql"))
            .bind(account.to_string())
            .bind(conversation.to_string())
            .bind(question.parent.map(|id| id.to_string()))
            .bind(self.clock.now().0);
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(ChatError::NotFound)?;
        let found: Option<&str> = row.get("id")?;
        if found.is_none() && question.parent.is_some() {
            let detail = "The conversation has no such message.";
            return Err(ChatError::invalid("/parent_id", detail));
        }
        let role: Option<&str> = row.get("role")?;
        if question.content.is_none() && !matches!(role, Some("user" | "tool")) {
            return Err(nothing_to_answer());
        }
        Ok(found.map(str::parse).transpose()?)
    }

    fn claimed(
        &self,
        claim: &Claim,
        account_id: AccountId,
        run_id: RunId,
        stream: bool,
    ) -> Result<Option<Statement>, ChatError> {
        let Some(statement) = claim.bind(include_str!("../queries/claim_run.sql")) else {
            return Ok(None);
        };
        let kept = serde_json::to_string(&Kept { account_id, run_id, stream })?;
        Ok(Some(statement.bind(kept).bind(run_id.to_string())))
    }
}

fn nothing_to_answer() -> ChatError {
    ChatError::invalid("/content", "There is nothing to answer: give a content.")
}

fn user(content: Content) -> NewMessage {
    NewMessage {
        role: MessageRole::User,
        status: MessageStatus::Completed,
        content,
        model: None,
        usage: None,
        metadata: None,
    }
}

fn new_run(
    id: RunId,
    conversation_id: ConversationId,
    model: &Chosen,
    user_message_id: Option<MessageId>,
    tip: MessageId,
    asked: &Asked,
    now: ambient::UnixMillis,
) -> Result<Run, ChatError> {
    Ok(Run {
        id,
        conversation_id,
        status: RunStatus::Running,
        model_id: model.entry.id,
        model: model.entry.model.clone(),
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
        request: serde_json::to_string(asked)?,
    })
}

/// Each call that waits is decided about, as it was shown, and nothing else is.
fn check_decisions(run: &Run, decisions: &[Decision]) -> Result<Decided, ChatError> {
    let mut decided = Decided::default();
    let mut errors = Vec::new();
    for (n, decision) in decisions.iter().enumerate() {
        let waits =
            run.approvals.iter().find(|waiting| waiting.tool_call_id == decision.tool_call_id);
        match waits {
            None => {
                let detail = "No such call waits for a decision.";
                errors.push(FieldError::new(format!("/approvals/{n}/tool_call_id"), detail));
            }
            Some(waiting) if waiting.digest != decision.digest => {
                let detail = "The call is another one than was shown.";
                errors.push(FieldError::new(format!("/approvals/{n}/digest"), detail));
            }
            Some(_) if decision.approve => drop(decided.approved.insert(decision.digest.clone())),
            Some(_) => drop(decided.denied.insert(decision.tool_call_id.clone())),
        }
    }
    let is_decided = |id: &String| decisions.iter().any(|decision| decision.tool_call_id == *id);
    if !run.approvals.iter().all(|waiting| is_decided(&waiting.tool_call_id)) {
        let detail = "Decide about every call that waits.";
        errors.push(FieldError::new("/approvals", detail));
    }
    if errors.is_empty() { Ok(decided) } else { Err(ChatError::Invalid(errors)) }
}
