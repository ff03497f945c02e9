//! How runs begin, and go on after a decision.

use caller::Caller;
use database::Statement;
use idempotency::Claim;
use ids::{AccountId, ConversationId, FileId, Id, MessageId, ModelId, RunId};
use message::{Content, MessageRole, MessageStatus, NewMessage, Position, list_missing_files};
use problem::FieldError;
use runs::{Producer, Run, RunStatus};
use serde::{Deserialize, Serialize};

use crate::error::ChatError;
use crate::journal::Journal;
use crate::relay::{Live, relay};
use crate::service::Chat;
use crate::start::{Beginning, nothing_to_answer};
use crate::work::{Asked, Decided, Work};

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

/// Where a conversation is.
pub struct Tip {
    /// The message that was named, or the newest.
    pub id: Option<MessageId>,
    /// Whether a model can answer it.
    pub is_question: bool,
    /// How many bytes a model is told at most.
    pub bytes: usize,
}

/// What is kept of a request that may be repeated: where its answer is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
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
        let model = self.choose_model(account, question.model, Some(conversation)).await?;
        self.check_content(account, question.content.as_ref()).await?;
        let parameters =
            model.parameters(&question.asked.parameters).map_err(ChatError::Invalid)?;
        let now = self.clock.now();
        self.close_abandoned_runs(account).await?;
        let place = self.find_tip(account, conversation, question.parent).await?;
        if question.content.is_none() && !place.is_question {
            return Err(nothing_to_answer());
        }
        let id: RunId = Id::generate(now, &self.entropy)?;
        let beginning = Beginning {
            id,
            conversation,
            opened: None,
            position: question.parent.map_or(Position::Newest, Position::AnswerTo),
            tip: place.id,
            bytes: place.bytes,
            messages: question.content.map(user).into_iter().collect(),
            model,
            parameters,
            asked: question.asked,
            further: claimed(claim, id, question.stream)?,
        };
        let (run, live) = self.start(caller, beginning).await?;
        Ok((run.id, live))
    }

    /// Goes on with a run that waits, as somebody has decided.
    ///
    /// # Errors
    /// [`ChatError::NotWaiting`] when it does not wait, or somebody else was faster.
    pub async fn decide(
        &self,
        caller: &Caller,
        id: RunId,
        decisions: Vec<Decision>,
    ) -> Result<(Run, Live), ChatError> {
        self.prepare().await?;
        let account = caller.account_id;
        self.close_abandoned_runs(account).await?;
        let mut run = self.run(account, id).await?;
        if run.status != RunStatus::Queued {
            return Err(ChatError::NotWaiting);
        }
        let decided = check_decisions(&run, &decisions)?;
        let asked: Asked = serde_json::from_str(&run.request)?;
        let model = self.choose_model(account, Some(run.model_id), None).await?;
        let parameters = model.parameters(&asked.parameters).map_err(ChatError::Invalid)?;
        let producer = Producer::new(account, id, &self.entropy)?;
        let (meter, now) = (self.meter(caller, id, &model), self.clock.now());
        let place = self.find_tip(account, run.conversation_id, Some(run.tip)).await?;
        let reserved = meter.reserve(place.bytes, parameters.max_tokens, now);
        match self.database.batch(vec![producer.resume(now), producer.demand(), reserved]).await {
            Ok(_) => {}
            Err(error) if ChatError::is_lost(&error) => return Err(ChatError::NotWaiting),
            Err(error) => return Err(self.not_begun(caller, error).await?),
        }
        let before = run.clone();
        run.status = RunStatus::Running;
        run.approvals.clear();
        let (relay, live) = relay();
        let chat = self.clone();
        let journal =
            Journal::new(chat.clone(), producer, relay, asked.on_disconnect, run.last_event);
        let work = Work { chat, account, run, model, parameters, asked, journal, meter };
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
        let pointer = |n| format!("/content/{n}/file_id");
        self.check_files(account, content.files().map(|(n, file)| (pointer(n), file))).await
    }

    /// Whether the account has all of these files, each with where the request names it.
    pub async fn check_files(
        &self,
        account: AccountId,
        named: impl Iterator<Item = (String, FileId)>,
    ) -> Result<(), ChatError> {
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            return Ok(());
        }
        let files = named.iter().map(|(_, file)| *file).collect();
        let missing = list_missing_files(&self.database, account, &files).await?;
        let detail = "The account has no such file.";
        let missed = named.into_iter().filter(|(_, file)| missing.contains(file));
        let errors: Vec<_> = missed.map(|(at, _)| FieldError::new(at, detail)).collect();
        if errors.is_empty() { Ok(()) } else { Err(ChatError::Invalid(errors)) }
    }

    /// Where a conversation is: at the message that is named, or at the newest.
    pub async fn find_tip(
        &self,
        account: AccountId,
        conversation: ConversationId,
        named: Option<MessageId>,
    ) -> Result<Tip, ChatError> {
        let statement = Statement::new(include_str!("../queries/find_tip.sql"))
            .bind(account.to_string())
            .bind(conversation.to_string())
            .bind(named.map(|id| id.to_string()))
            .bind(self.clock.now().0);
        let rows = self.database.query(statement).await?;
        let row = rows.first().ok_or(ChatError::NotFound)?;
        let found: Option<&str> = row.get("id")?;
        if found.is_none() && named.is_some() {
            let detail = "The conversation has no such message.";
            return Err(ChatError::invalid("/parent_id", detail));
        }
        let role: Option<&str> = row.get("role")?;
        let bytes: u64 = row.get("bytes")?;
        Ok(Tip {
            id: found.map(str::parse).transpose()?,
            is_question: matches!(role, Some("user" | "tool")),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        })
    }
}

/// Keeps where the answer is, for a repetition of the request.
fn claimed(claim: &Claim, run_id: RunId, stream: bool) -> Result<Option<Statement>, ChatError> {
    let Some(statement) = claim.bind(include_str!("../queries/claim_run.sql")) else {
        return Ok(None);
    };
    let kept = serde_json::to_string(&Kept { run_id, stream })?;
    Ok(Some(statement.bind(kept).bind(run_id.to_string())))
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
