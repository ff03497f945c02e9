use std::pin::pin;

use egress::Target;
use futures::future::{Either, select};

use crate::McpError;
use crate::ear::Ear;
use crate::events::Events;
use crate::message::Answer;
use crate::wire::Wire;

/// The transport of 2024: a stream of events that all answers come by, and a URL that it names for requests.
#[derive(Debug)]
pub struct Legacy {
    pub wire: Wire,
    pub endpoint: Target,
    events: Events,
}

impl Legacy {
    /// Opens the stream and waits for the URL, which must be of the same origin: credentials go there.
    pub async fn open(wire: Wire, target: &Target) -> Result<Self, McpError> {
        let mut events = Events::new(wire.listen(target).await?, &wire.limits)?;
        let endpoint = match events.next().await? {
            Some(event) if event.name == "endpoint" => target.resolve(&event.data),
            Some(_) | None => None,
        };
        Ok(Self { wire, endpoint: endpoint.ok_or(McpError::Malformed)?, events })
    }

    /// Sends a request, and waits for its answer. Both at once, since a server may end the one only after the other.
    pub async fn ask(&mut self, text: String, ear: &mut Ear) -> Result<Answer, McpError> {
        let Self { wire, endpoint, events } = self;
        events.allow(wire.limits.answer_bytes_max);
        let post = pin!(wire.tell(endpoint, text));
        let listen = pin!(ear.listen(events, wire, endpoint));
        match select(post, listen).await {
            Either::Left((Ok(()), listen)) => listen.await,
            Either::Left((Err(error), _)) => Err(error),
            Either::Right((answer, _)) => answer,
        }
    }
}
