//! Mixed traffic for a while, with a kill in the middle: `SOAK_SECONDS` says for how long, by default 60, and `SOAK_SEED` what happens.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

mod dice;
mod record;
mod streams;
mod traffic;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dice::Dice;
use e2e::server::Options;
use e2e::{Client, Person, Policy, Provider, Server, ledger};
use futures::future::join_all;
use record::{Counts, Record};
use rustix::process::Signal;
use traffic::Life;

/// People with an account each. Each sends requests and has a stream open.
const PEOPLE: usize = 16;

/// What memory may grow by, in KiB, where a quarter of it is less.
const GROWTH_KIB_MAX: u64 = 96 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_traffic_with_a_kill_in_the_middle() {
    let seconds = variable("SOAK_SECONDS").unwrap_or(60);
    let seed = variable("SOAK_SEED").unwrap_or_else(random);
    println!("{seconds} seconds, seed {seed}");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let provider = Provider::listen(any, Duration::from_millis(20)).await;
    let state = tempfile::tempdir().unwrap();
    let counts = Arc::new(Counts::default());
    let half = Duration::from_secs(seconds) / 2;

    let server = start(state.path(), &provider);
    let anonymous = Client::new(server.address());
    let mut records = Vec::new();
    for n in 0..PEOPLE {
        let person = Person::sign_up(&anonymous, &format!("soak-{n}")).await;
        person.create_model("soak-model", &provider.base_url()).await;
        records.push(Record::new(person).await);
    }
    let (mut records, killed) = live(&server, records, &counts, seed, half, true).await;
    assert_eq!(server.faults(), [""; 0]);
    drop(server);
    ledger::check_sums(state.path());

    let server = start(state.path(), &provider);
    for record in &mut records {
        record.move_to(server.address());
        record.check(&counts).await;
    }
    let seed_2 = seed.rotate_left(7);
    let (mut records, ended) = live(&server, records, &counts, seed_2, half, false).await;
    for record in &mut records {
        record.check(&counts).await;
        check_quota(record).await;
    }
    assert_eq!(server.faults(), [""; 0]);
    let traps = server.metric("host_instance_traps_total").await;
    assert_eq!(traps, Some(0.0), "instances have trapped, or the host does not count it");
    assert!(server.terminate().success());
    ledger::check_sums(state.path());
    println!("soak: seed {seed}, {seconds} s, {counts}; {killed}; {ended}");
    counts.assert_clean();
    killed.assert_flat();
    ended.assert_flat();
}

fn start(state: &Path, provider: &Provider) -> Server {
    let options = Options::as_deployed(state, Policy::Deployed, &provider.origin());
    println!("{}", options.describe());
    options.start()
}

/// The quota of the account says what its ledger does.
async fn check_quota(record: &mut Record) {
    let client = record.client().await;
    let (before, used) = (client.get("/api/quota").await.body, ledger::usage(&client).await);
    let after = client.get("/api/quota").await.body;
    let is_one_period = before["resets_at"] == after["resets_at"];
    let rows = ledger::read_list(&client, "/api/usage").await;
    if is_one_period && rows.iter().all(|row| row["date"] == rows[0]["date"]) {
        assert_eq!(after["used"], used.total(), "the quota differs from the ledger");
    }
}

/// Lets everyone send requests for this time, and measures the memory after a third of it and at its end. Then the server is killed, or
/// everyone finishes what they are at.
async fn live(
    server: &Server,
    records: Vec<Record>,
    counts: &Arc<Counts>,
    seed: u64,
    time: Duration,
    is_killed: bool,
) -> (Vec<Record>, Memory) {
    let life = Arc::new(Life::default());
    let (mut streams, mut traffic) = (Vec::new(), Vec::new());
    for (n, record) in records.into_iter().enumerate() {
        let (life, counts) = (Arc::clone(&life), Arc::clone(counts));
        let dice = Dice::new(seed.wrapping_add(n as u64));
        let stream =
            streams::run(record.person().clone(), life.clone(), counts.clone(), dice.clone());
        streams.push(tokio::spawn(stream));
        traffic.push(tokio::spawn(traffic::run(record, life, counts, dice)));
    }
    tokio::time::sleep(time / 3).await;
    let warm = server.anonymous_memory();
    tokio::time::sleep(time / 3 * 2).await;
    let last = server.anonymous_memory();
    life.end(is_killed);
    if is_killed {
        server.signal(Signal::KILL);
    }
    let records = join_all(traffic).await.into_iter().map(Result::unwrap).collect();
    join_all(streams).await.into_iter().for_each(Result::unwrap);
    (records, Memory { warm, last })
}

/// The anonymous memory in KiB after the warm-up and at the end.
struct Memory {
    warm: u64,
    last: u64,
}

impl Memory {
    fn assert_flat(&self) {
        let allowed = (self.warm / 4).max(GROWTH_KIB_MAX);
        assert!(self.last <= self.warm + allowed, "memory has grown: {self}");
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "memory {} → {} MiB", self.warm / 1024, self.last / 1024)
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

fn random() -> u64 {
    let seed = std::collections::hash_map::RandomState::new();
    std::hash::BuildHasher::hash_one(&seed, 0)
}
