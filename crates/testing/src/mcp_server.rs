use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::{RawRequest, RawServer, Step};

/// A server of the Model Context Protocol on loopback, which is correct but for one fault.
///
/// `/mcp` is streamable HTTP that answers with events, `/json` the same that answers with JSON, and `/sse` the older transport. It has two tools on
/// two pages, `echo` and `fail`, and one client at a time.
#[derive(Debug)]
pub struct McpServer {
    raw: RawServer,
    state: Arc<State>,
}

/// Where and how a server is wrong.
#[derive(Debug, Clone, Copy)]
pub struct McpFault {
    /// The method that is answered wrongly, or `GET` for the opening of the older transport's stream.
    pub at: &'static str,
    pub wrong: Wrong,
}

/// What comes in place of an answer. The functions get the request's id.
#[derive(Debug, Clone, Copy)]
pub enum Wrong {
    /// This, in place of the answer of HTTP.
    Http(fn(u64) -> Vec<Step>),
    /// This, in place of the event with the answer.
    Events(fn(u64) -> Vec<Step>),
    /// This version, and otherwise all is well.
    Version(&'static str),
}

#[derive(Debug, Default)]
struct State {
    fault: Option<McpFault>,
    requests: Mutex<Vec<RawRequest>>,
    /// Writes into the older transport's stream.
    stream: Mutex<Option<UnboundedSender<Step>>>,
}

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

impl McpServer {
    pub async fn start(fault: Option<McpFault>) -> Self {
        let state = Arc::new(State { fault, ..State::default() });
        let shared = Arc::clone(&state);
        let raw = RawServer::start(move |request| shared.answer(request)).await;
        Self { raw, state }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        self.raw.origin()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The messages among them.
    pub fn messages(&self) -> Vec<Value> {
        let requests = self.requests();
        requests.iter().filter_map(|one| serde_json::from_slice(&one.body).ok()).collect()
    }
}

impl State {
    fn answer(&self, request: &RawRequest) -> Vec<Step> {
        self.requests.lock().unwrap().push(request.clone());
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET", "/sse") => self.open(),
            ("POST", path) => self.post(path, &serde_json::from_slice(&request.body).unwrap()),
            _ => vec![write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")],
        }
    }

    fn open(&self) -> Vec<Step> {
        if let Some(McpFault { at: "GET", wrong }) = self.fault {
            return match wrong {
                Wrong::Http(steps) => steps(0),
                Wrong::Events(steps) => streamed(steps(0)),
                Wrong::Version(_) => Vec::new(),
            };
        }
        let (sender, steps) = unbounded_channel();
        *self.stream.lock().unwrap() = Some(sender);
        let endpoint = "event: endpoint\ndata: /messages?session=1\n\n";
        streamed(vec![write(endpoint), Step::Follow(steps)])
    }

    fn post(&self, path: &str, message: &Value) -> Vec<Step> {
        let (Some(id), Some(method)) = (message["id"].as_u64(), message["method"].as_str()) else {
            return vec![write(ACCEPTED)];
        };
        let mut version = "2025-06-18";
        let mut events = None;
        if let Some(McpFault { wrong, .. }) = self.fault.filter(|fault| fault.at == method) {
            match wrong {
                Wrong::Http(steps) => return steps(id),
                Wrong::Events(steps) => events = Some(steps(id)),
                Wrong::Version(other) => version = other,
            }
        }
        if let Some(McpFault { at: "initialize", wrong: Wrong::Version(other) }) = self.fault {
            version = other;
        }
        let answer =
            json!({"jsonrpc": "2.0", "id": id, "result": result(method, message, version)});
        let events = events.unwrap_or_else(|| vec![write(&event(&answer.to_string()))]);
        match path {
            "/mcp" => {
                let head = format!("{EVENTS}mcp-session-id: session-{id}\r\n\r\n");
                [write(&head)].into_iter().chain(events).collect()
            }
            "/json" => vec![write(&with_json(&answer.to_string()))],
            _ => {
                let stream = self.stream.lock().unwrap();
                for step in events {
                    // Whether the client is still there is what some test finds out.
                    let _ = stream.as_ref().unwrap().send(step);
                }
                vec![write(ACCEPTED)]
            }
        }
    }
}

/// An answer that is JSON.
fn with_json(text: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8";
    format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
}

/// An event with this data.
fn event(data: &str) -> String {
    format!("event: message\ndata: {data}\n\n")
}

fn streamed(steps: Vec<Step>) -> Vec<Step> {
    [write(EVENTS), write("\r\n")].into_iter().chain(steps).collect()
}

fn write(text: &str) -> Step {
    Step::Write(text.into())
}

fn result(method: &str, message: &Value, version: &str) -> Value {
    let tool = |name| json!({"name": name, "inputSchema": {"type": "object"}});
    let params = &message["params"];
    match method {
        "initialize" => json!({
            "protocolVersion": version,
            "capabilities": {"tools": {}, "logging": {}},
            "serverInfo": {"name": "one of tests", "version": "1"},
        }),
        "tools/list" if params["cursor"] == "second" => json!({"tools": [tool("fail")]}),
        "tools/list" => json!({"tools": [tool("echo")], "nextCursor": "second"}),
        "tools/call" => {
            let text = params["arguments"].to_string();
            let is_error = params["name"] == "fail";
            json!({"content": [{"type": "text", "text": text}], "isError": is_error})
        }
        // Nobody asks for anything else.
        _ => Value::Null,
    }
}
