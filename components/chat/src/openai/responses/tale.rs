//! The events of a run, told as those of a response.

use ambient::UnixMillis;
use axum::response::Response;
use futures::stream;
use message::Usage;
use problem::{Problem, chain};
use runs::{Failure, RunStatus};
use serde::Deserialize;

use super::narrator::Narrator;
use super::object::Outcome;
use crate::error::ChatError;
use crate::follow::Follower;
use crate::http::event_stream;
use crate::openai::items::Stored;
use crate::openai::relay::interrupted;

#[derive(Deserialize)]
struct Delta {
    text: String,
}

#[derive(Deserialize)]
struct Completed {
    message: Option<Stored>,
}

#[derive(Deserialize)]
struct Ended {
    run: EndedRun,
}

/// Of a run that has ended, what its last event says.
#[derive(Deserialize)]
struct EndedRun {
    status: RunStatus,
    usage: Usage,
    #[serde(default)]
    failure: Option<Failure>,
    ended_at: Option<UnixMillis>,
}

/// A run on its way to whoever hears it as a response.
pub struct Tale {
    follower: Follower,
    narrator: Narrator,
    message: Option<Stored>,
    failure: Option<Failure>,
}

/// The events of a response that has begun in this moment. Where the model says nothing at all, why is the whole answer.
///
/// # Errors
/// Why the provider gave no answer.
pub async fn begun(follower: Follower, narrator: Narrator) -> Result<Response, Problem> {
    let mut tale = Tale { follower, narrator, message: None, failure: None };
    while !tale.narrator.has_spoken() {
        if !tale.go_on().await? {
            return Err(interrupted().into());
        }
    }
    match tale.failure.take() {
        Some(failure) => Err(ChatError::Failed(failure).into()),
        None => Ok(tale.told()),
    }
}

/// The events of a response, from the first that is not known on.
pub fn streamed(follower: Follower, narrator: Narrator) -> Response {
    Tale { follower, narrator, message: None, failure: None }.told()
}

impl Tale {
    fn told(self) -> Response {
        event_stream(stream::unfold(self, |mut tale| async move {
            loop {
                let text = tale.narrator.take();
                if !text.is_empty() {
                    return Some((text, tale));
                }
                if tale.narrator.is_over() {
                    return None;
                }
                match tale.go_on().await {
                    Ok(true) => {}
                    // Its run is gone, or whoever listens may not any more.
                    Ok(false) => tale.narrator.fail("unavailable", "The response broke off."),
                    Err(error) => {
                        tracing::error!(
                            cause = chain(&error),
                            "the events of a response broke off"
                        );
                        tale.narrator.fail("internal_error", "The response broke off.");
                    }
                }
            }
        }))
    }

    /// Hears what comes next; `false` when there is no more.
    async fn go_on(&mut self) -> Result<bool, ChatError> {
        let Some(wire) = self.follower.next().await? else { return Ok(false) };
        for block in wire.split("\n\n").filter(|block| !block.is_empty()) {
            self.hear(block)?;
        }
        Ok(true)
    }

    fn hear(&mut self, block: &str) -> Result<(), ChatError> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let Some(name) = field("event: ") else {
            self.narrator.ping();
            return Ok(());
        };
        let data = field("data: ").unwrap_or_default();
        if name == "run.created" {
            self.narrator.begin();
            return Ok(());
        }
        // Of a response that has ended long ago the beginning is gone.
        self.narrator.begin_late();
        match name {
            "message.delta" => {
                let Delta { text } = serde_json::from_str(data)?;
                self.narrator.say(&text);
            }
            "message.completed" => {
                let Completed { message } = serde_json::from_str(data)?;
                self.message = message;
            }
            "run.completed" | "run.failed" | "run.cancelled" => {
                let Ended { run } = serde_json::from_str(data)?;
                let EndedRun { status, usage, failure, ended_at } = run;
                let has_said = self.message.is_some();
                self.failure = failure.clone().filter(|_| !has_said);
                let message = self.message.take();
                self.narrator.end(&Outcome { status, usage, failure, ended_at, message });
            }
            // Calls are told with the message that makes them.
            _ => {}
        }
        Ok(())
    }
}
