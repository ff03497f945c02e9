//! What a server may do wrong, over both transports: each is a class of error, in time, and costs little memory.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do, and print what they measured"
)]

mod faults;

use std::time::{Duration, Instant};

use egress::{Egress, EgressError, UrlPolicy};
use faults::{Expected, Fault};
use mcp::{Client, Credentials, Limits, McpError, Transport};
use peak_alloc::PeakAlloc;
use testing::{McpFault, McpServer};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// For what ends by the time alone: long for a machine with much to do, short for a test that waits for it.
const LONGEST: Duration = Duration::from_secs(1);

/// What does not end by the time has all the time that a busy machine may need.
const LONG: Duration = Duration::from_secs(20);

/// What a fault may cost in memory: a message, its parts, and what hyper and the server of the test hold.
const MEMORY_MAX: usize = 8 * 1024 * 1024;

fn limits(request: Duration) -> Limits {
    Limits {
        request,
        message_bytes_max: 256 * 1024,
        answer_bytes_max: 1024 * 1024,
        tools_bytes_max: 128 * 1024,
        ..Limits::default()
    }
}

/// Connects, lists the tools and calls one; the first error ends it.
async fn use_all(
    server: &McpServer,
    path: &str,
    transport: Transport,
    limits: Limits,
) -> Result<(), McpError> {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&format!("{}{path}", server.origin())).unwrap();
    let egress = Egress::new().unwrap();
    let mut client =
        Client::connect(egress, target, transport, Credentials::default(), limits).await?;
    let tools = client.list_tools().await?;
    assert_eq!(tools.len(), 2);
    let arguments = serde_json::from_str(r#"{"a":1}"#).unwrap();
    client.call_tool("echo", &arguments).await?;
    client.close().await;
    Ok(())
}

/// Tries a fault by one transport, and gives the memory that it took.
async fn meets(fault: &Fault, path: &str, transport: Transport, expected: &Expected) -> usize {
    let server = McpServer::start(Some(McpFault { at: fault.at, wrong: fault.wrong })).await;
    MEMORY.reset_peak_usage();
    let (before, begun) = (MEMORY.current_usage(), Instant::now());
    let late = McpError::Egress(EgressError::Timeout);
    let is_late = matches!(expected, Expected::Error(error) if *error == late);
    let longest = if is_late { LONGEST } else { LONG };
    let outcome = use_all(&server, path, transport, limits(longest)).await;
    let (took, memory) = (begun.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    let name = format!("{} at {} over {path}", fault.name, fault.at);
    match (expected, outcome) {
        (Expected::Fine, Ok(())) => {}
        (Expected::Error(expected), Err(error)) => {
            assert_eq!(error, *expected, "{name}");
            let text = format!("{error} {error:?}");
            assert!(text.len() < 800 && !text.contains('\u{1b}'), "{name}: {text}");
        }
        (_, outcome) => panic!("{name}: {outcome:?}"),
    }
    // Thrice at most: the request itself, the farewell of a call, and what the machine is slow at.
    assert!(took < longest * 3 + Duration::from_secs(2), "{name}: {took:?}");
    assert!(memory < MEMORY_MAX, "{name}: {memory} bytes");
    memory
}

async fn all(faults: &[Fault], runs: &[(&str, Transport)]) {
    let mut most = (0, "");
    for fault in faults {
        for (path, transport) in runs {
            let expected = match transport {
                Transport::Sse => &fault.over_sse,
                Transport::StreamableHttp => &fault.expected,
            };
            let memory = meets(fault, path, *transport, expected).await;
            most = most.max((memory, fault.name));
        }
    }
    println!(
        "{} faults, {} ways; most memory: {} bytes, {}",
        faults.len(),
        runs.len(),
        most.0,
        most.1
    );
}

// One test, since the memory is that of the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_a_class_of_error_in_time_and_memory() {
    let both = [("/mcp", Transport::StreamableHttp), ("/sse", Transport::Sse)];
    let in_both = [faults::of_events(), faults::of_http(), faults::of_beginnings()].concat();
    assert!(30 <= in_both.len());
    all(&in_both, &both).await;
    all(&[faults::of_streamable(), faults::of_sessions()].concat(), &both[..1]).await;
    all(&faults::of_legacy(), &both[1..]).await;
}
