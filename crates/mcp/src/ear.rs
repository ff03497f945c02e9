use egress::{EgressError, Target};

use crate::events::Events;
use crate::message::{Answer, Incoming, read, split};
use crate::wire::Wire;
use crate::{Limits, McpError};

/// Listens for the answer to one request, and to little else.
#[derive(Debug)]
pub struct Ear {
    id: u64,
    has_batches: bool,
    messages_left: usize,
    replies_left: usize,
}

/// What a text of the server's held.
#[derive(Debug, Default)]
pub struct Heard {
    pub answer: Option<Answer>,
    /// What the server gets for what it asked itself.
    pub replies: Vec<String>,
}

impl Ear {
    pub fn new(id: u64, has_batches: bool, limits: &Limits) -> Self {
        Self {
            id,
            has_batches,
            messages_left: limits.messages_max,
            replies_left: limits.replies_max,
        }
    }

    /// Waits for the answer among the events of a stream.
    pub async fn listen(
        &mut self,
        events: &mut Events,
        wire: &Wire,
        to: &Target,
    ) -> Result<Answer, McpError> {
        while let Some(event) = events.next().await? {
            // Other events are for whoever knows them, and empty ones a sign of life.
            if event.name != "message" || event.data.is_empty() {
                self.count_message()?;
                continue;
            }
            let heard = self.hear(&event.data)?;
            reply(wire, to, heard.replies).await;
            if let Some(answer) = heard.answer {
                return Ok(answer);
            }
        }
        Err(McpError::Egress(EgressError::Interrupted))
    }

    /// Takes in one text: a message, or several where the version has batches.
    pub fn hear(&mut self, text: &str) -> Result<Heard, McpError> {
        let mut heard = Heard::default();
        for message in split(text, self.has_batches)? {
            match read(message)? {
                Incoming::Answer(id, answer) if id == self.id => {
                    if heard.answer.replace(answer).is_some() {
                        return Err(McpError::Malformed);
                    }
                }
                // A late answer to what was given up, or one that comes twice.
                Incoming::Answer(id, _) if id < self.id => self.count_message()?,
                Incoming::Answer(..) => return Err(McpError::Malformed),
                Incoming::Unaddressed(error) => return Err(error),
                Incoming::Request { reply } => {
                    self.replies_left =
                        self.replies_left.checked_sub(1).ok_or(McpError::TooMuch)?;
                    heard.replies.push(reply);
                }
                Incoming::Notification => self.count_message()?,
            }
        }
        Ok(heard)
    }

    fn count_message(&mut self) -> Result<(), McpError> {
        self.messages_left = self.messages_left.checked_sub(1).ok_or(McpError::TooMuch)?;
        Ok(())
    }
}

/// Sends replies. One that does not arrive is the server's loss: what was asked of it is answered or not.
pub async fn reply(wire: &Wire, to: &Target, replies: Vec<String>) {
    for text in replies {
        let _ = wire.tell(to, text).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTIFICATION: &str = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    const PING: &str = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;

    fn ear(has_batches: bool) -> Ear {
        let limits = Limits { messages_max: 2, replies_max: 1, ..Limits::default() };
        Ear::new(5, has_batches, &limits)
    }

    fn answer(id: u64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
    }

    #[test]
    fn an_answer_to_nothing_is_refused_and_a_late_one_is_skipped() {
        assert_eq!(ear(false).hear(&answer(6)).unwrap_err(), McpError::Malformed);
        assert!(ear(false).hear(&answer(4)).unwrap().answer.is_none());
        assert!(ear(false).hear(&answer(5)).unwrap().answer.unwrap().is_ok());
        let twice = format!("[{0},{0}]", answer(5));
        assert_eq!(ear(true).hear(&twice).unwrap_err(), McpError::Malformed);
        assert_eq!(ear(false).hear(&twice).unwrap_err(), McpError::Malformed);
    }

    #[test]
    fn only_so_much_is_listened_to() {
        let mut tired = ear(true);
        let batch = format!("[{NOTIFICATION},{},{PING}]", answer(1));
        assert_eq!(tired.hear(&batch).unwrap().replies.len(), 1);
        assert_eq!(tired.hear(NOTIFICATION).unwrap_err(), McpError::TooMuch);
        assert_eq!(tired.hear(PING).unwrap_err(), McpError::TooMuch);
    }
}
