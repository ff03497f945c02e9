//! What a stream of events costs on its way through a server: how much later each event comes, and how many a second of processor time moves.

mod listen;
mod people;
mod provider;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use e2e::Server;
use tokio::task::JoinSet;

use crate::RelayPlan;
use crate::process::{Machine, PROVIDER_KEY, Side, Usage, changes};
use crate::run::copy;
use listen::{Door, Heard};
use people::People;
use provider::Provider;
use report::{Figures, Row, Table};

pub use listen::Route;

/// How many answers an account may have at once.
const AT_ONCE_MAX: usize = 8;

/// What is not measured of each measurement: connections open, instances start.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long nothing happens before memory is looked at. Instances without work are gone by then, and what a start needs is given back.
const CALM: Duration = Duration::from_secs(4);

/// How long all answers may take to begin.
const OPENING_MAX: Duration = Duration::from_mins(1);

/// The smallest rate that is tried when the machine has no time left at the planned one.
const RATE_MIN: u32 = 500;

/// Who relays.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    /// Nobody.
    Direct,
    Through(&'a Running, Route),
}

#[derive(Debug)]
struct Running {
    side: Side,
    server: Server,
}

/// Everything that a measurement needs.
struct Bench<'a> {
    plan: &'a RelayPlan,
    streams: usize,
    provider: Provider,
    people: People,
}

/// Measures everything in `plan` and prints it.
pub async fn run(plan: &RelayPlan) -> Result<()> {
    let folder = tempfile::tempdir()?;
    println!("seeding\n{}", changes());
    let origin = folder.path().join("seed");
    let provider = Provider::start().await?;
    let streams = usize::from(plan.streams);
    let people = People::sign_up(&origin, streams.div_ceil(AT_ONCE_MAX)).await?;
    let bench = Bench { plan, streams, provider, people };
    let mut table = Table::new(plan);
    let mut servers = Vec::new();
    for side in Side::BOTH {
        let running = bench.start(side, &origin, folder.path())?;
        for route in routes(plan) {
            table.memory(side, route, bench.memory(&running, route).await?);
        }
        servers.push(running);
    }
    table.head();
    let mut rate = plan.rate;
    loop {
        let is_saturated = bench.compare(rate, &servers, &mut table).await?;
        if !is_saturated || rate < 2 * RATE_MIN {
            break;
        }
        println!(
            "the machine has no time left at {rate} events per second; once more at half of it"
        );
        rate /= 2;
    }
    for running in servers {
        let (side, status) = (running.side, running.server.interrupt());
        ensure!(status.success(), "{} did not end in order", side.name());
    }
    table.verdicts();
    Ok(())
}

fn routes(plan: &RelayPlan) -> impl Iterator<Item = Route> {
    Route::ALL.into_iter().filter(|route| plan.only.is_empty() || plan.only.contains(route))
}

