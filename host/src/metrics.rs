//! What the host counts, in the text format that Prometheus reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use engine::Engine;

use crate::sqlite;

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub fn sub(&self, n: i64) {
        self.0.fetch_sub(n, Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// Adds one until the returned guard is dropped.
    pub fn hold(self: &Arc<Self>) -> Held {
        self.add(1);
        Held(self.clone())
    }
}

/// One in a [`Gauge`].
pub struct Held(Arc<Gauge>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.sub(1);
    }
}

/// Upper bounds of the histogram's buckets in microseconds, from half a millisecond to a minute.
const BUCKETS: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// How often which duration was seen.
#[derive(Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    beyond: AtomicU64,
    sum_micros: AtomicU64,
}

impl Histogram {
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|bound| *bound < micros);
        self.buckets.get(bucket).unwrap_or(&self.beyond).fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut total = 0;
        for (bound, count) in BUCKETS.iter().zip(&self.buckets) {
            total += count.load(Relaxed);
            let bound = seconds(*bound);
            _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {total}");
        }
        total += self.beyond.load(Relaxed);
        let sum = seconds(self.sum_micros.load(Relaxed));
        _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}");
        _ = writeln!(out, "{name}_sum{{{labels}}} {sum}");
        _ = writeln!(out, "{name}_count{{{labels}}} {total}");
    }
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

/// The numbers of one route.
pub struct RouteMetrics {
    /// By status from 100 to 599; what a component makes up beyond that is counted as the last.
    statuses: Vec<Counter>,
    /// Until the head of the response.
    pub first_byte: Histogram,
    /// Until the end of the response.
    pub total: Histogram,
}

impl Default for RouteMetrics {
    fn default() -> Self {
        Self {
            statuses: (100..600).map(|_| Counter::default()).collect(),
            first_byte: Histogram::default(),
            total: Histogram::default(),
        }
    }
}

impl RouteMetrics {
    pub fn answered(&self, status: http::StatusCode) {
        let index = usize::from(status.as_u16().saturating_sub(100)).min(499);
        if let Some(counter) = self.statuses.get(index) {
            counter.add(1);
        }
    }
}

/// The numbers of one component.
#[derive(Default)]
pub struct ComponentMetrics {
    pub instances_created: Counter,
    pub instances_live: Gauge,
    /// Those of them that have nothing to do.
    pub instances_idle: Gauge,
    /// Instances that trapped or had to be stopped.
    pub instances_failed: Counter,
    /// Instances that trapped, whatever was in them.
    pub instance_traps: Counter,
    pub in_flight: Arc<Gauge>,
    pub queued: Arc<Gauge>,
    pub rejected: Counter,
    /// Microseconds that guests computed, as far as they were interrupted.
    pub cpu_micros: Arc<AtomicU64>,
    /// Bytes of linear memory that the largest instance ever had.
    pub memory_peak: Arc<AtomicUsize>,
    pub outbound_sent: Counter,
    pub outbound_denied: Counter,
    pub outbound_failed: Counter,
}

/// The numbers of the whole host.
#[derive(Default)]
pub struct Metrics {
    pub components: BTreeMap<String, Arc<ComponentMetrics>>,
    /// By component (or `static`) and route.
    pub routes: Vec<(String, String, Arc<RouteMetrics>)>,
    pub unrouted: Counter,
    pub connections: Arc<Gauge>,
    pub connections_refused: Counter,
    pub outbound_connections: Arc<Gauge>,
    pub outbound_connections_opened: Arc<Counter>,
    /// Local databases by name.
    pub databases: Vec<(String, Engine)>,
}

