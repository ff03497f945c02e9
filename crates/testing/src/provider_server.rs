use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::{RawRequest, RawServer, Step};

mod anthropic;
mod fault;
mod frames;
mod openai;
mod reply;

pub use fault::ProviderFault;
pub use reply::ProviderReply;

/// The models that it lists. It answers for every other name too.
pub const PROVIDER_MODELS: [&str; 2] = ["small-1", "large-1"];

/// Before the name of a fault, in place of a model's name: what is asked of such a model goes wrong in this way.
const FAULT_PREFIX: &str = "fault/";

/// A provider of language models on loopback, which says what it is told to and is wrong in the way that a test asks for.
///
/// It speaks Chat Completions of OpenAI (`…/chat/completions`) and Messages of Anthropic (`…/messages`), streamed and not, lists its models
/// (`…/models`) and counts what it serves. A model named `fault/` and a fault's name has that fault, for whoever cannot tell this server anything else.
#[derive(Debug)]
pub struct ProviderServer {
    raw: RawServer,
    requests: Arc<Mutex<Vec<ProviderRequest>>>,
}

/// Which protocol a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderWire {
    OpenAi,
    Anthropic,
}

/// What the server was asked, and how far it has got with the answer.
#[derive(Debug, Clone)]
pub struct ProviderRequest {
    pub raw: RawRequest,
    pub wire: ProviderWire,
    /// The body, or null where there is none.
    pub body: Value,
    /// The tokens of the answer that were written so far: one for each piece of it.
    written: Arc<AtomicUsize>,
    /// How often the answer has said how many tokens there were.
    reports: Arc<AtomicUsize>,
}

impl ProviderServer {
    /// Listens on a free port. The function says what to answer.
    pub async fn start<F>(reply: F) -> Self
    where
        F: Fn(&ProviderRequest) -> ProviderReply + Send + Sync + 'static,
    {
        let requests: Arc<Mutex<Vec<ProviderRequest>>> = Arc::default();
        let shared = Arc::clone(&requests);
        let raw = RawServer::start(move |raw| {
            let request = ProviderRequest::read(raw);
            locked(&shared).push(request.clone());
            answer(&request, &reply)
        })
        .await;
        Self { raw, requests }
    }

    /// Answers each request with the next of these, and then with the last again and again.
    pub async fn scripted(replies: impl IntoIterator<Item = ProviderReply>) -> Self {
        let replies = Mutex::new(VecDeque::from_iter(replies));
        Self::start(move |_| {
            let mut replies = locked(&replies);
            if 1 < replies.len() { replies.pop_front() } else { replies.front().cloned() }.unwrap()
        })
        .await
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        self.raw.origin()
    }

    /// The base URL as clients take it, with the version.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ProviderRequest> {
        locked(&self.requests).clone()
    }

    /// How many answers are under way: one that its client no longer wants ends at once.
    pub fn open(&self) -> usize {
        self.raw.open()
    }
}

impl ProviderRequest {
    fn read(raw: &RawRequest) -> Self {
        let path = raw.path.split('?').next().unwrap_or_default();
        let is_anthropic = path.ends_with("/messages") || raw.header("anthropic-version").is_some();
        Self {
            wire: if is_anthropic { ProviderWire::Anthropic } else { ProviderWire::OpenAi },
            body: serde_json::from_slice(&raw.body).unwrap_or(Value::Null),
            raw: raw.clone(),
            written: Arc::default(),
            reports: Arc::default(),
        }
    }

    /// The key, from the header that the protocol has for it.
    pub fn key(&self) -> Option<&str> {
        match self.wire {
            ProviderWire::OpenAi => self.raw.header("authorization")?.strip_prefix("Bearer "),
            ProviderWire::Anthropic => self.raw.header("x-api-key"),
        }
    }

    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    pub fn is_streamed(&self) -> bool {
        self.body["stream"] == true
    }

    /// The tokens of the prompt: the words in it, of whoever's.
    pub fn input_tokens(&self) -> usize {
        ["system", "messages"].into_iter().map(|field| words(&self.body[field])).sum()
    }

    /// The tokens of the answer that were written until now.
    pub fn output_tokens(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    /// What the answer has said of tokens, of the prompt and of itself; none as long as it has not, and where a fault says something else.
    pub fn reported_tokens(&self) -> Option<(usize, usize)> {
        let has_said = 0 < self.reports.load(Ordering::SeqCst);
        has_said.then(|| (self.input_tokens(), self.output_tokens()))
    }

    /// The text of the last message.
    pub fn last_text(&self) -> String {
        let message = self.body["messages"].as_array().and_then(|messages| messages.last());
        message.map(|message| text(&message["content"])).unwrap_or_default()
    }

    fn fault(&self) -> Option<ProviderFault> {
        let name = self.model().strip_prefix(FAULT_PREFIX)?;
        ProviderFault::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

fn answer(
    request: &ProviderRequest,
    reply: &impl Fn(&ProviderRequest) -> ProviderReply,
) -> Vec<Step> {
    let path = request.raw.path.split('?').next().unwrap_or_default();
    let is_prompt = path.ends_with("/chat/completions") || path.ends_with("/messages");
    match request.raw.method.as_str() {
        "GET" if path.ends_with("/models") => vec![frames::json(200, &models(request.wire))],
        "POST" if is_prompt => {
            let mut reply = reply(request);
            reply.fault = request.fault().or(reply.fault);
            frames::steps(request, &reply)
        }
        _ => vec![frames::json(404, &json!({"error": {"type": "not_found_error"}}))],
    }
}

fn models(wire: ProviderWire) -> Value {
    let model = |id| match wire {
        ProviderWire::OpenAi => {
            json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "tests"})
        }
        ProviderWire::Anthropic => json!({
            "id": id, "type": "model", "display_name": id, "created_at": "2025-01-01T00:00:00Z",
        }),
    };
    let data: Vec<_> = PROVIDER_MODELS.into_iter().map(model).collect();
    match wire {
        ProviderWire::OpenAi => json!({"object": "list", "data": data}),
        ProviderWire::Anthropic => json!({"data": data, "has_more": false}),
    }
}

/// How many words are in the texts of a message, or of many.
fn words(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(words).sum(),
        Value::Object(_) if value.get("content").is_some() => words(&value["content"]),
        other => text(other).split_whitespace().count(),
    }
}

/// The text of a message's content, whole or in parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text).collect(),
        part => part["text"].as_str().unwrap_or_default().to_owned(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