impl Bench<'_> {
    /// A server on a copy of the state, whose models are the provider's.
    fn start(&self, side: Side, origin: &Path, folder: &Path) -> Result<Running> {
        let state = folder.join(side.name());
        copy(origin, &state)?;
        let options = match side {
            Side::Native => side.options(&state)?.arg("--provider").arg(self.provider.origin()),
            Side::Host => side
                .options(&state)?
                .variable("openai_base_url", &format!("{}/v1", self.provider.origin()))
                .variable("openai_api_key", PROVIDER_KEY)
                .arg("--allow-origin")
                .arg(self.provider.origin()),
        };
        Ok(Running { side, server: options.start() })
    }

    /// Resident bytes for each answer that waits for its model.
    async fn memory(&self, running: &Running, route: Route) -> Result<f64> {
        let way = Way::Through(running, route);
        // What the first request needs is none of what a stream needs.
        self.open(way, 1, &Arc::default()).await?.end(&self.provider).await?;
        tokio::time::sleep(CALM).await;
        let before = Usage::of(&running.server)?.memory;
        let open = self.open(way, self.streams, &Arc::default()).await?;
        tokio::time::sleep(CALM).await;
        let after = Usage::of(&running.server)?.memory;
        open.end(&self.provider).await?;
        Ok((kibibytes(after)? - kibibytes(before)?) * 1024.0 / f64::from(self.plan.streams))
    }

    /// Every way at this rate, turn by turn. Says whether the machine had time left.
    async fn compare(&self, rate: u32, servers: &[Running], table: &mut Table) -> Result<bool> {
        let through = routes(self.plan)
            .flat_map(|route| servers.iter().map(move |it| Way::Through(it, route)));
        let ways: Vec<_> = std::iter::once(Way::Direct).chain(through).collect();
        let mut rounds: Vec<Vec<Figures>> = ways.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.plan.rounds {
            for (way, figures) in ways.iter().zip(&mut rounds) {
                figures.push(self.measure(*way, rate).await?);
            }
        }
        let mut is_saturated = false;
        for (way, figures) in ways.into_iter().zip(rounds) {
            let figures = Figures::median(figures)?;
            is_saturated |= figures.is_saturated(rate);
            let (server, route) = match way {
                Way::Direct => (None, None),
                Way::Through(running, route) => (Some(running.side), Some(route)),
            };
            table.row(Row { rate, server, route, figures });
        }
        Ok(is_saturated)
    }

    async fn measure(&self, way: Way<'_>, rate: u32) -> Result<Figures> {
        let counts = Arc::new(AtomicBool::new(false));
        let open = self.open(way, self.streams, &counts).await?;
        let pace = self.provider.pace(rate)?;
        tokio::time::sleep(WARM_UP).await;
        let used = || match way {
            Way::Direct => Ok(Duration::ZERO),
            Way::Through(running, _) => Usage::of(&running.server).map(|usage| usage.cpu),
        };
        let (cpu, own, machine) = (used()?, Usage::own()?.cpu, Machine::now()?);
        counts.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(self.plan.seconds)).await;
        counts.store(false, Ordering::Relaxed);
        let (cpu, own) = (used()?.saturating_sub(cpu), Usage::own()?.cpu.saturating_sub(own));
        let machine = Machine::now()?.shares_since(&machine, cpu + own);
        let said = pace.stop();
        let heard = open.end(&self.provider).await?;
        let pieces: u64 = heard.iter().map(|heard| heard.pieces).sum();
        ensure!(pieces == said, "of {said} events {pieces} came");
        let latencies = heard.into_iter().flat_map(|heard| heard.latencies).collect();
        Figures::new(latencies, Duration::from_secs(self.plan.seconds), cpu, machine)
    }

    /// Opens so many answers, and waits until the provider has begun each.
    async fn open(&self, way: Way<'_>, streams: usize, counts: &Arc<AtomicBool>) -> Result<Open> {
        let doors = match way {
            Way::Direct => vec![Door::direct(&self.provider); streams],
            Way::Through(running, route) => {
                self.people.doors(running.server.address(), route, streams).await?
            }
        };
        let mut listeners = JoinSet::new();
        for door in doors {
            listeners.spawn(door.listen(self.provider.clone(), Arc::clone(counts)));
        }
        tokio::select! {
            () = self.provider.wait_for(streams) => Ok(Open(listeners)),
            ended = listeners.join_next() => match ended {
                Some(ended) => bail!("an answer ended at once: {:?}", ended?.map(|it| it.pieces)),
                None => bail!("there are no answers"),
            },
            () = tokio::time::sleep(OPENING_MAX) => bail!("the answers do not begin"),
        }
    }
}

fn kibibytes(count: u64) -> Result<f64> {
    Ok(f64::from(u32::try_from(count)?))
}

/// Answers under way.
struct Open(JoinSet<Result<Heard>>);

impl Open {
    /// Lets them end.
    async fn end(mut self, provider: &Provider) -> Result<Vec<Heard>> {
        provider.end();
        let mut heard = Vec::new();
        while let Some(ended) = self.0.join_next().await {
            heard.push(ended??);
        }
        Ok(heard)
    }
}
