//! Load: each connection has one request in flight, always (a closed loop) or when it is its turn (an open loop).
//!
//! A closed loop shows how much a server can do. Its latencies say little else: with `n` connections they are `n` times what one answer takes. An open
//! loop shows how long somebody waits at a rate that the server can bear. A request counts from when it was due, even if its connection was still
//! waiting for the answer before; otherwise a server that halts would be asked nothing meanwhile, and the wait would count once ("coordinated omission").

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::scenario::Scenario;
use crate::seed::Seed;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After so many requests on each connection.
    Requests(usize),
}

/// What all connections saw together.
#[derive(Debug)]
pub struct Seen {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each request took until its whole body was there, shortest first.
    pub latencies: Vec<Duration>,
}

/// Who is asked for what.
#[derive(Debug, Clone)]
pub struct Load {
    pub address: SocketAddr,
    pub scenario: Scenario,
    pub seed: Arc<Seed>,
    pub token: String,
    pub connections: usize,
    /// Requests per second of all connections together; `None` for as many as are answered.
    pub rate: Option<f64>,
}

impl Load {
    /// Puts the load on the server.
    ///
    /// # Errors
    /// The first answer that is none, or is not what the scenario expects: figures of a server that fails are worth nothing.
    pub async fn run(&self, until: Until) -> Result<Seen> {
        let mut senders = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            senders.push(connect(self.address).await?);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for (connection, sender) in senders.into_iter().enumerate() {
            let turns = Turns::new(self.rate, connection, self.connections);
            tasks.spawn(drive(self.clone(), connection, sender, until, turns, Arc::clone(&stop)));
        }
        if let Until::Elapsed(time) = until {
            tokio::time::sleep(time).await;
            stop.store(true, Ordering::Relaxed);
        }
        let mut latencies = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            latencies.append(&mut ended??);
        }
        let elapsed = started.elapsed();
        latencies.sort_unstable();
        ensure!(!latencies.is_empty(), "no request was answered in time");
        Ok(Seen { elapsed, latencies })
    }
}

/// A connection of one's own.
pub async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // When it fails, the request that is under way fails and says so.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// So many percent of the sorted `latencies` took at most this many milliseconds: the nearest rank.
pub fn percentile(latencies: &[Duration], percent: usize) -> f64 {
    let rank = (latencies.len() * percent).div_ceil(100).max(1);
    latencies.get(rank - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// When it is a connection's turn.
struct Turns {
    next: Instant,
    /// `None` where it is always its turn.
    interval: Option<Duration>,
}

impl Turns {
    fn new(rate: Option<f64>, connection: usize, connections: usize) -> Self {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let after = |number: f64| rate.map(|rate| Duration::from_secs_f64(number / rate));
        let first = after(count(connection)).unwrap_or_default();
        Self { next: Instant::now() + first, interval: after(count(connections)) }
    }

    /// Waits for the next one. Gives the time from which the request counts.
    async fn next(&mut self) -> Instant {
        let Some(interval) = self.interval else { return Instant::now() };
        let due = self.next;
        self.next += interval;
        if due <= Instant::now() {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        // That this process's timer is late is not the server's doing.
        Instant::now()
    }
}

async fn drive(
    load: Load,
    connection: usize,
    mut sender: SendRequest<Full<Bytes>>,
    until: Until,
    mut turns: Turns,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let requests = match until {
        Until::Elapsed(_) => usize::MAX,
        Until::Requests(requests) => requests,
    };
    let mut latencies = Vec::new();
    for number in 0..requests {
        let started = turns.next().await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let request = load.scenario.request(&load.seed, &load.token, connection, number)?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await.context("a body was cut")?.to_bytes();
        latencies.push(started.elapsed());
        ensure!(
            status == load.scenario.status(),
            "{}: {status} {}",
            load.scenario.name(),
            String::from_utf8_lossy(&body)
        );
    }
    Ok(latencies)
}
