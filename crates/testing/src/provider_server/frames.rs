//! Answers as bytes: what is right of both protocols, and everything that faults do to bytes.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use serde_json::Value;

use super::fault::Change;
use super::{ProviderFault, ProviderReply, ProviderRequest, ProviderWire, anthropic, openai};
use crate::Step;

/// An event of a streamed answer.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// What an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The beginning, or something between.
    Between,
    /// A piece of the text, or a call: a token.
    Token,
    /// Why the answer has ended.
    Finish,
    Usage,
    /// The last word.
    Done,
}

impl Frame {
    /// An event with this data and, on Anthropic's wire, the name that the data has.
    pub fn new(kind: Kind, data: &Value) -> Self {
        let name = data["type"].as_str().map(|name| format!("event: {name}\n"));
        Self::raw(kind, &format!("{}data: {data}\n\n", name.unwrap_or_default()))
    }

    pub fn raw(kind: Kind, text: &str) -> Self {
        Self { kind, bytes: text.as_bytes().to_vec() }
    }
}

/// What the server does to answer.
pub fn steps(request: &ProviderRequest, reply: &ProviderReply) -> Vec<Step> {
    let fault = reply.fault;
    if let Some(steps) = fault.and_then(|fault| fault.instead(request.is_streamed())) {
        return steps;
    }
    let reply = reply.distorted();
    let usage = reply.usage(request);
    let frames = if request.is_streamed() {
        match request.wire {
            ProviderWire::OpenAi => openai::frames(request, &reply, usage),
            ProviderWire::Anthropic => anthropic::frames(request, &reply, usage),
        }
    } else {
        let mut body = match request.wire {
            ProviderWire::OpenAi => openai::completion(request, &reply, usage),
            ProviderWire::Anthropic => anthropic::completion(request, &reply, usage),
        };
        match fault.and_then(ProviderFault::change) {
            Some(Change::NoFinish) => openai::take_finish(&mut body),
            Some(Change::Error) => body["error"] = error(request.wire)["error"].clone(),
            _ => {}
        }
        vec![Frame::raw(Kind::Token, &body.to_string())]
    };
    written(request, &reply, changed(frames, request, fault))
}

/// An answer of HTTP with this JSON.
pub fn json(status: u16, body: &Value) -> Step {
    answer(status, "content-type: application/json\r\n", body.to_string().as_bytes())
}

/// An answer of HTTP, with lines of headers of its own.
pub fn answer(status: u16, headers: &str, body: &[u8]) -> Step {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    Step::Write([head.as_bytes(), body].concat())
}

/// An error as an event or a body.
pub fn error(wire: ProviderWire) -> Value {
    match wire {
        ProviderWire::OpenAi => openai::error(),
        ProviderWire::Anthropic => anthropic::error(),
    }
}

/// What a fault does to the events of an answer, or to the one piece of an answer that is not streamed.
fn changed(
    mut frames: Vec<Frame>,
    request: &ProviderRequest,
    fault: Option<ProviderFault>,
) -> Vec<Frame> {
    let Some(change) = fault.and_then(ProviderFault::change) else { return frames };
    let middle = frames.len() / 2;
    let position = |kind| frames.iter().position(|frame: &Frame| frame.kind == kind);
    let (token, finish) = (position(Kind::Token), position(Kind::Finish));
    match change {
        Change::NoFinish => frames.retain(|frame| frame.kind != Kind::Finish),
        Change::NoDone => frames.retain(|frame| frame.kind != Kind::Done),
        Change::TwoFinishes => {
            if let Some(at) = finish {
                frames.insert(at, frames[at].clone());
            }
        }
        Change::TokenAfterFinish => {
            if let (Some(token), Some(finish)) = (token, finish) {
                frames.insert(finish + 1, frames[token].clone());
            }
        }
        Change::Error if request.is_streamed() => {
            frames.insert(middle, Frame::new(Kind::Between, &error(request.wire)));
        }
        Change::Error => {}
        Change::Insert(bytes) => frames.insert(middle, Frame { kind: Kind::Between, bytes }),
        Change::CutFrame => {
            let bytes = &mut frames[middle].bytes;
            // The end of the event stays, so that it is one, of half a document.
            let end: &[u8] = if request.is_streamed() { b"\n\n" } else { b"" };
            bytes.truncate(bytes.len() / 2);
            bytes.extend_from_slice(end);
        }
        Change::NoUtf8 => {
            let bytes = &mut frames[token.unwrap()].bytes;
            let text = b"\"content\":\"";
            let other: &[u8] = b"\"text\":\"";
            let place = [text, other].iter().find_map(|start| {
                bytes
                    .windows(start.len())
                    .position(|window| &window == start)
                    .map(|at| at + start.len())
            });
            bytes.splice(place.unwrap()..place.unwrap(), [0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]);
        }
    }
    frames
}

fn written(request: &ProviderRequest, reply: &ProviderReply, frames: Vec<Frame>) -> Vec<Step> {
    use ProviderFault as F;

    let is_streamed = request.is_streamed();
    let content_type = if is_streamed { "text/event-stream" } else { "application/json" };
    let length: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    // A stream comes in chunks, so that its client can tell an end from a cut; some cuts are to look like ends.
    let framing = match reply.fault {
        Some(F::LengthLies) => format!("content-length: {}", length + 1000),
        Some(F::EndsInMiddle) => "x-framing: none".to_owned(),
        _ if is_streamed => "transfer-encoding: chunked".to_owned(),
        _ => format!("content-length: {length}"),
    };
    let is_chunked = framing.starts_with("transfer");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{framing}\r\nx-request-id: req_tests\r\nconnection: close\r\n\r\n"
    );
    let mut steps = vec![Step::Write(head.into_bytes())];
    let middle = frames.len() / 2;
    for (at, frame) in frames.into_iter().enumerate() {
        let (kind, mut bytes) = (frame.kind, frame.bytes);
        if let Some(end) = reply.fault.filter(|_| at == middle).and_then(ProviderFault::end) {
            bytes.truncate(bytes.len() / 2);
            steps.push(Step::Write(if is_chunked { chunk(&bytes) } else { bytes }));
            steps.extend(end);
            return steps;
        }
        let bytes = if is_chunked { chunk(&bytes) } else { bytes };
        steps.push(match reply.fault {
            Some(F::Drips) => Step::Drip(bytes, Duration::ZERO),
            _ => Step::Write(bytes),
        });
        let count = |what: &Arc<AtomicUsize>| Step::Count(Arc::clone(what));
        if kind == Kind::Token {
            let tokens = if is_streamed { 1 } else { reply.output_tokens() };
            steps.extend((0..tokens).map(|_| count(&request.written)));
            if !reply.pause.is_zero() {
                steps.push(Step::Pause(reply.pause));
            }
        }
        if reply.tells_usage() && kind == usage_kind(request) {
            steps.push(count(&request.reports));
        }
    }
    if is_chunked {
        steps.push(Step::Write(b"0\r\n\r\n".to_vec()));
    }
    if reply.fault == Some(F::MoreAfterEnd) {
        steps.push(Step::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad".to_vec()));
    }
    steps
}

/// The part of an answer that says how many tokens there were.
fn usage_kind(request: &ProviderRequest) -> Kind {
    match request.wire {
        _ if !request.is_streamed() => Kind::Token,
        ProviderWire::OpenAi => Kind::Usage,
        ProviderWire::Anthropic => Kind::Finish,
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
