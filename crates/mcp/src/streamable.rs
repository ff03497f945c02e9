use bytes::BytesMut;
use egress::{StreamedResponse, Target};
use http::{HeaderMap, HeaderValue};

use crate::McpError;
use crate::ear::{Ear, reply};
use crate::events::Events;
use crate::message::Answer;
use crate::wire::{Media, SESSION_ID, Wire};

/// How long the id of a session may be: it goes with every request.
const SESSION_BYTES_MAX: usize = 1024;

/// Streamable HTTP: one URL, to which every message is a request, and whose answer is JSON or a stream.
#[derive(Debug)]
pub struct Streamable {
    pub wire: Wire,
    pub target: Target,
}

impl Streamable {
    /// Sends a request, and waits for its answer.
    pub async fn ask(&mut self, text: String, ear: &mut Ear) -> Result<Answer, McpError> {
        let response = self.wire.post(&self.target, text).await?;
        if self.wire.version.is_none() {
            self.wire.session = session(&response.headers)?;
        }
        match Media::of(&response.headers) {
            Media::Events => {
                let mut events = Events::new(response, &self.wire.limits)?;
                ear.listen(&mut events, &self.wire, &self.target).await
            }
            Media::Json => {
                let text = read(response, self.wire.limits.message_bytes_max).await?;
                let heard = ear.hear(&text)?;
                reply(&self.wire, &self.target, heard.replies).await;
                heard.answer.ok_or(McpError::Malformed)
            }
            Media::Other => Err(McpError::Malformed),
        }
    }
}

/// The session that the answer to `initialize` begins. Its id is as good as a password, and treated as one.
fn session(headers: &HeaderMap) -> Result<Option<HeaderValue>, McpError> {
    let Some(id) = headers.get(SESSION_ID) else { return Ok(None) };
    let is_id = id.as_bytes().iter().all(u8::is_ascii_graphic);
    if id.is_empty() || SESSION_BYTES_MAX < id.len() || !is_id {
        return Err(McpError::Malformed);
    }
    let mut id = id.clone();
    id.set_sensitive(true);
    Ok(Some(id))
}

async fn read(mut response: StreamedResponse, bytes_max: usize) -> Result<String, McpError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.body.next().await? {
        if bytes_max < bytes.len() + piece.len() {
            return Err(McpError::TooMuch);
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes.into()).map_err(|_| McpError::Malformed)
}
