use std::borrow::Cow;
use std::time::Duration;

use ambient::UnixMillis;
use database::Row;
use ids::{ConversationId, McpServerId, MessageId, ModelId, RunId};
use message::Usage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::RunsError;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It waits for somebody's decision.
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
    /// Whoever worked on it is gone.
    Interrupted,
}

/// What becomes of a run whose client is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    #[default]
    Continue,
    Cancel,
}

/// Why a run failed, by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    ProviderError,
    ProviderRateLimited,
    ProviderTimeout,
    /// The model wanted tools more often than it may.
    StepLimit,
    Interrupted,
    InternalError,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    pub detail: Cow<'static, str>,
    /// How long the provider asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// A call of a tool that waits for somebody's decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    pub tool_call_id: String,
    /// What the model calls the tool.
    pub name: String,
    pub server_id: McpServerId,
    pub server_name: String,
    /// What the server calls it.
    pub tool: String,
    pub arguments: Map<String, Value>,
    /// Of server, schema and arguments: what is decided about is this and nothing else.
    pub digest: String,
}

/// A run as the API gives it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    pub id: RunId,
    pub conversation_id: ConversationId,
    pub status: RunStatus,
    pub model_id: ModelId,
    /// What the provider calls the model.
    pub model: String,
    /// The message that was appended for it.
    pub user_message_id: Option<MessageId>,
    /// The newest message that the model has said.
    pub message_id: Option<MessageId>,
    pub usage: Usage,
    /// How often the model was asked.
    pub steps: u32,
    pub approvals: Vec<Approval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The id of its newest event.
    pub last_event: i64,
    pub created_at: UnixMillis,
    pub ended_at: Option<UnixMillis>,
    /// Until when whoever works on it must have moved this on.
    #[serde(skip)]
    pub lease_until: UnixMillis,
    /// The newest message of the path that it works on.
    #[serde(skip)]
    pub tip: MessageId,
    /// What was asked for beside the message.
    #[serde(skip)]
    pub request: String,
}

impl RunStatus {
    /// Its name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether nothing more comes of it.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

impl Failure {
    pub fn new(code: FailureCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), retry_after_s: None }
    }

    /// The same failure with a time to wait, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after_s =
            wait.map(|wait| u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX));
        self
    }
}

impl Run {
    pub(crate) fn read(row: Row<'_>) -> Result<Self, RunsError> {
        let id = |column| row.get::<Option<&str>>(column);
        let status: &str = row.get("status")?;
        let failure: Option<&str> = row.get("failure")?;
        let ended_at: Option<i64> = row.get("ended_at")?;
        Ok(Self {
            id: row.get::<&str>("id")?.parse()?,
            conversation_id: row.get::<&str>("conversation_id")?.parse()?,
            status: serde_json::from_value(Value::from(status))?,
            model_id: row.get::<&str>("model_id")?.parse()?,
            model: row.get("model")?,
            user_message_id: id("user_message_id")?.map(str::parse).transpose()?,
            message_id: id("message_id")?.map(str::parse).transpose()?,
            usage: usage(row.get("input_tokens")?, row.get("output_tokens")?),
            steps: row.get("steps")?,
            approvals: serde_json::from_str(row.get("approvals")?)?,
            failure: failure.map(serde_json::from_str).transpose()?,
            last_event: row.get("last_event")?,
            created_at: UnixMillis(row.get("created_at")?),
            ended_at: ended_at.map(UnixMillis),
            lease_until: UnixMillis(row.get("lease_until")?),
            tip: row.get::<&str>("tip_message_id")?.parse()?,
            request: row.get("request")?,
        })
    }

    /// Adds what a step has used up.
    pub fn add(&mut self, input_tokens: u64, output_tokens: u64) {
        let sum =
            |before: u32, more: u64| before.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        let input = sum(self.usage.input, input_tokens);
        let output = sum(self.usage.output, output_tokens);
        self.usage = Usage { input, output, total: input.saturating_add(output) };
    }
}

fn usage(input: u32, output: u32) -> Usage {
    Usage { input, output, total: input.saturating_add(output) }
}
