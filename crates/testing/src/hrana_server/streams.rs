//! Streams between requests: who holds the baton may go on.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use libsql_hrana::proto;

use super::Shared;
use super::connection::Connection;
use super::failure::{Answer, Failure};

/// How long an expired stream is remembered, so that its baton gets a clear answer.
const REMEMBERED: Duration = Duration::from_mins(5);

/// One connection and the statements that are stored for it.
pub struct Stream {
    /// `None` once the stream is closed.
    pub connection: Option<Connection>,
    pub sqls: HashMap<i32, String>,
}

/// Every stream of a server by its number.
#[derive(Default)]
pub struct Streams {
    slots: Mutex<HashMap<u64, Slot>>,
    released: Condvar,
}

enum Slot {
    /// A request works on it. A cursor announces its next baton before it is done.
    Busy {
        next: Option<Baton>,
    },
    Idle {
        stream: Box<Stream>,
        baton: Baton,
        since: Instant,
    },
    Expired {
        since: Instant,
    },
}

/// What a client must show: the number of the stream, and a random value that serves once.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Baton {
    stream: u64,
    nonce: u128,
}

/// A stream in the hands of one request. Dropped without a release, it is closed.
pub struct Lease {
    shared: Arc<Shared>,
    number: u64,
    next: Baton,
    stream: Stream,
    kept: bool,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Streams").field("open", &self.open()).finish()
    }
}

impl Streams {
    pub fn open(&self) -> usize {
        self.lock().values().filter(|slot| !matches!(slot, Slot::Expired { .. })).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream of `baton`, waiting while a cursor that announced this baton is at work.
    fn take(&self, baton: Baton) -> Result<Stream, Failure> {
        let reused = || Failure::protocol("Received a baton that has already been used");
        let mut slots = self.lock();
        loop {
            match slots.get_mut(&baton.stream) {
                None => return Err(Failure::protocol("Received an invalid baton")),
                Some(Slot::Expired { .. }) => return Err(expired()),
                Some(Slot::Busy { next }) if *next == Some(baton) => {
                    slots = self.released.wait(slots).unwrap_or_else(PoisonError::into_inner);
                }
                Some(Slot::Busy { .. }) => return Err(reused()),
                Some(Slot::Idle { baton: expected, .. }) if *expected != baton => {
                    return Err(reused());
                }
                Some(slot @ Slot::Idle { .. }) => {
                    let taken = std::mem::replace(slot, Slot::Busy { next: None });
                    let Slot::Idle { stream, .. } = taken else { return Err(reused()) };
                    return Ok(*stream);
                }
            }
        }
    }

    fn expire(&self, idle_max: Duration) {
        let mut dropped = Vec::new();
        let mut slots = self.lock();
        slots.retain(
            |_, slot| !matches!(slot, Slot::Expired { since } if REMEMBERED < since.elapsed()),
        );
        for slot in slots.values_mut() {
            if matches!(slot, Slot::Idle { since, .. } if idle_max < since.elapsed()) {
                let expired = Slot::Expired { since: Instant::now() };
                dropped.push(std::mem::replace(slot, expired));
            }
        }
        // Closing a connection may wait for the disk, and the lock should not.
        drop(slots);
        drop(dropped);
    }
}

/// Closes streams that nobody uses, until the task is aborted.
pub async fn expire(shared: Arc<Shared>) {
    let idle_max = shared.options.stream_idle_max;
    let mut ticks = tokio::time::interval((idle_max / 10).max(Duration::from_millis(10)));
    loop {
        ticks.tick().await;
        shared.streams.expire(idle_max);
    }
}

impl Lease {
    /// The stream of `baton`, or a new one without. Blocks on the disk.
    pub fn acquire(shared: &Arc<Shared>, baton: Option<&str>) -> Result<Self, Failure> {
        let nonce = u128::from(random()?) << 64 | u128::from(random()?);
        let (number, stream) = if let Some(text) = baton {
            let baton =
                Baton::parse(text).ok_or_else(|| Failure::protocol("Received an invalid baton"))?;
            (baton.stream, shared.streams.take(baton)?)
        } else {
            let connection = Connection::open(&shared.path, shared.durable).map_err(internal)?;
            let number = random()?;
            shared.streams.lock().insert(number, Slot::Busy { next: None });
            (number, Stream { connection: Some(connection), sqls: HashMap::new() })
        };
        let next = Baton { stream: number, nonce };
        Ok(Self { shared: Arc::clone(shared), number, next, stream, kept: false })
    }

    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The baton of the next request, told before this one is done.
    pub fn announce(&mut self) -> String {
        self.shared.streams.lock().insert(self.number, Slot::Busy { next: Some(self.next) });
        self.next.to_string()
    }

    /// Gives the stream back, unless it was closed, and says how to take it again.
    pub fn release(mut self) -> Option<String> {
        self.kept = self.stream.connection.is_some();
        self.kept.then(|| self.next.to_string())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let closed = Stream { connection: None, sqls: HashMap::new() };
        let stream = std::mem::replace(&mut self.stream, closed);
        let streams = &self.shared.streams;
        if self.kept {
            let stream = Box::new(stream);
            let idle = Slot::Idle { stream, baton: self.next, since: Instant::now() };
            streams.lock().insert(self.number, idle);
        } else {
            // First the rollback, then the news that the stream is gone.
            drop(stream);
            streams.lock().remove(&self.number);
        }
        streams.released.notify_all();
    }
}

impl Baton {
    fn parse(text: &str) -> Option<Self> {
        let (stream, nonce) = text.split_once('.')?;
        let stream = u64::from_str_radix(stream, 16).ok()?;
        Some(Self { stream, nonce: u128::from_str_radix(nonce, 16).ok()? })
    }
}

impl std::fmt::Display for Baton {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:016x}.{:032x}", self.stream, self.nonce)
    }
}

fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Answer::error(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")).into()
}

fn expired() -> Failure {
    let error = proto::Error {
        message: "The stream has expired due to inactivity".to_owned(),
        code: "STREAM_EXPIRED".to_owned(),
    };
    Answer::json(StatusCode::BAD_REQUEST, &error).into()
}
