//! A conformance guest that does everything a host must survive.
#![cfg(target_family = "wasm")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use guest_http::{Answer, ErrorCode, Request};
use serde_json::json;
use spin_sdk::http_service;
use spin_sdk::wasip3::spawn;

/// How often `/calls` was called in this instance.
static CALLS: AtomicU64 = AtomicU64::new(0);

const MIB: usize = 1024 * 1024;

/// Longer than any test waits.
const FOREVER: Duration = Duration::from_hours(1);

#[http_service]
async fn handle(request: Request) -> Answer {
    match guest_http::route(&request).as_str() {
        "/well" => guest_http::text(200, "well"),
        "/later" => later(&request).await,
        "/calls" => guest_http::json(200, &json!(CALLS.fetch_add(1, Ordering::Relaxed) + 1)),
        "/trap" => core::arch::wasm32::unreachable(),
        "/panic" => out_of_bounds(),
        "/exit" => std::process::exit(0),
        "/error" => Err(ErrorCode::InternalError(Some("the guest says no".to_owned()))),
        "/spin" => spin(),
        "/spin-after-head" => guest_http::stream(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            let _ = spin();
        }),
        "/spin-in-background" => {
            spawn(async {
                // The answer must have gone out before the instance is lost.
                spin_sdk::time::sleep(Duration::from_millis(50)).await;
                let _ = spin();
            });
            guest_http::text(200, "spinning soon")
        }
        "/memory" => memory(&request),
        "/memory-trap" => memory_trap(),
        "/recursion" => guest_http::json(200, &json!(deeper(u64::MAX))),
        "/sleep" => {
            spin_sdk::time::sleep(FOREVER).await;
            guest_http::text(200, "awake")
        }
        "/sleep-blocking" => {
            std::thread::sleep(FOREVER);
            guest_http::text(200, "awake")
        }
        "/headers" => headers(&request),
        "/endless" => endless(),
        "/silent" => guest_http::stream(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            spin_sdk::time::sleep(FOREVER).await;
        }),
        "/trap-in-body" => guest_http::stream(200, &[], async |mut writer| {
            writer.write_all(b"begun".to_vec()).await;
            core::arch::wasm32::unreachable()
        }),
        "/shorter-than-declared" => {
            guest_http::stream(200, &[("content-length", "100")], async |mut writer| {
                writer.write_all(b"only this".to_vec()).await;
            })
        }
        "/print" => print(&request),
        other => guest_http::text(404, &format!("hostile has no {other}")),
    }
}

/// Answers after `pause_ms`.
async fn later(request: &Request) -> Answer {
    let pause = guest_http::number(request, "pause_ms", 100);
    spin_sdk::time::sleep(Duration::from_millis(pause)).await;
    guest_http::text(200, "well")
}

/// A panic that the compiler cannot foresee.
fn out_of_bounds() -> Answer {
    let nothing: Vec<u8> = black_box(Vec::new());
    let byte = *nothing.get(black_box(1)).unwrap_or_else(|| std::process::abort());
    guest_http::json(200, &json!(byte))
}

/// Computes for ever, never calling the host.
fn spin() -> Answer {
    let mut number = 1_u64;
    while black_box(number) != 0 {
        number = number.wrapping_mul(6_364_136_223_846_793_005) | 1;
    }
    guest_http::text(200, "done")
}

/// Takes memory until it is refused, and says how much there was.
fn memory(request: &Request) -> Answer {
    let limit = guest_http::number(request, "mib", 4096);
    let mut taken: Vec<Vec<u8>> = Vec::new();
    let mut mib = 0;
    while mib < limit {
        let mut block = Vec::new();
        if block.try_reserve_exact(MIB).is_err() {
            break;
        }
        // Touched, so that it is real memory.
        block.resize(MIB, 1);
        taken.push(black_box(block));
        mib += 1;
    }
    guest_http::json(200, &json!({ "mib": mib }))
}

/// Takes memory without asking whether there is any.
fn memory_trap() -> Answer {
    let mut taken = Vec::new();
    loop {
        taken.push(black_box(vec![1_u8; MIB]));
        if taken.len() > 8192 {
            return guest_http::text(200, "there was more memory than there can be");
        }
    }
}

#[expect(unconditional_recursion, reason = "running out of stack is the point")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    black_box(deeper(depth.wrapping_sub(1))).wrapping_add(frame.iter().sum())
}

/// Response headers of `kib` KiB in all.
fn headers(request: &Request) -> Answer {
    let value = "v".repeat(1024);
    let count = usize::try_from(guest_http::number(request, "kib", 1)).unwrap_or(1);
    let headers = vec![("x-large", value.as_str()); count];
    guest_http::stream(200, &headers, async |_| {})
}

/// Writes until nobody reads.
fn endless() -> Answer {
    guest_http::stream(
        200,
        &[],
        async |mut writer| {
            while writer.write_all(vec![b'.'; 16 * 1024]).await.is_empty() {}
        },
    )
}

/// Writes `lines` lines to standard output and standard error.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the host must take the output")]
fn print(request: &Request) -> Answer {
    for line in 0..guest_http::number(request, "lines", 1) {
        println!("output line {line}");
        eprintln!("error line {line}");
    }
    guest_http::text(200, "printed")
}
