//! Figures from what was heard, and how they are shown.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::listen::Route;
use crate::RelayPlan;
use crate::load::percentile;
use crate::process::{Shares, Side};
use crate::report::verdict;

/// What we mean to reach, at [`GOAL_RATE`] and beyond.
const GOAL_RATE: u32 = 10_000;
const P50_GOAL_MS: f64 = 0.2;
const P99_GOAL_MS: f64 = 2.0;
const MEMORY_GOAL_KB: f64 = 200.0;

/// A machine that is idle for less than this share of its time has none left, and what it shows is how things wait for one another.
const IDLE_MIN: f64 = 0.05;

/// The share of the machine that other programs may use before figures are theirs as well.
const OTHERS_MAX: f64 = 0.1;

/// A measurement in which fewer than this share of the planned events came is none of that rate.
const SHARE_MIN: f64 = 0.98;

/// One measurement of one way.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Events that came, per second.
    pub per_second: f64,
    /// Half of the events, and 99 % of them, took at most so many milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Events for each second of the server's processor time; infinite where there is no server.
    pub per_cpu_second: f64,
    pub machine: Shares,
}

/// A way at a rate.
#[derive(Debug)]
pub struct Row {
    pub rate: u32,
    pub server: Option<Side>,
    pub route: Option<Route>,
    pub figures: Figures,
}

/// What was measured so far.
#[derive(Debug)]
pub struct Table {
    streams: u16,
    rounds: u16,
    seconds: u64,
    rows: Vec<Row>,
    memory: Vec<(Side, Route, f64)>,
}

impl Figures {
    pub fn new(
        mut latencies: Vec<Duration>,
        elapsed: Duration,
        cpu: Duration,
        machine: Shares,
    ) -> Result<Self> {
        latencies.sort_unstable();
        latencies.first().context("no event came")?;
        let events = number(latencies.len());
        Ok(Self {
            per_second: events / elapsed.as_secs_f64(),
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            per_cpu_second: events / cpu.as_secs_f64(),
            machine,
        })
    }

    /// The measurement in the middle, by the latency of half of the events.
    pub fn median(mut rounds: Vec<Self>) -> Result<Self> {
        rounds.sort_by(|a, b| a.p50.total_cmp(&b.p50));
        rounds.get(rounds.len() / 2).copied().context("a plan has at least one round")
    }

    /// Whether the machine could not do what was planned, or could do nothing beside.
    pub fn is_saturated(&self, rate: u32) -> bool {
        self.machine.idle < IDLE_MIN || self.per_second < f64::from(rate) * SHARE_MIN
    }
}

impl Table {
    pub fn new(plan: &RelayPlan) -> Self {
        let RelayPlan { streams, rounds, seconds, .. } = *plan;
        Self { streams, rounds, seconds, rows: Vec::new(), memory: Vec::new() }
    }

    /// What each answer that waits holds, in bytes.
    pub fn memory(&mut self, server: Side, route: Route, bytes: f64) {
        let (name, kilobytes) = (route.name(), bytes / 1e3);
        println!(
            "{:<7} {name:<12} {kilobytes:>6.0} KB for each of {} idle streams",
            server.name(),
            self.streams
        );
        self.memory.push((server, route, kilobytes));
    }

    pub fn head(&self) {
        println!(
            "{} streams, {} rounds of {} s; the round with the median p50 is shown\n\
             events/s  way          server    came/s    p50 ms   p99 ms   added p50  added p99   events per  machine's time: idle, others'\n\
             \u{20}                                                                           CPU second",
            self.streams, self.rounds, self.seconds
        );
    }

    /// Shows and keeps a row.
    pub fn row(&mut self, row: Row) {
        let Figures { per_second, p50, p99, per_cpu_second, machine } = row.figures;
        let route = row.route.map_or("direct", Route::name);
        let server = row.server.map_or("-", Side::name);
        let [added_p50, added_p99] =
            self.added(&row).map_or(["-".to_owned(), "-".to_owned()], |added| {
                added.map(|milliseconds| format!("{milliseconds:.3}"))
            });
        let per_cpu_second =
            row.server.map_or_else(|| "-".to_owned(), |_| format!("{per_cpu_second:.0}"));
        println!(
            "{:>8}  {route:<12} {server:<7} {per_second:>8.0} {p50:>9.3} {p99:>8.3} {added_p50:>11} {added_p99:>10} {per_cpu_second:>12}  {:>10.0} % {:>5.0} %",
            row.rate,
            machine.idle * 100.0,
            machine.others * 100.0,
        );
        self.rows.push(row);
    }

    /// What a way adds to the direct one at the same rate: to half of the events, and to 99 % of them.
    fn added(&self, row: &Row) -> Option<[f64; 2]> {
        row.server?;
        let direct = self.rows.iter().find(|it| it.server.is_none() && it.rate == row.rate)?;
        Some([row.figures.p50 - direct.figures.p50, row.figures.p99 - direct.figures.p99])
    }

    /// Goals, and whether the host reaches them.
    pub fn verdicts(&self) {
        for row in self.rows.iter().filter(|row| row.server == Some(Side::Host)) {
            let (Some([p50, p99]), Some(route)) = (self.added(row), row.route) else { continue };
            let note = match row.figures {
                Figures { machine, .. } if OTHERS_MAX < machine.others => {
                    ", but other programs used the machine"
                }
                figures if figures.is_saturated(row.rate) => ", but the machine was saturated",
                _ if row.rate < GOAL_RATE => ", less than the goals are for",
                _ => "",
            };
            println!("{} through the host at {} events per second{note}", route.name(), row.rate);
            println!(
                "{}",
                verdict("milliseconds added to half", p50, P50_GOAL_MS, p50 <= P50_GOAL_MS)
            );
            println!(
                "{}",
                verdict("milliseconds added to 99 %", p99, P99_GOAL_MS, p99 <= P99_GOAL_MS)
            );
            let native = self.rows.iter().find(|it| {
                (it.server, it.route, it.rate) == (Some(Side::Native), row.route, row.rate)
            });
            if let Some(native) = native {
                let ratio = row.figures.per_cpu_second / native.figures.per_cpu_second;
                println!("         events per CPU second: {ratio:.2} of native's");
            }
        }
        for (_, route, kilobytes) in self.memory.iter().filter(|(side, ..)| *side == Side::Host) {
            println!("{} through the host, idle", route.name());
            let is_met = *kilobytes <= MEMORY_GOAL_KB;
            println!("{}", verdict("KB for each stream", *kilobytes, MEMORY_GOAL_KB, is_met));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of events are far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
}
