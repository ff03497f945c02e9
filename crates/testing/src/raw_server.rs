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
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A server on loopback that writes what it is told, byte for byte: for answers that no HTTP library would give.
///
/// It takes one request of each connection. Dropping it closes its connections.
#[derive(Debug)]
pub struct RawServer {
    port: u16,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Requests so far.
    requests: AtomicUsize,
    /// Requests whose answer is under way.
    open: AtomicUsize,
}

/// An answer that is under way.
struct Open(Arc<Counts>);

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
    /// Waits, unless the client goes meanwhile.
    Pause(Duration),
    /// Adds one: what stood before this was written.
    Count(Arc<AtomicUsize>),
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
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, Arc::new(answer), Arc::clone(&counts)));
        Self { port, counts, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests it has taken.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// How many of them it is answering now.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Open {
    fn new(counts: &Arc<Counts>) -> Self {
        counts.requests.fetch_add(1, Ordering::SeqCst);
        counts.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counts))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answer = dyn Fn(&RawRequest) -> Vec<Step> + Send + Sync;

async fn accept(listener: TcpListener, answer: Arc<Answer>, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    while let Ok((mut socket, _)) = listener.accept().await {
        let answer = Arc::clone(&answer);
        let counts = Arc::clone(&counts);
        connections.spawn(async move {
            // Small pieces are to leave at once, as they do with a real server.
            if socket.set_nodelay(true).is_err() {
                return;
            }
            let Some(request) = read_request(&mut socket).await else { return };
            let _open = Open::new(&counts);
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
        Step::Pause(time) => tokio::time::timeout(time, gone(socket)).await.unwrap_or(Ok(())),
        Step::Count(count) => {
            count.fetch_add(1, Ordering::SeqCst);
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
        Step::Hold => gone(socket).await,
    }
}

/// Waits until the client has closed the connection, and fails then.
async fn gone(socket: &mut TcpStream) -> std::io::Result<()> {
    let mut byte = [0];
    match socket.read(&mut byte).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => pending().await,
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
    let mut rest = bytes.split_off(head_end + 4);
    if request.header("transfer-encoding").is_some() {
        request.body = read_chunks(socket, rest).await?.into();
        return Some(request);
    }
    let length: usize = request.header("content-length").unwrap_or("0").parse().ok()?;
    while rest.len() < length {
        fill(socket, &mut rest).await?;
    }
    rest.truncate(length);
    request.body = rest.into();
    Some(request)
}

/// A body in chunks, of which some bytes are here.
async fn read_chunks(socket: &mut TcpStream, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = loop {
            if let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
                break end;
            }
            fill(socket, &mut bytes).await?;
        };
        let line = std::str::from_utf8(&bytes[..line_end]).ok()?;
        let length = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        bytes.drain(..line_end + 2);
        // Nobody here sends trailers; the last line break is all that follows.
        while bytes.len() < length.checked_add(2)? {
            fill(socket, &mut bytes).await?;
        }
        body.extend(bytes.drain(..length + 2).take(length));
        if length == 0 {
            return Some(body);
        }
        if REQUEST_BYTES_MAX < body.len() {
            return None;
        }
    }
}

async fn fill(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = socket.read_buf(bytes).await.ok()?;
    (read != 0 && bytes.len() <= REQUEST_BYTES_MAX).then_some(())
}
