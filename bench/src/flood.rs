//! What a flood of sign-ins from many addresses leaves of the server, and what a refusal costs (SECURITY R10, R18).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use e2e::Server;
use e2e::server::Options;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::Flood;
use crate::load::{connect, percentile};
use crate::process::Usage;

/// How often the health of the server is asked for meanwhile.
const PROBE_EVERY: Duration = Duration::from_millis(50);

/// Refusals that are counted for what one costs.
const REFUSALS: usize = 2_000;

/// Floods a server that has the limits of a deployment, and prints what is seen.
pub async fn run(plan: &Flood) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Options::new(&folder.path().join("state"))
        .environment("RUST_LOG", "error")
        .variable("public_url", "https://chat.example")
        .variable("trusted_proxies", "127.0.0.1")
        .start();
    let address = server.address();
    let idle = probe(address, Until::Elapsed(Duration::from_secs(5))).await?;
    println!(
        "changed from the defaults: public_url=https://chat.example trusted_proxies=127.0.0.1, no access log"
    );
    println!("health, idle: p50 {:.1} ms, p99 {:.1} ms", ms(&idle, 50), ms(&idle, 99));

    let before = Usage::of(&server)?;
    let ended = Arc::new(AtomicBool::new(false));
    let probing = tokio::spawn(probe(address, Until::Said(Arc::clone(&ended))));
    let counts = flood(address, plan).await?;
    ended.store(true, Ordering::Relaxed);
    let during = probing.await??;
    let cpu = Usage::of(&server)?.cpu.saturating_sub(before.cpu);
    let Counts { compared, refused, shed } = counts;
    println!(
        "{} sign-ins per second from as many addresses for {} s: {compared} compared, {refused} refused, {shed} shed, {:.0} % of a core",
        plan.rate,
        plan.seconds,
        cpu.as_secs_f64() / f64::from(plan.seconds) * 100.0
    );
    println!("health, meanwhile: p50 {:.1} ms, p99 {:.1} ms", ms(&during, 50), ms(&during, 99));
    println!("a refusal: {:.2} ms of processor time", refusal(&server).await?);
    ensure!(server.interrupt().success(), "the server did not end in order");
    Ok(())
}

/// What became of the sign-ins.
#[derive(Debug, Default)]
struct Counts {
    /// 401: a password was hashed.
    compared: u32,
    /// 429.
    refused: u32,
    /// 503 and 504: the host had no place or no time for it.
    shed: u32,
}

enum Until {
    Elapsed(Duration),
    Said(Arc<AtomicBool>),
}

/// How long `GET /api/health` took, again and again, shortest first.
async fn probe(address: SocketAddr, until: Until) -> Result<Vec<Duration>> {
    let mut sender = connect(address).await?;
    let mut every = tokio::time::interval(PROBE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let started = Instant::now();
    let mut latencies = Vec::new();
    loop {
        let is_over = match &until {
            Until::Elapsed(time) => *time <= started.elapsed(),
            Until::Said(said) => said.load(Ordering::Relaxed),
        };
        if is_over {
            break;
        }
        every.tick().await;
        let request = Request::get("/api/health").header(header::HOST, "chat.example");
        let asked = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request.body(Full::default())?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == 200, "health is {status}: {}", String::from_utf8_lossy(&body));
        latencies.push(asked.elapsed());
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// Sign-ins at a fixed rate, whether or not those before were answered, each from an address and of a person of its own.
async fn flood(address: SocketAddr, plan: &Flood) -> Result<Counts> {
    let mut every = tokio::time::interval(Duration::from_secs(1) / plan.rate);
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut attempts = JoinSet::new();
    for number in 0..plan.rate * plan.seconds {
        every.tick().await;
        attempts.spawn(attempt(address, number));
    }
    let mut counts = Counts::default();
    while let Some(ended) = attempts.join_next().await {
        match ended?? {
            401 => counts.compared += 1,
            429 => counts.refused += 1,
            503 | 504 => counts.shed += 1,
            status => anyhow::bail!("a sign-in was answered with {status}"),
        }
    }
    Ok(counts)
}

async fn attempt(address: SocketAddr, number: u32) -> Result<u16> {
    let mut sender = connect(address).await?;
    sender.ready().await?;
    let response = sender.send_request(login(number)?).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}

fn login(number: u32) -> Result<Request<Full<Bytes>>> {
    let [_, high, middle, low] = number.to_be_bytes();
    let body =
        json!({"login": format!("person{number}@example.com"), "password": "no such password"});
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/auth/login")
        .header(header::HOST, "chat.example")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-for", format!("100.{high}.{middle}.{low}"));
    Ok(request.body(Full::from(body.to_string()))?)
}

/// Milliseconds of the server's processor time for one answer that says "too often".
async fn refusal(server: &Server) -> Result<f64> {
    let mut sender = connect(server.address()).await?;
    let mut before = Usage::of(server)?;
    let mut refused = 0_u32;
    while usize::try_from(refused)? < REFUSALS {
        sender.ready().await?;
        let response = sender.send_request(login(u32::MAX)?).await?;
        let status = response.status();
        response.into_body().collect().await?;
        if status == 429 {
            refused += 1;
        } else {
            // A password was hashed: from here on is counted.
            refused = 0;
            before = Usage::of(server)?;
        }
    }
    let cpu = Usage::of(server)?.cpu.saturating_sub(before.cpu);
    Ok(cpu.as_secs_f64() * 1e3 / f64::from(refused))
}

fn ms(latencies: &[Duration], percent: usize) -> f64 {
    percentile(latencies, percent)
}
