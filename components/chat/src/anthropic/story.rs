//! An answer, told as Anthropic's events.

use message::Usage;
use problem::Problem;
use providers::{Output, ToolCall};
use serde::Serialize;

use super::messages::unspeakable;
use super::object::{Block, End, Ending, Frame, MessageObject, Tokens, input};
use crate::error::ChatError;

/// What is told, event by event.
#[derive(Debug)]
pub struct Story {
    frame: Frame,
    place: Place,
    /// How many blocks have begun.
    blocks: usize,
    ending: Ending,
    /// Whether there was a call that cannot be told. What it cost is told all the same, so the end is waited for.
    is_broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    BetweenBlocks,
    InText,
    Over,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event<'a> {
    MessageStart { message: MessageObject<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a, Nothing> },
    ContentBlockDelta { index: usize, delta: Delta<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: End<'a>, usage: Tokens },
    MessageStop,
    Ping,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Delta<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

/// An empty object: arguments come after the beginning of their block.
#[derive(Serialize)]
struct Nothing {}

impl Story {
    pub fn new(frame: Frame) -> Self {
        let (place, ending) = (Place::Before, Ending::default());
        Self { frame, place, blocks: 0, ending, is_broken: false }
    }

    pub fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// What the model has said. The first event waits for it, since some providers begin with what the prompt takes.
    pub fn say(&mut self, output: &Output) -> String {
        let counted = if let Output::Usage(usage) = output { usage.input_tokens } else { 0 };
        let mut told = self.begin(counted);
        match output {
            Output::Text(text) => self.text(text, &mut told),
            Output::Call(call) => self.call(call, &mut told),
            Output::Usage(_) => {}
            Output::StoppedAt(_) | Output::Finished(_) => self.ending.hear(output),
        }
        told
    }

    /// A sign of life, for a silence.
    pub fn ping(&mut self) -> String {
        self.begin(0) + &Event::Ping.told()
    }

    /// The end.
    pub fn end(&mut self, usage: Usage) -> String {
        if self.is_broken {
            return self.fail(unspeakable());
        }
        let mut told = self.begin(0);
        self.close(&mut told);
        self.place = Place::Over;
        let end = Event::MessageDelta { delta: self.ending.end(), usage: usage.into() };
        told + &end.told() + &Event::MessageStop.told()
    }

    /// The end of an answer that has none.
    pub fn fail(&mut self, error: ChatError) -> String {
        self.place = Place::Over;
        format!("event: error\ndata: {}\n\n", Problem::from(error).anthropic_body(None))
    }

    fn begin(&mut self, input: u64) -> String {
        if self.place != Place::Before {
            return String::new();
        }
        self.place = Place::BetweenBlocks;
        Event::MessageStart { message: self.frame.begin(input) }.told()
    }

    fn text(&mut self, text: &str, told: &mut String) {
        if self.place != Place::InText {
            self.open(Block::Text { text: "" }, told);
            self.place = Place::InText;
        }
        told.push_str(&self.delta(Delta::TextDelta { text }));
    }

    fn call(&mut self, call: &ToolCall, told: &mut String) {
        let Some(input) = input(call) else {
            self.is_broken = true;
            return;
        };
        self.close(told);
        self.open(Block::ToolUse { id: &call.id, name: &call.name, input: Nothing {} }, told);
        told.push_str(&self.delta(Delta::InputJsonDelta { partial_json: input.get() }));
        told.push_str(&Event::ContentBlockStop { index: self.last() }.told());
    }

    fn open(&mut self, content_block: Block<'_, Nothing>, told: &mut String) {
        let index = self.blocks;
        self.blocks += 1;
        told.push_str(&Event::ContentBlockStart { index, content_block }.told());
    }

    /// Ends the text, if there is one.
    fn close(&mut self, told: &mut String) {
        if self.place == Place::InText {
            self.place = Place::BetweenBlocks;
            told.push_str(&Event::ContentBlockStop { index: self.last() }.told());
        }
    }

    fn delta(&self, delta: Delta<'_>) -> String {
        Event::ContentBlockDelta { index: self.last(), delta }.told()
    }

    /// The number of the block that has begun last.
    fn last(&self) -> usize {
        self.blocks.saturating_sub(1)
    }
}

impl Event<'_> {
    fn told(&self) -> String {
        let name = match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Ping => "ping",
        };
        // Strings and numbers always serialize.
        format!("event: {name}\ndata: {}\n\n", serde_json::to_string(self).unwrap_or_default())
    }
}
