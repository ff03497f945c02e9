//! A provider of language models on loopback that counts its tokens, and a gate at which its answers wait.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::ledger::Tokens;

/// The models that it lists. It answers for every other name too.
pub const MODELS: [&str; 2] = ["small-1", "large-1"];

/// The pieces of an answer where the prompt does not begin with a number.
const PIECES: usize = 6;

/// A server that speaks Chat Completions of OpenAI at `/v1`, and the Model Context Protocol at `/mcp`.
///
/// A prompt that begins with a number gets so many pieces of text, each of which is a token. When tools are offered, the first one is called
/// before anything is written. The first half of a streamed answer is sent at once, the second half when the gate is open.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// The pause after each piece.
    pause: Duration,
    is_open: watch::Sender<bool>,
    served: Mutex<BTreeMap<String, Tokens>>,
}

type Body = BoxBody<Bytes, Infallible>;

impl Provider {
    /// Listens on a free port and answers at once.
    pub async fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Duration::ZERO).await
    }

    /// Listens on this address, with a pause after each piece of an answer.
    pub async fn listen(address: SocketAddr, pause: Duration) -> Self {
        let listener = TcpListener::bind(address).await.expect("the provider's address is free");
        let address = listener.local_addr().expect("the listener has an address");
        let shared =
            Arc::new(Shared { pause, is_open: watch::Sender::new(true), served: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL of its models.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// Closes the gate: answers stop in their middle.
    pub fn close_gate(&self) {
        self.shared.is_open.send_replace(false);
    }

    /// Opens the gate.
    pub fn open_gate(&self) {
        self.shared.is_open.send_replace(true);
    }

    /// The tokens of the answers of this model that were sent with their usage.
    pub fn served(&self, model: &str) -> Tokens {
        locked(&self.shared.served).get(model).copied().unwrap_or_default()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| respond(Arc::clone(&shared), request));
            // A client that leaves is no failure.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = head.uri.path();
    Ok(match (head.method, path) {
        (Method::GET, path) if path.ends_with("/models") => {
            json_response(StatusCode::OK, &models())
        }
        (Method::POST, path) if path.ends_with("/chat/completions") => complete(shared, body).await,
        (Method::POST, "/mcp") => mcp(&body),
        _ => json_response(StatusCode::NOT_FOUND, &json!({"error": {"message": "not found"}})),
    })
}

fn models() -> Value {
    let model =
        |id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "e2e"});
    json!({"object": "list", "data": MODELS.map(model)})
}

/// An answer of a model.
struct Completion {
    model: String,
    pieces: Vec<String>,
    /// The tool that is called in place of a text.
    tool: Option<String>,
    usage: Tokens,
}

impl Completion {
    fn new(body: &Value) -> Self {
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let last = messages.last().unwrap_or(&Value::Null);
        let tool = body.pointer("/tools/0/function/name").and_then(Value::as_str);
        let tool = tool.filter(|_| last["role"] != "tool").map(str::to_owned);
        let text = text_of(&last["content"]);
        let count = text.split_whitespace().next().and_then(|word| word.parse().ok());
        let pieces: Vec<_> = (0..count.unwrap_or(PIECES)).map(|n| format!("{n} ")).collect();
        let input = messages.iter().map(|message| words(&message["content"])).sum();
        let output = if tool.is_some() { 1 } else { pieces.len() as u64 };
        let model = body["model"].as_str().unwrap_or_default().to_owned();
        Self { model, pieces, tool, usage: Tokens { requests: 1, input, output } }
    }

    fn usage(&self) -> Value {
        let Tokens { input, output, .. } = self.usage;
        json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
    }

    fn call(&self) -> Option<Value> {
        let name = self.tool.as_ref()?;
        let function = json!({"name": name, "arguments": "{\"word\":\"selvage\"}"});
        Some(json!([{"index": 0, "id": "call_0", "type": "function", "function": function}]))
    }

    fn finish(&self) -> &'static str {
        if self.tool.is_some() { "tool_calls" } else { "stop" }
    }

    /// The answer as a whole.
    fn whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.pieces.concat()});
        if let Some(call) = self.call() {
            message = json!({"role": "assistant", "content": null, "tool_calls": call});
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": self.finish()});
        json!({
            "id": "chatcmpl-e2e", "object": "chat.completion", "created": 1_700_000_000,
            "model": self.model, "choices": [choice], "usage": self.usage(),
        })
    }

    /// A chunk of the answer as an event.
    fn chunk(&self, choices: &Value, usage: &Value) -> Bytes {
        let chunk = json!({
            "id": "chatcmpl-e2e", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": self.model, "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n").into()
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> Bytes {
        let choice = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        self.chunk(&choice, &Value::Null)
    }
}

async fn complete(shared: Arc<Shared>, body: Value) -> Response<Body> {
    let completion = Completion::new(&body);
    if body["stream"] != true {
        shared.pass_gate().await;
        shared.count(&completion);
        return json_response(StatusCode::OK, &completion.whole());
    }
    let (sender, receiver) = mpsc::channel(0);
    tokio::spawn(async move {
        // A client that leaves is no failure.
        drop(stream(&shared, &completion, sender).await);
    });
    let frames = receiver.map(|bytes| Ok(Frame::data(bytes)));
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(BodyExt::boxed(StreamBody::new(frames))).expect("the response is well-formed")
}

async fn stream(
    shared: &Shared,
    completion: &Completion,
    mut sender: mpsc::Sender<Bytes>,
) -> Result<(), mpsc::SendError> {
    sender.send(completion.delta(&json!({"role": "assistant", "content": ""}), None)).await?;
    if let Some(call) = completion.call() {
        sender.send(completion.delta(&json!({"tool_calls": call}), None)).await?;
    } else {
        for (n, piece) in completion.pieces.iter().enumerate() {
            if n == completion.pieces.len().div_ceil(2) {
                shared.pass_gate().await;
            }
            sender.send(completion.delta(&json!({"content": piece}), None)).await?;
            if !shared.pause.is_zero() {
                tokio::time::sleep(shared.pause).await;
            }
        }
    }
    sender.send(completion.delta(&json!({}), Some(completion.finish()))).await?;
    sender.send(completion.chunk(&json!([]), &completion.usage())).await?;
    shared.count(completion);
    sender.send(Bytes::from_static(b"data: [DONE]\n\n")).await
}

impl Shared {
    async fn pass_gate(&self) {
        let mut is_open = self.is_open.subscribe();
        // The sender lives as long as this does.
        drop(is_open.wait_for(|is_open| *is_open).await);
    }

    fn count(&self, completion: &Completion) {
        *locked(&self.served).entry(completion.model.clone()).or_default() += completion.usage;
    }
}

/// A server of tools with one tool, `echo`.
fn mcp(message: &Value) -> Response<Body> {
    let Some(id) = message.get("id") else {
        return json_response(StatusCode::ACCEPTED, &Value::Null);
    };
    let result = match message["method"].as_str() {
        Some("initialize") => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "e2e", "version": "1"},
        }),
        Some("tools/list") => {
            json!({"tools": [{"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object"}}]})
        }
        Some("tools/call") => {
            let text = message["params"]["arguments"].to_string();
            json!({"content": [{"type": "text", "text": text}], "isError": false})
        }
        _ => json!({}),
    };
    json_response(StatusCode::OK, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(BodyExt::boxed(Full::new(body))).expect("the response is well-formed")
}

/// The words in the texts of a message's content.
fn words(content: &Value) -> u64 {
    text_of(content).split_whitespace().count() as u64
}

/// The text of a message's content, whole or in parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        part => part["text"].as_str().unwrap_or_default().to_owned(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
