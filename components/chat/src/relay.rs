//! What is said to the client that began a run, before it is kept.

use std::convert::Infallible;

use futures::channel::{mpsc, oneshot};
use runs::Frame;

/// How many events wait for a client. One that is slower reads what is kept instead.
const FRAMES_MAX: usize = 1024;

/// The end of whoever works.
#[derive(Debug)]
pub struct Relay {
    /// `None` once the client was too slow.
    frames: Option<mpsc::Sender<Frame>>,
    client: oneshot::Sender<Infallible>,
}

/// The client's end. Dropping it says that the client is gone.
#[derive(Debug)]
pub struct Live {
    pub frames: mpsc::Receiver<Frame>,
    _presence: Presence,
}

/// Held as long as there is a client.
#[derive(Debug)]
struct Presence(
    #[expect(dead_code, reason = "it is there to be dropped")] oneshot::Receiver<Infallible>,
);

/// Both ends.
pub fn relay() -> (Relay, Live) {
    let (frames, received) = mpsc::channel(FRAMES_MAX);
    let (client, presence) = oneshot::channel();
    let live = Live { frames: received, _presence: Presence(presence) };
    (Relay { frames: Some(frames), client }, live)
}

impl Relay {
    /// Says an event, if anybody listens.
    pub fn say(&mut self, frame: Frame) {
        let heard = self.frames.as_mut().is_none_or(|frames| frames.try_send(frame).is_ok());
        if !heard {
            self.frames = None;
        }
    }

    /// Whether the client is gone.
    pub fn is_alone(&self) -> bool {
        self.client.is_canceled()
    }
}
