//! One client connection: which protocol it speaks, and how long it may take to say so.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::options::Limits;

/// With what an HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests that one HTTP/2 connection may have in progress.
const STREAMS_MAX: u32 = 128;

/// How often a silent HTTP/2 connection is asked for a sign of life, and how long it may take to give one.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// The answer to a connection for which there is no room, without reading from it.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: 144\r\n\r\n{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"The server has too many connections; try again.\",\"code\":\"overloaded\"}";

/// A protocol builder for HTTP/1.1 and HTTP/2 without TLS, with the limits on heads and time.
pub fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Hyper's minimum for the buffer is 8 KiB; its own limit of fields counts only for HTTP/1.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size(limits.header_bytes_max.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_INTERVAL)
        .adaptive_window(true);
    builder
}

/// Tells a client that there is no room for its connection.
pub async fn refuse(mut stream: TcpStream) {
    let answer = async {
        stream.write_all(NO_ROOM).await?;
        stream.shutdown().await
    };
    // The client is told if it listens; nothing depends on it.
    _ = tokio::time::timeout(Duration::from_secs(1), answer).await;
}

/// The stream of a new connection, for hyper.
pub fn stream(stream: TcpStream, limits: &Limits) -> TokioIo<Opening> {
    TokioIo::new(Opening::new(stream, limits.header_read_timeout))
}

/// A stream whose first bytes must come in time.
///
/// Hyper's timeout for request heads begins only when the protocol is known. Until then a client could keep the connection
/// for ever by sending nothing, or a part of the HTTP/2 preface.
pub struct Opening {
    stream: TcpStream,
    /// Bytes of the preface seen so far, and the time for the rest; `None` once the protocol is known.
    undecided: Option<(usize, Pin<Box<Sleep>>)>,
}

impl Opening {
    fn new(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, undecided: Some((0, Box::pin(tokio::time::sleep(timeout)))) }
    }

    fn saw(&mut self, bytes: &[u8]) {
        let Some((matched, _)) = &mut self.undecided else { return };
        let rest = PREFACE.get(*matched..).unwrap_or_default();
        let length = bytes.len().min(rest.len());
        let same = bytes.get(..length) == rest.get(..length);
        *matched += length;
        if !same || *matched == PREFACE.len() {
            self.undecided = None;
        }
    }
}

impl AsyncRead for Opening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(cx, buffer)?.is_ready() {
            if self.undecided.is_some() {
                self.saw(buffer.filled().get(before..).unwrap_or_default());
            }
            return Poll::Ready(Ok(()));
        }
        if let Some((_, timeout)) = &mut self.undecided {
            ready!(timeout.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Opening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, Opening) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, Opening::new(server, Duration::from_millis(50)))
    }

    #[tokio::test]
    async fn a_silent_client_is_given_up() {
        for sent in [&b""[..], b"PRI * HT"] {
            let (mut client, mut opening) = pair().await;
            client.write_all(sent).await.unwrap();
            let mut read = Vec::new();
            let error = opening.read_to_end(&mut read).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(read, sent);
        }
    }

    #[tokio::test]
    async fn once_the_protocol_is_known_time_does_not_matter() {
        for sent in [&b"GET"[..], PREFACE, b"PRX"] {
            let (mut client, mut opening) = pair().await;
            client.write_all(sent).await.unwrap();
            let mut read = vec![0; sent.len()];
            opening.read_exact(&mut read).await.unwrap();
            tokio::time::sleep(Duration::from_millis(80)).await;
            client.write_all(b"!").await.unwrap();
            assert_eq!(opening.read_u8().await.unwrap(), b'!');
        }
    }

    #[test]
    fn the_answer_without_room_has_the_length_that_it_says() {
        let text = std::str::from_utf8(NO_ROOM).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len()))
                || head.ends_with(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
