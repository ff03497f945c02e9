//! Whoever listens to an answer, and measures how long its pieces were under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::provider::{DIGITS, MARK, Provider};
use crate::load::connect;
use crate::process::PROVIDER_KEY;

/// A way that events take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Route {
    /// `POST /api/conversations/{id}/runs`: kept while it comes.
    Runs,
    /// `POST /v1/chat/completions`: passed on.
    Completions,
}

/// Where an answer is asked for.
#[derive(Debug, Clone)]
pub struct Door {
    pub address: SocketAddr,
    pub path: String,
    pub token: String,
    pub body: Value,
    /// What the text of an event stands behind.
    pub field: &'static str,
    /// What the last event has in it.
    pub end: &'static str,
}

/// What came of an answer.
#[derive(Debug, Default)]
pub struct Heard {
    /// How long each piece was under way that came while it counted.
    pub latencies: Vec<Duration>,
    /// All pieces.
    pub pieces: u64,
}

impl Route {
    pub const ALL: [Self; 2] = [Self::Runs, Self::Completions];

    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Completions => "completions",
        }
    }
}

impl Door {
    /// The provider's own.
    pub fn direct(provider: &Provider) -> Self {
        Self::completions(provider.address(), PROVIDER_KEY)
    }

    /// The completions of a server.
    pub fn completions(address: SocketAddr, token: &str) -> Self {
        let messages = json!([{"role": "user", "content": "What time is it?"}]);
        Self {
            address,
            path: "/v1/chat/completions".to_owned(),
            token: token.to_owned(),
            body: json!({"model": "Primary", "stream": true, "messages": messages}),
            field: r#""content":""#,
            end: "data: [DONE]",
        }
    }

    /// A server's runs in a conversation.
    pub fn runs(address: SocketAddr, conversation: &str, token: &str) -> Self {
        Self {
            address,
            path: format!("/api/conversations/{conversation}/runs"),
            token: token.to_owned(),
            body: json!({"content": "What time is it?", "tools": "none"}),
            field: r#""text":""#,
            end: "event: run.completed",
        }
    }

    /// Listens to the end. What comes while `counts` is measured.
    ///
    /// # Errors
    /// An answer that is none, or ends otherwise than it should.
    pub async fn listen(self, provider: Provider, counts: Arc<AtomicBool>) -> Result<Heard> {
        let mut sender = connect(self.address).await?;
        sender.ready().await?;
        let response = sender.send_request(self.request()?).await?;
        let status = response.status();
        let mut body = response.into_body();
        if status != 200 {
            let text = body.collect().await?.to_bytes();
            bail!("{}: {status} {}", self.path, String::from_utf8_lossy(&text));
        }
        let (mut heard, mut rest, mut has_ended) = (Heard::default(), Vec::new(), false);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("an answer was cut")?.into_data() else { continue };
            rest.extend_from_slice(&data);
            let mut read = 0;
            while let Some(event) = next_event(rest.get(read..).unwrap_or_default()) {
                read += event.len();
                let Some(time) = time_of(event, self.field) else {
                    has_ended |= find(event, self.end.as_bytes()).is_some();
                    continue;
                };
                heard.pieces += 1;
                if counts.load(Ordering::Relaxed) {
                    heard.latencies.push(provider.since(time));
                }
            }
            rest.drain(..read);
        }
        ensure!(has_ended, "{}: the answer has no end: {}", self.path, text(&rest));
        Ok(heard)
    }

    fn request(&self) -> Result<Request<Full<Bytes>>> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        Ok(request.body(Full::from(self.body.to_string()))?)
    }
}

/// The first event, with the empty line that ends it.
fn next_event(bytes: &[u8]) -> Option<&[u8]> {
    let end = find(bytes, b"\n\n")?;
    bytes.get(..end + 2)
}

/// When an event was said, if it is a piece of a text. The message at the end of a run has other members.
fn time_of(event: &[u8], field: &str) -> Option<Duration> {
    let at = find(event, field.as_bytes())? + field.len();
    let (mark, digits) = event.get(at..at + 1 + DIGITS)?.split_first()?;
    if *mark != MARK {
        return None;
    }
    let nanoseconds = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_pieces_alone() {
        let delta = b"id: 2\nevent: message.delta\ndata: {\"text\":\"@000000000000042 \"}\n\n";
        let field = Door::runs(([127, 0, 0, 1], 0).into(), "c", "t").field;
        assert_eq!(time_of(delta, field), Some(Duration::from_nanos(42)));
        let whole = b"event: message.completed\ndata: {\"content\":\"@000000000000042 \"}\n\n";
        assert_eq!(time_of(whole, field), None);
        assert_eq!(time_of(b"data: {\"text\":\"What time", field), None);
    }

    #[test]
    fn events_end_with_an_empty_line() {
        assert_eq!(next_event(b"data: a\n\ndata"), Some(&b"data: a\n\n"[..]));
        assert_eq!(next_event(b"data: a\n"), None);
    }
}
