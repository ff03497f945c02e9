//! Bodies on their way through: counted, bounded in time, never collected.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::answer::Refusal;

/// How long a client may pause within a request body.
const UPLOAD_PAUSE_MAX: Duration = Duration::from_secs(30);

/// What became of a request body while the component read it.
#[derive(Default)]
pub struct Upload {
    failure: AtomicU8,
    failed: Notify,
}

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

impl Upload {
    /// Why the body ended early through the host's doing, if it did.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.failure.load(SeqCst) {
            TOO_LARGE => Some(Refusal::BodyTooLarge),
            TOO_SLOW => Some(Refusal::BodyTimeout),
            _ => None,
        }
    }

    /// Resolves when the host has ended the body early.
    pub async fn refused(&self) -> Refusal {
        loop {
            if let Some(refusal) = self.refusal() {
                return refusal;
            }
            self.failed.notified().await;
        }
    }

    fn fail(&self, failure: u8) {
        self.failure.store(failure, SeqCst);
        self.failed.notify_one();
    }
}

/// A request body that ends with an error after `bytes_max` bytes or a long pause.
pub struct UploadBody<B: Body> {
    inner: B,
    error: fn(B::Error) -> Error,
    bytes: u64,
    bytes_max: u64,
    upload: Arc<Upload>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<B: Body> UploadBody<B> {
    /// Watches over `inner`, whose errors `error` translates; `upload` learns when the body is cut off.
    pub fn new(
        inner: B,
        error: fn(B::Error) -> Error,
        bytes_max: u64,
        upload: Arc<Upload>,
    ) -> Self {
        Self { inner, error, bytes: 0, bytes_max, upload, pause: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for UploadBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            let pause =
                this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(UPLOAD_PAUSE_MAX)));
            ready!(pause.as_mut().poll(cx));
            this.upload.fail(TOO_SLOW);
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        this.pause = None;
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = frame.map_err(this.error)?;
        let length = frame.data_ref().map_or(0, Buf::remaining);
        this.bytes = this.bytes.saturating_add(length as u64);
        if this.bytes > this.bytes_max {
            this.upload.fail(TOO_LARGE);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(this.bytes_max)))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a failed read from a client is to the guest.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `UploadBody::new` takes")]
pub fn interrupted(error: hyper::Error) -> Error {
    if error.is_timeout() { Error::ConnectionReadTimeout } else { Error::ConnectionTerminated }
}

/// What happens at the end of a response body.
pub trait Ending: Send + Unpin + 'static {
    /// Called once: with the number of bytes, and whether the body was complete.
    fn ended(&mut self, bytes: u64, complete: bool);

    /// Whether what writes the body has failed, so that an end is no sign of completeness.
    fn is_broken(&self) -> bool;
}

/// A response body that ends with an error at `deadline` and reports its end, whichever way it comes.
pub struct DownloadBody<E: Ending> {
    inner: WasiBody,
    bytes: u64,
    expected: Option<u64>,
    deadline: Pin<Box<Sleep>>,
    ending: Option<E>,
}

impl<E: Ending> DownloadBody<E> {
    /// Watches over `inner`. `expected` is the number of bytes after which nobody asks for more, where that is known: the
    /// content length, or 0 for a response without content.
    pub fn new(inner: WasiBody, expected: Option<u64>, deadline: Instant, ending: E) -> Self {
        let deadline = Box::pin(tokio::time::sleep_until(deadline));
        let mut body = Self { inner, bytes: 0, expected, deadline, ending: Some(ending) };
        if body.is_complete() {
            body.end(true);
        }
        body
    }

    fn is_complete(&self) -> bool {
        self.is_end_stream() || self.expected.is_some_and(|expected| self.bytes >= expected)
    }

    /// Whether the instance that wrote the body is gone. Its body then ends as if it were complete.
    fn is_broken(&self) -> bool {
        self.ending.as_ref().is_some_and(Ending::is_broken)
    }

    fn end(&mut self, complete: bool) {
        if let Some(mut ending) = self.ending.take() {
            ending.ended(self.bytes, complete);
        }
    }
}

impl<E: Ending> Body for DownloadBody<E> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            ready!(this.deadline.as_mut().poll(cx));
            this.end(false);
            return Poll::Ready(Some(Err(Error::HttpResponseTimeout)));
        };
        match &frame {
            Some(Ok(frame)) => {
                this.bytes += frame.data_ref().map_or(0, Buf::remaining) as u64;
                if this.is_complete() {
                    this.end(true);
                }
            }
            None if this.is_broken() => {
                this.end(false);
                return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
            }
            Some(Err(_)) => this.end(false),
            None => this.end(this.expected.is_none_or(|expected| this.bytes >= expected)),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && !self.is_broken()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<E: Ending> Drop for DownloadBody<E> {
    fn drop(&mut self) {
        self.end(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http_body_util::{BodyExt, StreamBody};

    use super::*;
    use crate::answer::full;

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<(u64, bool)>>>, bool);

    impl Ending for Seen {
        fn ended(&mut self, bytes: u64, complete: bool) {
            self.0.lock().unwrap().push((bytes, complete));
        }

        fn is_broken(&self) -> bool {
            self.1
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn the_end_of_a_response_is_reported_once() {
        for text in ["", "hello"] {
            let seen = Seen::default();
            let body = DownloadBody::new(full(text), None, soon(), seen.clone());
            assert_eq!(body.collect().await.unwrap().to_bytes(), text);
            assert_eq!(*seen.0.lock().unwrap(), [(text.len() as u64, true)]);
        }
    }

    #[tokio::test]
    async fn the_body_of_a_failed_instance_is_incomplete() {
        let seen = Seen(Arc::default(), true);
        let body = DownloadBody::new(full("hello"), None, soon(), seen.clone());
        assert!(matches!(body.collect().await, Err(Error::HttpResponseIncomplete)));
        assert_eq!(*seen.0.lock().unwrap(), [(5, false)]);
    }

    #[tokio::test]
    async fn a_dropped_response_is_incomplete() {
        let seen = Seen::default();
        drop(DownloadBody::new(full("hello"), None, soon(), seen.clone()));
        assert_eq!(*seen.0.lock().unwrap(), [(0, false)]);
    }

    #[tokio::test]
    async fn a_response_without_content_is_complete_unread() {
        let seen = Seen::default();
        drop(DownloadBody::new(full("hello"), Some(0), soon(), seen.clone()));
        assert_eq!(*seen.0.lock().unwrap(), [(0, true)]);
    }

    #[tokio::test]
    async fn a_response_that_never_ends_is_cut_off() {
        let seen = Seen::default();
        let endless = StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, Error>>());
        let body = DownloadBody::new(endless.boxed_unsync(), None, soon(), seen.clone());
        assert!(matches!(body.collect().await, Err(Error::HttpResponseTimeout)));
        assert_eq!(*seen.0.lock().unwrap(), [(0, false)]);
    }
}
