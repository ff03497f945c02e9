//! A guest that fails, spins, grows or never ends harms its own request, and as little else as possible.

use std::time::Duration;

use e2e::conformance::{Application, Connection, Running, eventually, guests, wire};
use e2e::server::Options;
use futures::future::join_all;
use http::Method;

/// The hostile guest under these settings, beside one that behaves.
async fn application(settings: &str) -> Running {
    Application::of("hostile", &format!("[component.hostile.tool.selvage]\n{settings}"))
        .with("echo", "")
        .with_metrics()
        .start()
        .await
}

async fn get(application: &Running, path: &str) -> wire::Whole {
    wire::ask(application.address(), wire::get(application.address(), path)).await
}

fn assert_problem(answer: &wire::Whole, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["request_id"], answer.headers["x-request-id"].to_str().unwrap());
}

async fn assert_well(application: &Running) {
    assert_eq!(get(application, "/hostile/well").await.text(), "well");
    assert_eq!(get(application, "/echo/status").await.status, 200);
}

#[tokio::test]
async fn a_request_that_fails_is_a_problem_and_the_next_one_is_not() {
    let application = application("memory = \"32MiB\"").await;
    for path in ["trap", "panic", "exit", "error", "recursion", "memory-trap"] {
        let answer = get(&application, &format!("/hostile/{path}")).await;
        assert_problem(&answer, 500);
        // What happened inside is for the log, not for clients.
        for word in ["wasm", "unreachable", "trap", "guest says no", "backtrace"] {
            assert!(!answer.text().contains(word), "{path}: {}", answer.text());
        }
        assert_well(&application).await;
    }
    let failed = application.metric("host_instances_failed_total", "hostile").await;
    assert!(failed >= 4.0);
    let traps = application.metric("host_instance_traps_total", "hostile").await;
    assert!((traps - failed).abs() < 0.5, "{traps} traps in {failed} failed instances");
}

/// All requests are `POST`, so that none of them is repeated.
#[tokio::test]
async fn a_panic_is_counted_and_logged_once_for_all_requests_in_the_instance() {
    guests();
    let settings = "[component.hostile.tool.selvage]\nreuse_concurrency = 16";
    let mut application = Application::of("hostile", settings);
    let state = application.directory().join("state");
    let options = Options::from_manifest(&application.write(), &state);
    let server = options.arg("--admin-listen").arg("127.0.0.1:0").start();
    let address = server.address();
    let post = |path: &'static str, delay_ms: u64| async move {
        let mut request = wire::get(address, path);
        *request.method_mut() = Method::POST;
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        wire::ask(address, request).await
    };
    // The last one asks for more header fields than a vector can have.
    let later = "/hostile/later?pause_ms=20000";
    let answers = join_all([
        post(later, 0),
        post(later, 1_500),
        post(later, 3_000),
        post("/hostile/headers?kib=4000000000", 4_500),
    ]);
    for answer in answers.await {
        assert_problem(&answer, 500);
    }
    assert_eq!(server.metric("host_instances_created_total").await, Some(1.0));
    assert_eq!(server.metric("host_instance_traps_total").await, Some(1.0));
    let log = server.whole_log();
    let message = "capacity overflow";
    let lines = |word: &str| log.lines().filter(|line| line.contains(word)).collect::<Vec<_>>();
    let errors = lines("ERROR");
    assert_eq!(errors.len(), 1, "{log}");
    assert!(errors[0].contains("trapped with 4 requests in it: thread '"), "{log}");
    assert!(errors[0].contains(message), "{log}");
    assert_eq!(lines("panicked at").len(), 1, "{log}");
    assert_eq!(lines(message).len(), 1, "{log}");
}

#[tokio::test]
async fn a_trap_in_the_body_breaks_the_response_off() {
    let application = application("").await;
    let address = application.address();
    for h2 in [false, true] {
        let mut connection =
            if h2 { Connection::open_h2(address).await } else { Connection::open(address).await };
        // Whether the head is on its way before the trap is a matter of luck.
        if let Ok(response) = connection.send(wire::get(address, "/hostile/trap-in-body")).await {
            let status = response.status();
            let read = wire::read(response).await;
            assert!(
                status == 500 || read.is_err(),
                "the response ends as if it were whole: {read:?}"
            );
        }
        assert_well(&application).await;
    }
}

