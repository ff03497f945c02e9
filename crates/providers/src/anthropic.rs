use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use sse::Event;

use crate::calls::{Calls, Piece};
use crate::decoder::Answer;
use crate::error::ErrorObject;
use crate::{Completion, Finish, Limits, ProviderError, Usage};

/// All kinds of events in one: a tagged enum would first make a tree of whatever comes.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    message: Option<Whole<'a>>,
    #[serde(borrow, default)]
    content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

/// A whole answer, or the beginning of one.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow, default)]
    content: Vec<Block<'a>>,
    #[serde(borrow, default)]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default)]
    text: Option<String>,
    #[serde(borrow, default)]
    partial_json: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stop_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default, rename = "input_tokens")]
    input: Option<u64>,
    #[serde(default, rename = "cache_creation_input_tokens")]
    written_to_cache: Option<u64>,
    #[serde(default, rename = "cache_read_input_tokens")]
    read_from_cache: Option<u64>,
    #[serde(default, rename = "output_tokens")]
    output: Option<u64>,
}

/// Reads one event of a stream. Kinds that are not known here may come at any time.
pub fn event(event: &Event, answer: &mut Answer) -> Result<(), ProviderError> {
    let frame: Frame = read(event.data.as_bytes())?;
    match &*frame.kind {
        "message_start" => answer.count_more(frame.message.and_then(|message| message.usage)),
        "content_block_start" => {
            let block = frame.content_block.ok_or(ProviderError::Malformed)?;
            if block.kind == "tool_use" {
                answer.check_unfinished()?;
                // What it begins with is always empty; the arguments come as pieces of text.
                answer.calls.add(Piece { arguments: "", ..block.piece(frame.index) })?;
            } else if block.kind == "text" {
                answer.say(block.text.unwrap_or_default())?;
            }
        }
        "content_block_delta" => {
            let delta = frame.delta.ok_or(ProviderError::Malformed)?;
            if let Some(arguments) = delta.partial_json.as_deref() {
                answer.check_unfinished()?;
                let index = Some(frame.index.ok_or(ProviderError::Malformed)?);
                answer.calls.add(Piece { index, arguments, ..Piece::default() })?;
            }
            answer.say(delta.text.unwrap_or_default())?;
        }
        "message_delta" => {
            if let Some(delta) = frame.delta
                && let Some(reason) = delta.stop_reason.as_deref()
            {
                if let Some(sequence) = delta.stop_sequence {
                    answer.stop_at(sequence);
                }
                answer.finish(finish(reason))?;
            }
            answer.count_more(frame.usage);
        }
        "message_stop" => answer.close()?,
        "error" => {
            let error = frame.error.as_ref();
            return Err(error.map_or(ProviderError::Failed, ErrorObject::in_stream));
        }
        _ => {}
    }
    Ok(())
}

/// Reads an answer that was not streamed.
pub fn completion(body: &[u8]) -> Result<Completion, ProviderError> {
    let whole: Whole = read(body)?;
    if let Some(error) = whole.error {
        return Err(error.in_stream());
    }
    let reason = whole.stop_reason.as_deref().ok_or(ProviderError::Malformed)?;
    let mut text = String::new();
    let mut calls = Calls::new(&Limits::default());
    for (position, block) in whole.content.iter().enumerate() {
        if block.kind == "tool_use" {
            calls.add(block.piece(u64::try_from(position).ok()))?;
        } else if block.kind == "text" {
            text.push_str(block.text.as_deref().unwrap_or_default());
        }
    }
    let finish = finish(reason).with(&calls);
    let calls = if finish == Finish::ToolCalls { calls.take()? } else { Vec::new() };
    let usage = whole.usage.map(|usage| usage.after(Usage::default()));
    Ok(Completion { text, calls, finish, stopped_at: whole.stop_sequence, usage })
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(json).map_err(|_| ProviderError::Malformed)
}

fn finish(reason: &str) -> Finish {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::Filtered,
        "tool_use" => Finish::ToolCalls,
        _ => Finish::Stop,
    }
}

impl Block<'_> {
    fn piece(&self, index: Option<u64>) -> Piece<'_> {
        Piece {
            index,
            id: self.id.as_deref().unwrap_or_default(),
            name: self.name.as_deref().unwrap_or_default(),
            arguments: self.input.map(RawValue::get).unwrap_or_default(),
        }
    }
}

impl Answer {
    fn count_more(&mut self, usage: Option<WireUsage>) {
        if let Some(usage) = usage {
            self.count(usage.after(self.usage));
        }
    }
}

impl WireUsage {
    /// What was used, where some of it may have been said before.
    fn after(&self, before: Usage) -> Usage {
        let cached = [self.written_to_cache, self.read_from_cache];
        let input = self.input.map_or(before.input_tokens, |tokens| {
            cached.into_iter().flatten().fold(tokens, u64::saturating_add)
        });
        Usage::of(input, self.output.unwrap_or(before.output_tokens))
    }
}
