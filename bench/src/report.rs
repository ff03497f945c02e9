//! Figures from what was seen, and how they are shown.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Seen, percentile};
use crate::scenario::Scenario;

/// One measurement of one server.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub requests_per_second: f64,
    /// Half of the requests took at most so many milliseconds.
    pub p50: f64,
    /// 99 % of the requests took at most so many milliseconds.
    pub p99: f64,
    /// Microseconds of the server's CPU time per request.
    pub cpu: f64,
    /// The largest resident set since the server began, in MiB.
    pub memory: f64,
}

impl Figures {
    pub fn new(seen: &Seen, cpu: Duration, memory_peak: u64) -> Self {
        let requests = number(seen.latencies.len());
        Self {
            requests_per_second: requests / seen.elapsed.as_secs_f64(),
            p50: percentile(&seen.latencies, 50),
            p99: percentile(&seen.latencies, 99),
            cpu: cpu.as_secs_f64() * 1e6 / requests,
            memory: f64::from(u32::try_from(memory_peak).unwrap_or(u32::MAX)) / 1024.0,
        }
    }

    /// The measurement in the middle, by requests per second.
    pub fn median(mut rounds: Vec<Self>) -> Option<Self> {
        rounds.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
        rounds.get(rounds.len() / 2).copied()
    }

    /// The measurement in the middle, by how long 99 % took.
    pub fn median_by_latency(mut rounds: Vec<Self>) -> Option<Self> {
        rounds.sort_by(|a, b| a.p99.total_cmp(&b.p99));
        rounds.get(rounds.len() / 2).copied()
    }

    fn row(&self, scenario: &str, server: &str) -> String {
        format!(
            "{scenario:<8} {server:<7} {:>9.1} {:>9.2} {:>9.2} {:>9.0} {:>9.0}",
            self.requests_per_second, self.p50, self.p99, self.cpu, self.memory
        )
    }

    fn json(&self) -> Value {
        json!({
            "requests_per_second": self.requests_per_second,
            "p50_ms": self.p50,
            "p99_ms": self.p99,
            "cpu_us": self.cpu,
            "memory_peak_mib": self.memory,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

/// Both servers at a rate that both can bear.
#[derive(Debug)]
pub struct Paced {
    /// Requests per second.
    pub rate: f64,
    pub native: Figures,
    pub host: Figures,
}

/// Both servers in one scenario.
#[derive(Debug)]
pub struct Comparison {
    pub scenario: Scenario,
    pub native: Figures,
    pub host: Figures,
    /// At a rate, where that was measured.
    pub paced: Option<Paced>,
    /// Waits for the disk per request, native and host, where they were counted.
    pub waits: Option<[f64; 2]>,
    /// Connections that each keep one request in flight.
    pub connections: usize,
    pub processors: usize,
}

impl Comparison {
    fn ratio(&self) -> f64 {
        self.host.requests_per_second / self.native.requests_per_second
    }

    /// Milliseconds that a request takes on average at the least when every connection keeps one in flight: all of them, times what one costs the
    /// server, on all processors (Little's law). Waits and whoever makes the load come on top.
    fn floor(&self, figures: &Figures) -> f64 {
        number(self.connections) * figures.cpu / 1e3 / number(self.processors.max(1))
    }

    pub fn json(&self) -> Value {
        json!({
            "scenario": self.scenario.name(),
            "native": self.native.json(),
            "host": self.host.json(),
            "ratio": self.ratio(),
            "paced": self.paced.as_ref().map(|it| json!({
                "rate": it.rate,
                "native": it.native.json(),
                "host": it.host.json(),
            })),
            "waits_per_request": self.waits,
            "processors": self.processors,
        })
    }

    /// The rows of this scenario in the table.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = [("native", &self.native), ("host", &self.host)]
            .map(|(name, it)| it.row(self.scenario.name(), name))
            .into();
        let over = |of: fn(&Figures) -> f64| of(&self.host) / of(&self.native);
        lines.push(format!(
            "{:<8} {:<7} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            "",
            "ratio",
            self.ratio(),
            over(|it| it.p50),
            over(|it| it.p99),
            over(|it| it.cpu),
            over(|it| it.memory),
        ));
        if let Some(Paced { rate, native, host }) = &self.paced {
            lines.push(native.row("at rate", "native"));
            lines.push(host.row("at rate", "host"));
            lines.push(format!(
                "         the rate is {rate} requests per second: half of what the host did"
            ));
        }
        if let Some([native, host]) = self.waits {
            lines.push(format!(
                "         waits for the disk per request: native {native:.3}, host {host:.3}"
            ));
        }
        if let Some(goal) = self.scenario.goal() {
            lines.push(verdict(
                "requests per second of native's",
                self.ratio(),
                goal,
                goal <= self.ratio(),
            ));
        }
        if let Some(goal) = self.scenario.latency_goal() {
            let p99 = self.host.p99;
            lines.push(verdict(
                "milliseconds for 99 %, as fast as it goes",
                p99,
                goal,
                p99 <= goal,
            ));
            lines.push(format!(
                "         as fast as it goes, the processor time alone makes an average of: native {:.1}, host {:.1} milliseconds",
                self.floor(&self.native),
                self.floor(&self.host)
            ));
            if let Some(p99) = self.paced.as_ref().map(|it| it.host.p99) {
                lines.push(verdict("milliseconds for 99 %, at the rate", p99, goal, p99 <= goal));
            }
        }
        lines
    }
}

pub const HEAD: &str = "scenario server   requests   p50        p99       CPU     peak memory\n\
     \u{20}                  per second  ms         ms        µs      MiB";

/// A goal, and whether it is met.
pub fn verdict(what: &str, value: f64, goal: f64, is_met: bool) -> String {
    let word = if is_met { "met" } else { "missed" };
    format!("         goal {goal} {what}: {value:.2}, {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_bounds_what_a_closed_loop_can_reach() {
        let native =
            Figures { requests_per_second: 1.0, p50: 1.0, p99: 1.0, cpu: 300.0, memory: 1.0 };
        let host = Figures { cpu: 750.0, ..native };
        let mut comparison = Comparison {
            scenario: Scenario::Append,
            native,
            host,
            paced: None,
            waits: None,
            connections: 64,
            processors: 2,
        };
        let lines = comparison.lines().join("\n");
        assert!(lines.contains("native 9.6, host 24.0 milliseconds"), "{lines}");
        comparison.processors = 8;
        let lines = comparison.lines().join("\n");
        assert!(lines.contains("native 2.4, host 6.0 milliseconds"), "{lines}");
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let latencies: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        close(percentile(&latencies, 50), 100.0);
        close(percentile(&latencies, 99), 198.0);
        close(percentile(latencies.get(..1).unwrap(), 99), 1.0);
    }
}
