//! Closed-loop load: each connection has one request in flight.

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
            tasks.spawn(drive(self.clone(), connection, sender, until, Arc::clone(&stop)));
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

async fn drive(
    load: Load,
    connection: usize,
    mut sender: SendRequest<Full<Bytes>>,
    until: Until,
    stop: Arc<AtomicBool>,
) -> Result<Vec<Duration>> {
    let requests = match until {
        Until::Elapsed(_) => usize::MAX,
        Until::Requests(requests) => requests,
    };
    let mut latencies = Vec::new();
    for number in 0..requests {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let request = load.scenario.request(&load.seed, &load.token, connection, number)?;
        let started = Instant::now();
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
