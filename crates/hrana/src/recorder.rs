//! A transport for unit tests: it plays back outcomes and keeps what was sent.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use serde_json::Value as Json;

use crate::{
    Client, Endpoint, Limits, Plaintext, Response, ResponseBody, Secret, StreamingResponse,
    StreamingTransport, Transport, TransportError,
};

/// What a request meets with.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer(u16, String),
    Failure(TransportError),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Recording>>);

#[derive(Debug, Default)]
struct Recording {
    outcomes: VecDeque<Outcome>,
    sent: Vec<Sent>,
    pauses: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub url: String,
    pub token: Option<String>,
    pub body: Json,
}

impl Recorder {
    pub fn new(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let recording =
            Recording { outcomes: outcomes.into_iter().collect(), ..Recording::default() };
        Self(Arc::new(Mutex::new(recording)))
    }

    /// A client that was told `libsql://db.example.com` and the token `t0ken`.
    pub fn client(&self) -> Client<Self> {
        let endpoint = Endpoint::parse("libsql://db.example.com", Plaintext::LoopbackOnly).unwrap();
        Client::new(self.clone(), endpoint, Some(Secret::new("t0ken")), Limits::default())
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.0.lock().unwrap().sent.clone()
    }

    pub fn pauses(&self) -> usize {
        self.0.lock().unwrap().pauses
    }

    fn play(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: &[u8],
    ) -> Result<(u16, String), TransportError> {
        let mut recording = self.0.lock().unwrap();
        recording.sent.push(Sent {
            url: url.to_owned(),
            token: token.map(|token| token.expose().to_owned()),
            body: serde_json::from_slice(body).unwrap(),
        });
        match recording.outcomes.pop_front().expect("an outcome for each request") {
            Outcome::Answer(status, body) => Ok((status, body)),
            Outcome::Failure(error) => Err(error),
        }
    }
}

impl Transport for Recorder {
    async fn post(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        _: Limits,
    ) -> Result<Response, TransportError> {
        let (status, body) = self.play(url, token, &body)?;
        Ok(Response { status, body: body.into_bytes() })
    }

    fn pause(&self, _: std::time::Duration) -> impl Future<Output = ()> + Send {
        self.0.lock().unwrap().pauses += 1;
        std::future::ready(())
    }

    fn detach(&self, work: impl Future<Output = ()> + Send + 'static) {
        now(work);
    }
}

impl StreamingTransport for Recorder {
    type Body = Chunks;

    async fn post_streaming(
        &self,
        url: &str,
        token: Option<&Secret>,
        body: Vec<u8>,
        _: Limits,
    ) -> Result<StreamingResponse<Chunks>, TransportError> {
        let (status, body) = self.play(url, token, &body)?;
        // A short chunk size cuts lines and characters in two.
        let chunks = body.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        Ok(StreamingResponse { status, body: Chunks(chunks) })
    }
}

#[derive(Debug)]
pub(crate) struct Chunks(VecDeque<Bytes>);

impl ResponseBody for Chunks {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        Ok(self.0.pop_front())
    }
}

/// The output of a future that never waits, as those over a recorder are.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a recorder never waits"),
    }
}
