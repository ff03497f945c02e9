//! A provider of language models that says nothing but what time it is, as often as it is told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// What stands before a time in a text, and nowhere else.
pub const MARK: u8 = b'@';

/// Digits of a time: nanoseconds, for a day and more.
pub const DIGITS: usize = 15;

/// How long the thread sleeps that says whose turn it is, when it has nothing to do.
const REST: Duration = Duration::from_millis(1);

/// What an answer does next.
enum Turn {
    Say,
    End,
}

/// The provider. Its clock is everybody's: both ends of a way are in this process.
#[derive(Debug, Clone)]
pub struct Provider {
    address: SocketAddr,
    answers: Arc<Answers>,
}

#[derive(Debug)]
struct Answers {
    began: Instant,
    open: Mutex<Vec<UnboundedSender<Turn>>>,
    count: watch::Sender<usize>,
}

/// All answers going on at a rate, until this is dropped.
pub struct Pace {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Provider {
    /// Listens on a free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (count, open) = (watch::Sender::new(0), Mutex::default());
        let answers = Arc::new(Answers { began: Instant::now(), open, count });
        let provider = Self { address: listener.local_addr()?, answers };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving.answers)));
            }
        });
        Ok(provider)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How long ago something was said at this time of the provider's.
    pub fn since(&self, time: Duration) -> Duration {
        self.answers.began.elapsed().saturating_sub(time)
    }

    /// Waits until so many answers have begun.
    pub async fn wait_for(&self, answers: usize) {
        let mut count = self.answers.count.subscribe();
        // The sender is ours.
        drop(count.wait_for(|count| answers <= *count).await);
    }

    /// Lets the answers that are open go on, in turn, with so many events per second in all.
    pub fn pace(&self, per_second: u32) -> Result<Pace> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, answers) = (Arc::clone(&stop), Arc::clone(&self.answers));
        let turns = move || answers.take_turns(per_second, &ended);
        let thread = std::thread::Builder::new().name("pace".to_owned()).spawn(turns)?;
        Ok(Pace { stop, thread: Some(thread) })
    }

    /// Ends all answers that are open.
    pub fn end(&self) {
        for answer in self.answers.open().drain(..) {
            // Whoever is gone hears nothing.
            let _ = answer.send(Turn::End);
        }
        self.answers.count.send_replace(0);
    }
}

impl Answers {
    fn open(&self) -> MutexGuard<'_, Vec<UnboundedSender<Turn>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One turn after the other, each at its time or as soon as possible after it. A timer of tokio's would let all speak at once that have to
    /// within the same millisecond. Gives how many there were.
    fn take_turns(&self, per_second: u32, stop: &AtomicBool) -> u64 {
        let (answers, begun) = (self.open().clone(), Instant::now());
        let (mut turns, mut answer) = (0_u64, answers.iter().cycle());
        while !stop.load(Ordering::Relaxed) {
            let due = begun.elapsed().as_nanos() * u128::from(per_second) / 1_000_000_000;
            if due <= u128::from(turns) {
                std::thread::sleep((Duration::from_secs(1) / per_second).min(REST));
                continue;
            }
            let Some(answer) = answer.next() else { break };
            let _ = answer.send(Turn::Say);
            turns += 1;
        }
        turns
    }

    fn begin(&self) -> UnboundedReceiver<Turn> {
        let (sender, turns) = unbounded_channel();
        let mut open = self.open();
        open.push(sender);
        self.count.send_replace(open.len());
        turns
    }
}

impl Pace {
    /// Ends it. Gives how many events there were.
    pub fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn serve(stream: TcpStream, answers: Arc<Answers>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| answer(request, Arc::clone(&answers)));
    // A client that goes away ends only its own connection.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// A streamed completion, whatever was asked.
async fn answer(
    request: Request<Incoming>,
    answers: Arc<Answers>,
) -> Result<Response<StreamBody<impl Stream<Item = Result<Frame<Bytes>, Infallible>>>>, Infallible>
{
    // The connection is for the next request as well, and the question is of no interest.
    drop(request.into_body().collect().await);
    let turns = answers.begin();
    let first = stream::once(async { first() });
    let rest = stream::unfold((turns, answers.began), |(mut turns, began)| async move {
        let text = match turns.recv().await? {
            Turn::Say => say(began.elapsed()),
            Turn::End => {
                turns.close();
                last()
            }
        };
        Some((text, (turns, began)))
    });
    let events = first.chain(rest).map(|text| Ok(Frame::data(Bytes::from(text))));
    let mut response = Response::new(StreamBody::new(events));
    let event_stream = header::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, event_stream);
    Ok(response)
}

fn first() -> String {
    chunk(r#"[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]"#)
}

fn say(time: Duration) -> String {
    let (mark, time) = (char::from(MARK), time.as_nanos());
    chunk(&format!(
        r#"[{{"index":0,"delta":{{"content":"{mark}{time:0DIGITS$} "}},"finish_reason":null}}]"#
    ))
}

fn last() -> String {
    let end = chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}]"#);
    format!("{end}data: [DONE]\n\n")
}

/// An event as OpenAI sends it.
fn chunk(choices: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\",\"system_fingerprint\":null,\"choices\":{choices}}}\n\n"
    )
}
