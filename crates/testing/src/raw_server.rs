use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// The largest request that it reads.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// A server on loopback that writes what it is told, byte for byte: for answers that no HTTP library would give.
///
/// It takes one request of each connection. Dropping it closes its connections.
#[derive(Debug)]
pub struct RawServer {
    port: u16,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// The one request of a connection.
#[derive(Debug, Clone)]
pub struct RawRequest {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// What the server does next.
#[derive(Debug)]
pub enum Step {
    Write(Vec<u8>),
    Pause(Duration),
    /// Writes this again and again, so many times or until the client is gone.
    Repeat(Vec<u8>, usize),
    /// Writes byte by byte with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Does what comes out of here, until nothing can any more.
    Follow(mpsc::UnboundedReceiver<Step>),
    /// Keeps the connection open until the client closes it.
    Hold,
    /// Closes the connection.
    Close,
}

impl RawRequest {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

impl RawServer {
    /// Listens on a free port.
    pub async fn start<F>(answer: F) -> Self
    where
        F: Fn(&RawRequest) -> Vec<Step> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(accept(listener, Arc::new(answer), Arc::clone(&requests)));
        Self { port, requests, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests it has taken.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = dyn Fn(&RawRequest) -> Vec<Step> + Send + Sync;

async fn accept(listener: TcpListener, answer: Arc<Answer>, requests: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((mut socket, _)) = listener.accept().await {
        let answer = Arc::clone(&answer);
        let requests = Arc::clone(&requests);
        connections.spawn(async move {
            let Some(request) = read_request(&mut socket).await else { return };
            requests.fetch_add(1, Ordering::SeqCst);
            for step in answer(&request) {
                // A client that breaks the connection is its own business.
                if run(&mut socket, step).await.is_err() {
                    return;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn run(socket: &mut TcpStream, step: Step) -> std::io::Result<()> {
    match step {
        Step::Write(bytes) => socket.write_all(&bytes).await,
        Step::Pause(time) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        Step::Repeat(bytes, times) => {
            for _ in 0..times {
                socket.write_all(&bytes).await?;
            }
            Ok(())
        }
        Step::Drip(bytes, pause) => {
            for byte in bytes {
                socket.write_all(&[byte]).await?;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        Step::Follow(mut steps) => {
            while let Some(step) = steps.recv().await {
                Box::pin(run(socket, step)).await?;
            }
            Ok(())
        }
        Step::Close => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Step::Hold => {
            let mut byte = [0];
            match socket.read(&mut byte).await? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                _ => pending().await,
            }
        }
    }
}

async fn read_request(socket: &mut TcpStream) -> Option<RawRequest> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        fill(socket, &mut bytes).await?;
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = RawRequest { method, path, headers, body: Bytes::new() };
    let length: usize = request.header("content-length").unwrap_or("0").parse().ok()?;
    let body_start = head_end + 4;
    while bytes.len() < body_start + length {
        fill(socket, &mut bytes).await?;
    }
    request.body = bytes[body_start..body_start + length].to_vec().into();
    Some(request)
}

async fn fill(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = socket.read_buf(bytes).await.ok()?;
    (read != 0 && bytes.len() <= REQUEST_BYTES_MAX).then_some(())
}
