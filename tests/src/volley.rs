//! Many requests at the same moment, and what became of them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use tokio::sync::Barrier;

use crate::Client;

/// A request that is sent together with others.
#[derive(Debug, Clone)]
pub struct Shot {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Shot {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The id in a JSON answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn id(&self) -> String {
        let body = self.json();
        body["id"].as_str().unwrap_or_else(|| panic!("no id in {self}")).to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The code of a problem in its body, in any of the three forms that errors have here.
    pub fn code(&self) -> String {
        let body = self.json();
        let code = ["/code", "/error/code", "/error/details/error_code"];
        let code = code.into_iter().find_map(|pointer| body.pointer(pointer)?.as_str());
        code.unwrap_or_default().to_owned()
    }

    /// Whether too many runs and completions were open, and the answer says when to come again.
    pub fn is_crowded(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            && self.code() == "too_many_runs"
            && self.headers.contains_key("retry-after")
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        let start: String = text.chars().take(300).collect();
        write!(f, "{} {start:?}", self.status)
    }
}

/// Sends these requests at the same moment, each by its client, and reads every answer to its end.
///
/// A request without an answer gives the error's text.
pub async fn fire(shots: Vec<(Client, Shot)>) -> Vec<Result<Reply, String>> {
    let barrier = Arc::new(Barrier::new(shots.len()));
    let tasks = shots.into_iter().map(|(client, shot)| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            send(&client, shot).await
        })
    });
    join_all(tasks)
        .await
        .into_iter()
        .map(|reply| reply.expect("a request does not panic"))
        .collect()
}

async fn send(client: &Client, shot: Shot) -> Result<Reply, String> {
    let Shot { method, path, headers, body } = shot;
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = client.exchange(method, &path, &headers, body).await;
    let answer = answer.map_err(|error| format!("{path}: {:?}", error.0))?;
    Ok(Reply { status: answer.status, headers: answer.headers, bytes: answer.bytes })
}

/// A line of the table: what became of the requests of one kind.
#[derive(Debug, Default, Clone)]
pub struct Row {
    pub component: &'static str,
    pub kind: &'static str,
    pub credential: &'static str,
    pub requests: usize,
    pub successes: usize,
    pub refusals: usize,
    /// Of the refusals, those that the test expects: of more than eight generations at once, and of unknown credentials.
    pub expected: usize,
    pub failures: usize,
    pub unanswered: usize,
    pub elapsed: Duration,
    /// The first answers that nobody expects.
    pub offences: Vec<String>,
}

impl Row {
    const OFFENCES_MAX: usize = 5;

    /// Sends the requests at the same moment and counts the answers. Returns those that are successes, with their places.
    pub async fn fire(&mut self, shots: Vec<(Client, Shot)>) -> Vec<(usize, Reply)> {
        let start = Instant::now();
        let replies = fire(shots).await;
        self.elapsed += start.elapsed();
        let mut successes = Vec::new();
        for (place, reply) in replies.into_iter().enumerate() {
            self.requests += 1;
            match reply {
                Ok(reply) if reply.status.is_success() => {
                    self.successes += 1;
                    successes.push((place, reply));
                }
                Ok(reply) if reply.status.is_client_error() => {
                    self.refusals += 1;
                    if reply.is_crowded() {
                        self.expected += 1;
                    } else {
                        self.offend(reply.to_string());
                    }
                }
                Ok(reply) => {
                    self.failures += 1;
                    self.offend(reply.to_string());
                }
                Err(error) => {
                    self.unanswered += 1;
                    self.offend(error);
                }
            }
        }
        successes
    }

    /// Notes something that must not be.
    pub fn offend(&mut self, offence: String) {
        if self.offences.len() < Self::OFFENCES_MAX {
            self.offences.push(offence);
        }
    }

    /// Notes something that must not be, unless it holds.
    pub fn require(&mut self, holds: bool, offence: impl FnOnce() -> String) {
        if !holds {
            self.offend(offence());
        }
    }

    /// The heading of the table.
    pub const HEADING: &'static str = "component      kind                         credential requests   2xx   4xx (expected)   5xx  none  seconds";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<14} {:<28} {:<10} {:>8} {:>5} {:>5} {:>10} {:>5} {:>5} {:>8.1}",
            self.component,
            self.kind,
            self.credential,
            self.requests,
            self.successes,
            self.refusals,
            self.expected,
            self.failures,
            self.unanswered,
            self.elapsed.as_secs_f64()
        )
    }
}
