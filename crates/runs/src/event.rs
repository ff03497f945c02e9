use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::{Approval, Run};

/// How many events of a run may be kept nowhere at most. What ends an abandoned run is numbered beyond so many, since clients may have seen those.
pub const EVENTS_MAX: i64 = 1000;

/// What happens in a run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Event<'a> {
    /// The model goes on to say this.
    Delta { text: &'a str },
    /// The model wants a tool.
    ToolCall { id: &'a str, name: &'a str, arguments: &'a Value },
    /// What a tool gave back.
    ToolResult { tool_call_id: &'a str, content: &'a str, is_error: bool },
    /// Somebody has to decide about these calls.
    ApprovalRequired { run: &'a Run, approvals: &'a [Approval] },
}

/// An event as it is sent, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub id: i64,
    pub wire: String,
}

/// Events that are kept together, and what the pieces of text among them say.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub first: i64,
    pub last: i64,
    pub text: String,
    pub wire: String,
}

impl Event<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Delta { .. } => "message.delta",
            Self::ToolCall { .. } => "message.tool_call",
            Self::ToolResult { .. } => "message.tool_result",
            Self::ApprovalRequired { .. } => "message.approval_required",
        }
    }

    /// The event as it is sent. JSON has no line breaks of its own, so the data is one line.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn frame(&self, id: i64) -> Result<Frame, serde_json::Error> {
        let data = serde_json::to_string(self)?;
        Ok(Frame { id, wire: format!("{}data: {data}\n\n", head(id, self.name())) })
    }
}

/// What stands before the data of an event.
pub(crate) fn head(id: i64, name: &str) -> String {
    format!("id: {id}\nevent: {name}\n")
}

impl Batch {
    /// A batch of what comes after this event.
    pub fn after(last: i64) -> Self {
        Self { first: last + 1, last, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }

    /// Adds an event, and gives it as it is sent.
    ///
    /// # Errors
    /// None in practice: strings and JSON always serialize.
    pub fn push(&mut self, event: &Event<'_>) -> Result<Frame, serde_json::Error> {
        let frame = event.frame(self.last + 1)?;
        self.last = frame.id;
        self.wire.push_str(&frame.wire);
        if let Event::Delta { text } = event {
            self.text.push_str(text);
        }
        Ok(frame)
    }

    /// Adds events that are written already.
    pub(crate) fn push_written(&mut self, name: &str, data: &str) {
        self.last += 1;
        // Writing to a String cannot fail.
        let _ = write!(self.wire, "{}data: {data}\n\n", head(self.last, name));
    }
}

/// What is left of a batch's events behind the one with this number. The batch begins with `first`.
pub fn skip_events(wire: &str, first: i64, after: i64) -> &str {
    if after < first {
        return wire;
    }
    // Data is one line of JSON, so nothing within an event looks like the beginning of one.
    let start = format!("\n\nid: {}\n", after + 1);
    wire.find(&start).map_or("", |at| wire.get(at + 2..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_resumed_after_any_of_its_events() {
        let mut batch = Batch::after(7);
        let texts = ["a", "\n\nid: 9\nevent: x", "\u{2028}\r\n", "é"];
        let frames: Vec<_> =
            texts.iter().map(|text| batch.push(&Event::Delta { text }).unwrap()).collect();
        assert_eq!((batch.first, batch.last), (8, 11));
        assert_eq!(batch.text, texts.concat());
        for after in 0..=12 {
            let rest: String =
                frames.iter().filter(|frame| after < frame.id).map(|frame| &*frame.wire).collect();
            assert_eq!(skip_events(&batch.wire, batch.first, after), rest, "{after}");
        }
    }
}