#[tokio::test]
async fn fewer_bytes_than_declared_are_no_complete_response() {
    let application = application("").await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let path = "/hostile/shorter-than-declared";
    if let Ok(response) = connection.send(wire::get(address, path)).await
        && response.status() == 200
    {
        let read = wire::read(response).await;
        assert!(read.is_err(), "the response ends as if it were whole: {read:?}");
    }
    assert_well(&application).await;
}

/// Requests share instances. What a trap does to the others in the same instance is part of the promise: those that can be
/// repeated without harm are answered nevertheless; those that cannot, fail.
#[tokio::test]
async fn a_trap_spares_the_neighbours_that_can_be_repeated() {
    let application = application("reuse_concurrency = 16").await;
    let address = application.address();
    for method in [Method::GET, Method::POST] {
        let neighbours = (0..8).map(|_| {
            let mut request = wire::get(address, "/hostile/later?pause_ms=500");
            *request.method_mut() = method.clone();
            async move { wire::ask(address, request).await.status.as_u16() }
        });
        let trap = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            get(&application, "/hostile/trap").await
        };
        let (statuses, trap) = futures::join!(join_all(neighbours), trap);
        assert_problem(&trap, 500);
        if method == Method::GET {
            assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
        } else {
            let known = statuses.iter().all(|status| matches!(status, 200 | 500));
            assert!(known, "a neighbour is answered or fails: {statuses:?}");
        }
    }
    assert_well(&application).await;
}

#[tokio::test]
async fn a_trap_does_not_touch_other_components_or_instances() {
    let application = application("reuse_concurrency = 1").await;
    let address = application.address();
    let mut other = Connection::open(address).await;
    let events = other.answer(wire::get(address, "/echo/events?count=10&pause_ms=50")).await;
    let mut same = Connection::open(address).await;
    let held = same.answer(wire::get(address, "/hostile/silent")).await;
    let mut held = held.into_body();
    assert_eq!(wire::next(&mut held).await.unwrap().unwrap(), "begun");
    for _ in 0..3 {
        assert_problem(&get(&application, "/hostile/trap").await, 500);
    }
    let events = wire::read(events).await.expect("the events of the other component go on");
    assert!(events.text().contains("event 10"));
    let still = tokio::time::timeout(Duration::from_millis(50), wire::next(&mut held)).await;
    assert!(still.is_err(), "the stream of the other instance has ended: {still:?}");
}

#[tokio::test]
async fn a_guest_gets_the_memory_it_was_given_and_no_more() {
    let application = application("memory = \"64MiB\"").await;
    for _ in 0..3 {
        let answer = get(&application, "/hostile/memory?mib=4096").await;
        let mib = answer.json()["mib"].as_u64().unwrap();
        assert!((32..64).contains(&mib), "the guest took {mib} MiB of 64");
        assert_well(&application).await;
    }
}

/// This runs on a single thread: what spins holds the only one there is.
#[tokio::test(flavor = "current_thread")]
async fn a_guest_that_spins_neither_stops_the_others_nor_lives() {
    let application = application("cpu_time = \"500ms\"").await;
    let (hog, others) = futures::join!(get(&application, "/hostile/spin"), async {
        let mut answered = 0;
        for _ in 0..10 {
            answered += u32::from(get(&application, "/echo/status").await.status == 200);
        }
        answered
    });
    assert!(matches!(hog.status.as_u16(), 500 | 504), "{hog:?}");
    assert_problem(&hog, hog.status.as_u16());
    assert_eq!(others, 10);
    assert_well(&application).await;
}

