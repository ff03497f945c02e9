//! What the engines of local databases count, in the text format that Prometheus reads.

use std::fmt::Write as _;

use engine::{Engine, GROUP_SIZE_BOUNDS, Metrics};

use crate::metrics::escape;

/// Appends the numbers of each of these databases.
pub fn encode(databases: &[(String, Engine)], out: &mut String) {
    type Read = fn(&Metrics) -> String;
    let snapshots: Vec<(String, Metrics)> = databases
        .iter()
        .map(|(name, engine)| (format!("database=\"{}\"", escape(name)), engine.metrics()))
        .collect();
    if snapshots.is_empty() {
        return;
    }
    let metrics: [(&str, &str, Read); 7] = [
        ("host_database_statements_total", "counter", |m| m.statements.to_string()),
        ("host_database_statements_cached_total", "counter", |m| m.statements_cached.to_string()),
        ("host_database_transactions_total", "counter", |m| m.transactions.to_string()),
        ("host_database_transactions_timed_out_total", "counter", |m| {
            m.transactions_timed_out.to_string()
        }),
        ("host_database_commit_seconds_total", "counter", |m| {
            m.commit_time.as_secs_f64().to_string()
        }),
        ("host_database_replays_total", "counter", |m| m.replays.to_string()),
        ("host_database_readers", "gauge", |m| m.readers.to_string()),
    ];
    for (name, kind, read) in metrics {
        _ = writeln!(out, "# TYPE {name} {kind}");
        for (labels, metrics) in &snapshots {
            _ = writeln!(out, "{name}{{{labels}}} {}", read(metrics));
        }
    }
    _ = writeln!(out, "# TYPE host_database_commit_writes histogram");
    for (labels, metrics) in &snapshots {
        encode_commits(metrics, labels, out);
    }
}

/// How many writes shared a commit: what group commit saves, to be seen from outside.
fn encode_commits(metrics: &Metrics, labels: &str, out: &mut String) {
    const NAME: &str = "host_database_commit_writes";
    let bounds = GROUP_SIZE_BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(metrics.group_sizes) {
        total += count;
        _ = writeln!(out, "{NAME}_bucket{{{labels},le=\"{bound}\"}} {total}");
    }
    _ = writeln!(out, "{NAME}_sum{{{labels}}} {}", metrics.grouped);
    _ = writeln!(out, "{NAME}_count{{{labels}}} {total}");
}