impl Metrics {
    /// Everything in the text exposition format, version 0.0.4.
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        self.encode_routes(&mut out);
        self.encode_components(&mut out);
        let opened = self.outbound_connections_opened.get();
        for (name, kind, value) in [
            ("host_connections_open", "gauge", self.connections.get().to_string()),
            (
                "host_connections_refused_total",
                "counter",
                self.connections_refused.get().to_string(),
            ),
            ("host_unrouted_requests_total", "counter", self.unrouted.get().to_string()),
            (
                "host_outbound_connections_open",
                "gauge",
                self.outbound_connections.get().to_string(),
            ),
            ("host_outbound_connections_total", "counter", opened.to_string()),
        ] {
            _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
        }
        sqlite::metrics::encode(&self.databases, &mut out);
        out
    }

    fn encode_routes(&self, out: &mut String) {
        _ = writeln!(out, "# TYPE host_requests_total counter");
        for (component, route, metrics) in &self.routes {
            let labels = labels(component, route);
            for (status, count) in (100..600).zip(&metrics.statuses) {
                let count = count.get();
                if count > 0 {
                    _ = writeln!(
                        out,
                        "host_requests_total{{{labels},status=\"{status}\"}} {count}"
                    );
                }
            }
        }
        for (name, pick) in [
            ("host_response_start_seconds", (|m| &m.first_byte) as fn(&RouteMetrics) -> &Histogram),
            ("host_response_end_seconds", |m| &m.total),
        ] {
            _ = writeln!(out, "# TYPE {name} histogram");
            for (component, route, metrics) in &self.routes {
                pick(metrics).write(out, name, &labels(component, route));
            }
        }
    }

    fn encode_components(&self, out: &mut String) {
        type Read = fn(&ComponentMetrics) -> f64;
        #[expect(
            clippy::cast_precision_loss,
            reason = "the format knows only floating-point numbers"
        )]
        let metrics: [(&str, &str, Read); 13] = [
            ("host_instances_created_total", "counter", |m| m.instances_created.get() as f64),
            ("host_instances_live", "gauge", |m| m.instances_live.get() as f64),
            ("host_instances_idle", "gauge", |m| m.instances_idle.get() as f64),
            ("host_instances_failed_total", "counter", |m| m.instances_failed.get() as f64),
            ("host_instance_traps_total", "counter", |m| m.instance_traps.get() as f64),
            ("host_requests_in_flight", "gauge", |m| m.in_flight.get() as f64),
            ("host_requests_queued", "gauge", |m| m.queued.get() as f64),
            ("host_requests_rejected_total", "counter", |m| m.rejected.get() as f64),
            ("host_guest_cpu_seconds_total", "counter", |m| seconds(m.cpu_micros.load(Relaxed))),
            ("host_instance_memory_peak_bytes", "gauge", |m| m.memory_peak.load(Relaxed) as f64),
            ("host_outbound_requests_total", "counter", |m| m.outbound_sent.get() as f64),
            ("host_outbound_denied_total", "counter", |m| m.outbound_denied.get() as f64),
            ("host_outbound_failed_total", "counter", |m| m.outbound_failed.get() as f64),
        ];
        for (name, kind, read) in metrics {
            _ = writeln!(out, "# TYPE {name} {kind}");
            for (component, metrics) in &self.components {
                let value = read(metrics);
                _ = writeln!(out, "{name}{{component=\"{}\"}} {value}", escape(component));
            }
        }
    }
}

fn labels(component: &str, route: &str) -> String {
    format!("component=\"{}\",route=\"{}\"", escape(component), escape(route))
}

pub fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_cumulative() {
        let histogram = Histogram::default();
        for micros in [400, 500, 700, 90_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let mut out = String::new();
        histogram.write(&mut out, "t", "a=\"b\"");
        assert!(out.contains("t_bucket{a=\"b\",le=\"0.0005\"} 2\n"), "{out}");
        assert!(out.contains("t_bucket{a=\"b\",le=\"0.001\"} 3\n"), "{out}");
        assert!(out.contains("t_bucket{a=\"b\",le=\"60\"} 3\n"), "{out}");
        assert!(out.contains("t_bucket{a=\"b\",le=\"+Inf\"} 4\n"), "{out}");
        assert!(out.contains("t_count{a=\"b\"} 4\n"), "{out}");
    }

    #[test]
    fn requests_are_counted_by_component_route_and_status() {
        let route = Arc::new(RouteMetrics::default());
        route.answered(http::StatusCode::OK);
        route.answered(http::StatusCode::from_u16(999).unwrap());
        let metrics = Metrics {
            routes: vec![("a".into(), "/x\"...".into(), route)],
            components: [("a".into(), Arc::default())].into(),
            ..Metrics::default()
        };
        let text = metrics.encode();
        for line in [
            "host_requests_total{component=\"a\",route=\"/x\\\"...\",status=\"200\"} 1\n",
            "host_requests_total{component=\"a\",route=\"/x\\\"...\",status=\"599\"} 1\n",
            "host_instances_live{component=\"a\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