#[tokio::test(flavor = "current_thread")]
async fn many_guests_that_spin_at_once_do_not_stop_the_others() {
    let application = application("cpu_time = \"200ms\"\nreuse_concurrency = 1").await;
    let hogs = join_all((0..8).map(|_| get(&application, "/hostile/spin")));
    let (hogs, other) = futures::join!(hogs, get(&application, "/echo/status"));
    assert_eq!(other.status, 200);
    for hog in hogs {
        assert!(matches!(hog.status.as_u16(), 500 | 504), "{hog:?}");
    }
    assert_well(&application).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_guest_that_spins_after_its_answer_is_ended_too() {
    let application = application("cpu_time = \"200ms\"").await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let response = connection.answer(wire::get(address, "/hostile/spin-after-head")).await;
    assert!(wire::read(response).await.is_err());
    let answer = get(&application, "/hostile/spin-in-background").await;
    assert_eq!(answer.text(), "spinning soon");
    eventually("the instance is thrown away", || async {
        application.metric("host_instances_failed_total", "hostile").await >= 2.0
    })
    .await;
    let traps = application.metric("host_instance_traps_total", "hostile").await;
    assert!((traps - 2.0).abs() < 0.5, "{traps} traps");
    assert_well(&application).await;
}

#[tokio::test]
async fn a_guest_that_does_not_answer_in_time_is_504() {
    let application = application("request_timeout = \"300ms\"").await;
    for path in ["sleep", "sleep-blocking"] {
        assert_problem(&get(&application, &format!("/hostile/{path}")).await, 504);
        assert_well(&application).await;
    }
    assert!(application.metric("host_instance_traps_total", "hostile").await < 0.5);
}

#[tokio::test]
async fn a_response_that_does_not_end_in_time_is_broken_off() {
    let application = application("request_timeout = \"300ms\"").await;
    let address = application.address();
    for path in ["silent", "endless"] {
        let mut connection = Connection::open(address).await;
        let response = connection.answer(wire::get(address, &format!("/hostile/{path}"))).await;
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        let broken = loop {
            match wire::next(&mut body).await {
                Some(Ok(_)) => {}
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken, "{path} ends as if it were whole");
    }
    assert_well(&application).await;
}

#[tokio::test]
async fn a_guest_whose_client_has_left_is_ended() {
    let application = application("max_concurrent_requests = 1\nreuse_concurrency = 1").await;
    let address = application.address();
    for path in ["endless", "silent", "sleep", "sleep-blocking", "spin-after-head"] {
        let path = format!("/hostile/{path}");
        let mut connection = Connection::open(address).await;
        if path.contains("sleep") {
            let sent = connection.send(wire::get(address, &path));
            let waited = tokio::time::timeout(Duration::from_millis(200), sent).await;
            assert!(waited.is_err(), "{path} answers");
        } else {
            let response = connection.answer(wire::get(address, &path)).await;
            let mut body = response.into_body();
            wire::next(&mut body).await.unwrap().unwrap();
        }
        drop(connection);
        // There is one place in this component; it is free once the host has noticed.
        eventually("the place is free", || async {
            get(&application, "/hostile/well").await.status == 200
        })
        .await;
        eventually("the instance is gone", || async {
            application.metric("host_instances_live", "hostile").await < 0.5
        })
        .await;
    }
}

#[tokio::test]
async fn headers_that_are_too_large_fail_their_own_response() {
    let application = application("").await;
    assert_eq!(get(&application, "/hostile/headers?kib=8").await.status, 200);
    assert_problem(&get(&application, "/hostile/headers?kib=1024").await, 500);
    assert_well(&application).await;
}

#[tokio::test]
async fn a_talkative_guest_is_listened_to() {
    let application = application("").await;
    assert_eq!(get(&application, "/hostile/print?lines=5000").await.text(), "printed");
}

#[tokio::test]
async fn instances_are_used_again_as_often_as_the_manifest_says() {
    let fresh = application("reuse_count = 1").await;
    for _ in 0..3 {
        assert_eq!(get(&fresh, "/hostile/calls").await.text(), "1");
    }
    let thrice = application("reuse_count = 3\nidle_instance_timeout = \"1m\"").await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(get(&thrice, "/hostile/calls").await.text());
    }
    assert_eq!(seen, ["1", "2", "3", "1", "2", "3"]);
}
