use std::borrow::Cow;

use serde::Deserialize;
use sse::Event;

use crate::calls::{Calls, Piece};
use crate::decoder::Answer;
use crate::error::ErrorObject;
use crate::{Completion, Finish, Limits, ProviderError, Usage};

/// The data of the last event.
const DONE: &str = "[DONE]";

/// A chunk of a stream, or a whole answer.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default, alias = "message")]
    delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(default)]
    content: Option<String>,
    /// Text that comes instead, when the model does not want to answer.
    #[serde(default)]
    refusal: Option<String>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Reads one event of a stream.
pub fn event(event: &Event, answer: &mut Answer) -> Result<(), ProviderError> {
    let data = event.data.trim();
    if data == DONE {
        return answer.close();
    }
    // A sign of life.
    if data.is_empty() {
        return Ok(());
    }
    let chunk = read(data.as_bytes())?;
    let first = chunk.choices.into_iter().flatten().find(Choice::is_first);
    if let Some(choice) = first {
        let said = choice.delta;
        for call in said.iter().filter_map(|said| said.tool_calls.as_ref()).flatten() {
            answer.check_unfinished()?;
            answer.calls.add(call.piece())?;
        }
        answer.say(said.map(Said::into_text).unwrap_or_default())?;
        if let Some(reason) = choice.finish_reason.as_deref() {
            answer.finish(finish(reason))?;
        }
    }
    if let Some(usage) = chunk.usage {
        answer.count(usage.read());
    }
    Ok(())
}

/// Reads an answer that was not streamed.
pub fn completion(body: &[u8]) -> Result<Completion, ProviderError> {
    let chunk = read(body)?;
    let first = chunk.choices.into_iter().flatten().find(Choice::is_first);
    let choice = first.ok_or(ProviderError::Malformed)?;
    let said = choice.delta.ok_or(ProviderError::Malformed)?;
    let mut calls = Calls::new(&Limits::default());
    for (position, call) in said.tool_calls.iter().flatten().enumerate() {
        // They are whole, whatever numbers they have.
        calls.add(Piece { index: u64::try_from(position).ok(), ..call.piece() })?;
    }
    let reason = choice.finish_reason.as_deref().ok_or(ProviderError::Malformed)?;
    let finish = finish(reason).with(&calls);
    let calls = if finish == Finish::ToolCalls { calls.take()? } else { Vec::new() };
    let usage = chunk.usage.as_ref().map(WireUsage::read);
    Ok(Completion { text: said.into_text(), calls, finish, stopped_at: None, usage })
}

fn read(json: &[u8]) -> Result<Chunk<'_>, ProviderError> {
    let chunk: Chunk = serde_json::from_slice(json).map_err(|_| ProviderError::Malformed)?;
    match chunk.error {
        Some(error) => Err(error.in_stream()),
        None => Ok(chunk),
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "length" => Finish::Length,
        "content_filter" => Finish::Filtered,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        // Others have words of their own for having said everything.
        _ => Finish::Stop,
    }
}

impl Choice<'_> {
    fn is_first(&self) -> bool {
        self.index.unwrap_or_default() == 0
    }
}

impl Said<'_> {
    fn into_text(self) -> String {
        let refusal = self.refusal.unwrap_or_default();
        match self.content {
            Some(content) if refusal.is_empty() => content,
            Some(content) => content + &refusal,
            None => refusal,
        }
    }
}

impl Call<'_> {
    fn piece(&self) -> Piece<'_> {
        let function = self.function.as_ref();
        Piece {
            index: self.index,
            id: self.id.as_deref().unwrap_or_default(),
            name: function.and_then(|one| one.name.as_deref()).unwrap_or_default(),
            arguments: function.and_then(|one| one.arguments.as_deref()).unwrap_or_default(),
        }
    }
}

impl WireUsage {
    fn read(&self) -> Usage {
        Usage::of(self.prompt_tokens, self.completion_tokens)
    }
}
