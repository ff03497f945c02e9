//! OpenAI's "response object".

use std::fmt;

use ambient::UnixMillis;
use ids::{ConversationId, RunId};
use message::Usage;
use runs::{Failure, FailureCode, Run, RunStatus};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use super::wish::{Function, Wish};
use crate::openai::items::{Item, Stored};
use crate::openai::metadata::Metadata;

/// The id of a response: that of its run, with another prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseId(pub RunId);

#[derive(Debug, Clone, Serialize)]
pub struct ResponseObject {
    pub id: ResponseId,
    object: &'static str,
    /// Whole seconds since 1970.
    created_at: u64,
    completed_at: Option<u64>,
    pub status: &'static str,
    background: bool,
    error: Option<Fault>,
    incomplete_details: Option<Cut>,
    instructions: Option<String>,
    max_output_tokens: Option<u32>,
    model: String,
    output: Vec<Item>,
    parallel_tool_calls: bool,
    previous_response_id: Option<ResponseId>,
    conversation: Option<Named>,
    reasoning: Value,
    store: bool,
    temperature: Option<f64>,
    text: Value,
    tool_choice: Value,
    tools: Vec<Function>,
    top_p: Option<f64>,
    truncation: &'static str,
    usage: Option<Tokens>,
    metadata: Metadata,
}

#[derive(Debug, Clone, Serialize)]
struct Fault {
    code: &'static str,
    message: String,
}

#[derive(Debug, Clone, Serialize)]
struct Cut {
    reason: String,
}

#[derive(Debug, Clone, Serialize)]
struct Named {
    id: ConversationId,
}

#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "OpenAI's names")]
struct Tokens {
    input_tokens: u32,
    input_tokens_details: Cached,
    output_tokens: u32,
    output_tokens_details: Reasoned,
    total_tokens: u32,
}

/// How many tokens of these kinds there were is not known.
#[derive(Debug, Clone, Default, Serialize)]
struct Cached {
    cached_tokens: u32,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Reasoned {
    reasoning_tokens: u32,
}

/// What came of a response.
#[derive(Debug)]
pub struct Outcome {
    pub status: RunStatus,
    pub usage: Usage,
    pub failure: Option<Failure>,
    pub ended_at: Option<UnixMillis>,
    pub message: Option<Stored>,
}

impl Outcome {
    pub fn of(run: &Run, message: Option<Stored>) -> Self {
        let (status, usage, ended_at) = (run.status, run.usage, run.ended_at);
        Self { status, usage, failure: run.failure.clone(), ended_at, message }
    }
}

impl ResponseObject {
    /// A response that is worked on.
    pub fn begun(run: &Run, wish: &Wish) -> Self {
        Self::new(run.id, run.created_at, &run.model, wish, true)
    }

    pub fn new(id: RunId, created_at: UnixMillis, model: &str, wish: &Wish, is_kept: bool) -> Self {
        let wish = wish.clone();
        let plain = || json!({"format": {"type": "text"}, "verbosity": null});
        Self {
            id: ResponseId(id),
            object: "response",
            created_at: created_at.as_seconds(),
            completed_at: None,
            status: "in_progress",
            background: false,
            error: None,
            incomplete_details: None,
            instructions: wish.instructions,
            max_output_tokens: wish.max_output_tokens,
            model: model.to_owned(),
            output: Vec::new(),
            parallel_tool_calls: wish.parallel_tool_calls.unwrap_or(true),
            previous_response_id: wish.previous_response_id,
            conversation: wish.conversation.map(|id| Named { id }),
            reasoning: wish.reasoning.unwrap_or_else(|| json!({"effort": null, "summary": null})),
            store: is_kept,
            temperature: wish.temperature,
            text: wish.text.unwrap_or_else(plain),
            tool_choice: wish.tool_choice.unwrap_or_else(|| json!("auto")),
            tools: wish.tools,
            top_p: wish.top_p,
            truncation: "auto",
            usage: None,
            metadata: wish.metadata,
        }
    }

    /// The response with what came of it.
    #[must_use]
    pub fn ended(self, outcome: &Outcome) -> Self {
        let cut = outcome.message.as_ref().and_then(Stored::incomplete);
        let status = match outcome.status {
            RunStatus::Queued | RunStatus::Running => "in_progress",
            RunStatus::Completed if cut.is_some() => "incomplete",
            RunStatus::Completed => "completed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Failed | RunStatus::Interrupted => "failed",
        };
        let Usage { input, output, total } = outcome.usage;
        let ended_at = outcome.ended_at.map(UnixMillis::as_seconds);
        Self {
            status,
            completed_at: ended_at.filter(|_| status == "completed"),
            error: outcome.failure.as_ref().map(Fault::of),
            incomplete_details: cut.map(|reason| Cut { reason: reason.to_owned() }),
            output: outcome.message.as_ref().map(Stored::items).unwrap_or_default(),
            usage: Some(Tokens {
                input_tokens: input,
                input_tokens_details: Cached::default(),
                output_tokens: output,
                output_tokens_details: Reasoned::default(),
                total_tokens: total,
            }),
            ..self
        }
    }
}

impl Fault {
    fn of(failure: &Failure) -> Self {
        let code = match failure.code {
            FailureCode::ProviderRateLimited => "rate_limit_exceeded",
            FailureCode::ProviderError
            | FailureCode::ProviderTimeout
            | FailureCode::StepLimit
            | FailureCode::Interrupted
            | FailureCode::InternalError => "server_error",
        };
        Self { code, message: failure.detail.to_string() }
    }
}

impl fmt::Display for ResponseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resp_{}", self.0.to_string().trim_start_matches("run_"))
    }
}

impl Serialize for ResponseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResponseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let suffix = text.strip_prefix("resp_");
        let id = suffix.and_then(|suffix| format!("run_{suffix}").parse().ok());
        id.map(Self).ok_or_else(|| D::Error::custom("this is no id that begins with \"resp_\""))
    }
}
