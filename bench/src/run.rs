//! The plan carried out: seed, copy, measure turn by turn, show.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Client, Server};
use serde_json::json;

use crate::Plan;
use crate::load::{Load, Until};
use crate::process::{Side, Usage, changes, waits};
use crate::report::{Comparison, Figures, HEAD, Paced};
use crate::scenario::Scenario;
use crate::seed::{self, Seed};

/// What is not measured at the start of each measurement: connections open, caches fill, threads start.
const WARM_UP: Duration = Duration::from_secs(1);

/// Appends on each connection when waits for the disk are counted.
const COUNTED_APPENDS: usize = 100;

struct Running {
    side: Side,
    server: Server,
    client: Client,
}

/// Measures everything in `plan` and prints it.
pub async fn run(plan: &Plan) -> Result<()> {
    let connections = usize::from(plan.connections);
    let folder = tempfile::tempdir()?;
    println!("seeding");
    let origin = folder.path().join("seed");
    let seed = Arc::new(seed::seed(&origin, connections).await?);
    let mut servers = Vec::new();
    for side in Side::BOTH {
        let state = folder.path().join(side.name());
        copy(&origin, &state)?;
        let server = side.options(&state)?.start();
        let client = Client::new(server.address());
        servers.push(Running { side, server, client });
    }
    println!("{}", changes());
    println!(
        "{connections} connections, {} rounds of {} s per scenario and server; the median round is shown\n{HEAD}",
        plan.rounds, plan.seconds
    );
    let mut comparisons = Vec::new();
    for scenario in Scenario::ALL {
        if !plan.only.is_empty() && !plan.only.contains(&scenario) {
            continue;
        }
        let mut comparison = compare(plan, scenario, &seed, &servers).await?;
        if scenario == Scenario::Append {
            comparison.waits = count_waits(folder.path(), &origin, &seed, connections).await?;
        }
        for line in comparison.lines() {
            println!("{line}");
        }
        comparisons.push(comparison.json());
    }
    for running in servers {
        ensure!(
            running.server.interrupt().success(),
            "{} did not end in order",
            running.side.name()
        );
    }
    if let Some(path) = &plan.json {
        let report = json!({
            "connections": plan.connections,
            "seconds": plan.seconds,
            "rounds": plan.rounds,
            "scenarios": comparisons,
        });
        std::fs::write(path, format!("{report:#}\n"))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// The share of what the host does at most at which latencies are measured: servers are not run at their limit.
const SHARE_OF_MOST: f64 = 0.5;

/// One scenario on both servers, turn by turn, so that what else the machine does falls on both.
async fn compare(
    plan: &Plan,
    scenario: Scenario,
    seed: &Arc<Seed>,
    servers: &[Running],
) -> Result<Comparison> {
    let [native, host] = measure(plan, scenario, seed, servers, None).await?.map(Figures::median);
    let (native, host) = native.zip(host).context("a plan has at least one round")?;
    let mut paced = None;
    if scenario.latency_goal().is_some() {
        let rate = (host.requests_per_second * SHARE_OF_MOST).floor().max(1.0);
        let rounds = measure(plan, scenario, seed, servers, Some(rate)).await?;
        let [native, host] = rounds.map(Figures::median_by_latency);
        paced = native.zip(host).map(|(native, host)| Paced { rate, native, host });
    }
    let connections = scenario.connections(plan.connections);
    let processors = std::thread::available_parallelism()?.get();
    Ok(Comparison { scenario, native, host, paced, waits: None, connections, processors })
}

/// The rounds of each server.
async fn measure(
    plan: &Plan,
    scenario: Scenario,
    seed: &Arc<Seed>,
    servers: &[Running],
    rate: Option<f64>,
) -> Result<[Vec<Figures>; 2]> {
    let mut rounds = [Vec::new(), Vec::new()];
    let connections = scenario.connections(plan.connections);
    for _ in 0..plan.rounds {
        for (running, figures) in servers.iter().zip(&mut rounds) {
            let load = Load {
                address: running.server.address(),
                scenario,
                seed: Arc::clone(seed),
                token: seed::sign_in(&running.client).await?,
                connections,
                rate,
            };
            load.run(Until::Elapsed(WARM_UP)).await?;
            let before = Usage::of(&running.server)?;
            let seen = load.run(Until::Elapsed(Duration::from_secs(plan.seconds))).await?;
            let after = Usage::of(&running.server)?;
            figures.push(Figures::new(
                &seen,
                after.cpu.saturating_sub(before.cpu),
                after.memory_peak,
            ));
            if scenario == Scenario::Upload {
                let client = running.client.with_token(&load.token);
                seed::delete_uploads(&client, seed).await?;
            }
        }
    }
    Ok(rounds)
}

/// Waits for the disk per append, native and host; `None` without strace. What a server waits for while it starts and ends is taken off:
/// a run without any append tells.
async fn count_waits(
    folder: &Path,
    origin: &Path,
    seed: &Arc<Seed>,
    connections: usize,
) -> Result<Option<[f64; 2]>> {
    let found =
        Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let mut result = [0.0, 0.0];
    for (side, result) in Side::BOTH.into_iter().zip(&mut result) {
        let mut counts = [0, 0];
        for (requests, count) in [0, COUNTED_APPENDS].into_iter().zip(&mut counts) {
            let state = folder.join(format!("{}-{requests}", side.name()));
            copy(origin, &state)?;
            let summary = folder.join("strace");
            let output = summary.to_str().context("the temporary directory has a strange name")?;
            // -D: the server stays our child, so that its signals and its end are its own.
            let server = side
                .options(&state)?
                .under("strace", &["-D", "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", output])
                .start();
            let client = Client::new(server.address());
            let load = Load {
                address: server.address(),
                scenario: Scenario::Append,
                seed: Arc::clone(seed),
                token: seed::sign_in(&client).await?,
                connections,
                rate: None,
            };
            if 0 < requests {
                load.run(Until::Requests(requests)).await?;
            }
            ensure!(server.interrupt().success(), "{} did not end in order", side.name());
            *count = waits(&summary_of(&summary)?);
        }
        let [idle, busy] = counts;
        let appends = u32::try_from(connections * COUNTED_APPENDS)?;
        *result = f64::from(u32::try_from(busy.saturating_sub(idle))?) / f64::from(appends);
    }
    Ok(Some(result))
}

/// strace writes its table after the server has ended.
fn summary_of(path: &Path) -> Result<String> {
    for _ in 0..100 {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.contains("total") {
            std::fs::remove_file(path)?;
            return Ok(text);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    anyhow::bail!("strace wrote no table")
}

/// Copies a state directory of which no server is running. Compiled code is found in the user's cache anyway.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
