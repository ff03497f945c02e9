//! Secrets that were sent to every route in every place, and where they are afterwards: in no answer, in no line of the log, and in no
//! column of the database (SECURITY R96).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod log;
mod places;
mod traces;
mod world;

use crate::log::Log;
use crate::places::requests;
use crate::traces::Traces;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_where_it_was_not_meant_to_be() {
    let log = Log::capture();
    tracing::info!("the log is kept");
    let world = World::new().await;
    let secrets = world.secrets();
    assert!(40 <= secrets.len(), "{}", secrets.len());
    let mut traces = Traces::default();
    for (name, text) in &secrets {
        traces.add(name, text);
    }
    let find = |place: &str, bytes: &[u8]| traces.find(bytes, place);
    let (mut sent, mut hits) = (0, Vec::new());
    for (component, route) in World::routes() {
        for (n, (_, secret)) in secrets.iter().enumerate() {
            for request in requests(&world, &route, secret, n) {
                let (place, request) = request;
                let (status, answer) = world.send(component, request).await;
                let place = format!(
                    "the answer {status} of {} {} to one in {place}",
                    route.method, route.path
                );
                assert!(
                    status < 500 || status == 503,
                    "{place}: {}",
                    String::from_utf8_lossy(&answer)
                );
                sent += 1;
                // Whoever shows a token that has just been spent gets its successor: that is what this route is for.
                if route.operation_id != "refresh_session" || status != 200 {
                    hits.extend(find(&place, &answer));
                }
            }
        }
    }
    let lines = log.take();
    for line in &lines {
        hits.extend(find("the log", line.as_bytes()));
    }
    let cells = world.cells().await;
    for (column, bytes) in &cells {
        hits.extend(find(column, bytes));
    }
    println!(
        "seed {}, canaries {}, requests {sent}, log lines {}, cells {}, hits {}",
        world.seed,
        secrets.len(),
        lines.len(),
        cells.len(),
        hits.len()
    );
    assert!(1000 < sent && 500 < cells.len() && !lines.is_empty());
    hits.sort();
    hits.dedup();
    assert!(hits.is_empty(), "{}", hits.join("\n"));
}
