#![doc = include_str!("../README.md")]

use bytes::{Buf as _, Bytes};

/// Comes before the first character of some texts and is none of it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How large a stream and its parts may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line, in bytes without its end.
    pub line_bytes_max: usize,
    /// The largest event: its data and its name, in bytes.
    pub event_bytes_max: usize,
    /// The longest stream, in bytes.
    pub total_bytes_max: usize,
}

/// Something that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `message` where the stream gives no name.
    pub name: String,
    /// The lines of its data, joined with LF.
    pub data: String,
}

/// The stream, or a part of it, is larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event stream is too large")]
pub struct TooLarge;

/// Makes events of bytes.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    total_bytes: usize,
    /// The line that has begun.
    line: Vec<u8>,
    /// The line before ended with CR: an LF that follows belongs to its end.
    after_cr: bool,
    at_start: bool,
    name: String,
    /// The data so far, with an LF after each line.
    data: String,
}

impl Limits {
    /// The same limit for lines and events.
    pub fn of_events(event_bytes_max: usize, total_bytes_max: usize) -> Self {
        Self { line_bytes_max: event_bytes_max, event_bytes_max, total_bytes_max }
    }
}

impl Decoder {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            total_bytes: 0,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            name: String::new(),
            data: String::new(),
        }
    }

    /// Takes bytes off the front until an event is complete, or until none are left.
    ///
    /// # Errors
    /// [`TooLarge`], after which the stream is of no use.
    pub fn read(&mut self, bytes: &mut Bytes) -> Result<Option<Event>, TooLarge> {
        let mut rest: &[u8] = bytes;
        let outcome = self.read_lines(&mut rest);
        let taken = bytes.len() - rest.len();
        bytes.advance(taken);
        self.total_bytes = self.total_bytes.saturating_add(taken);
        if self.limits.total_bytes_max < self.total_bytes { Err(TooLarge) } else { outcome }
    }

    fn read_lines(&mut self, rest: &mut &[u8]) -> Result<Option<Event>, TooLarge> {
        while let Some((first, tail)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                *rest = tail;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, tail) = rest.split_at(end.unwrap_or(rest.len()));
            *rest = tail;
            if self.limits.line_bytes_max < self.line.len() + part.len() {
                return Err(TooLarge);
            }
            self.line.extend_from_slice(part);
            let Some((end, tail)) = rest.split_first() else { return Ok(None) };
            *rest = tail;
            self.after_cr = *end == b'\r';
            if let Some(event) = self.end_line()? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Result<Option<Event>, TooLarge> {
        let mut line = std::mem::take(&mut self.line);
        let is_first = std::mem::take(&mut self.at_start);
        let marked = if is_first { line.strip_prefix(BYTE_ORDER_MARK) } else { None };
        let text = String::from_utf8_lossy(marked.unwrap_or(&line));
        let event = if text.is_empty() {
            self.end_event()
        } else {
            self.read_field(&text)?;
            None
        };
        // Its space serves for the next.
        line.clear();
        self.line = line;
        Ok(event)
    }

    fn read_field(&mut self, line: &str) -> Result<(), TooLarge> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" => value.clone_into(&mut self.name),
            // A comment, or a field for clients that connect again.
            _ => {}
        }
        if self.limits.event_bytes_max < self.name.len() + self.data.len().saturating_sub(1) {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// The event that an empty line ends, if it has data.
    fn end_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        // Without any line of data there is no LF, and no event.
        data.pop()?;
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Event { name, data })
    }
}
