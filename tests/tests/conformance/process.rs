//! The host as a process: signals, memory, and the manifest that wires all guests together.

use std::fs;
use std::time::Duration;

use e2e::conformance::{Connection, Upstream, eventually, guests, manifest, wire};
use e2e::server::Options;
use e2e::{Client, Server};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

const MIB: u64 = 1 << 20;

fn start(state: &TempDir) -> Server {
    guests();
    Options::from_manifest(&manifest(), state.path()).start()
}

#[tokio::test]
async fn all_guests_are_served_together() {
    let state = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    guests();
    let server = Options::from_manifest(&manifest(), state.path())
        .arg("--allow-origin")
        .arg(upstream.url(""))
        .variable("plain", "from the environment")
        .start();
    let client = Client::new(server.address());
    assert_eq!(client.get("/echo/request").await.body["path"], "/echo/request");
    let set = client.post("/kv/run", &json!([["set", "a", "1"], ["get", "a"]])).await;
    assert_eq!(set.body["outcomes"], json!([null, "1"]));
    let variable = client.get("/variables/get?name=mixed").await;
    assert_eq!(variable.body, json!({ "value": "<from the environment>" }));
    let secret = client.get("/variables/get?name=hidden").await;
    assert_eq!(secret.body, json!({ "value": "hush" }));
    let fetched = client.get(&format!("/outbound/fetch?url={}", upstream.url("/"))).await;
    assert_eq!(fetched.body["status"], 200, "{fetched:?}");
    let chained = client.get("/outbound/fetch?url=http://private.spin.internal/status").await;
    assert_eq!(chained.body["status"], 200, "{chained:?}");
    let file = client.get("/files/read?path=/assets/hello.txt").await;
    assert_eq!(file.body["ok"], "A file of the conformance guests.\n", "{file:?}");
    assert_eq!(client.get("/dependency/greet?name=Ada").await.body, "Hello, Ada.");
    assert_eq!(client.get("/signed/status").await.headers["x-middleware-response"], "passed");
    assert_eq!(client.get("/static").await.status, 203);
    assert!(server.terminate().success());
}

#[tokio::test]
async fn sigterm_lets_requests_in_flight_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let state = tempfile::tempdir().unwrap();
        let server = start(&state);
        let address = server.address();
        let mut streaming = Connection::open(address).await;
        let path = "/echo/events?count=15&pause_ms=100";
        let response = streaming.answer(wire::get(address, path)).await;
        let mut idle = Connection::open(address).await;
        idle.answer(wire::get(address, "/echo/status")).await;
        let (sender, body) = wire::channel();
        let mut uploading = Connection::open(address).await;
        let upload = uploading.answer(wire::post(address, "/echo/copy", body)).await;

        server.signal(signal);
        sender.send("after the signal".into()).await.unwrap();
        drop(sender);
        assert_eq!(wire::read(upload).await.unwrap().text(), "after the signal");
        let events = wire::read(response).await.expect("the stream is not cut off");
        assert!(events.text().ends_with("data: event 15\n\n"), "{}", events.text());
        assert!(idle.send(wire::get(address, "/echo/status")).await.is_err());
        assert!(server.wait().success(), "{signal:?} ends with exit code 0");
    }
}

#[tokio::test]
async fn rows_that_were_acknowledged_survive_kill_9() {
    let state = tempfile::tempdir().unwrap();
    let server = start(&state);
    let client = Client::new(server.address());
    let create = json!([{ "sql": "CREATE TABLE note (n INTEGER PRIMARY KEY) STRICT" }]);
    client.post("/sqlite/run", &create).await;
    let writers = (0..8).map(|writer: u64| {
        let client = client.clone();
        async move {
            let mut acknowledged = Vec::new();
            for round in 0..25 {
                let n = writer * 1000 + round;
                let insert = json!([{ "sql": "INSERT INTO note VALUES (?1)", "parameters": [{ "integer": n }] }]);
                let answer = client.post("/sqlite/run", &insert).await;
                assert!(answer.body["outcomes"][0]["error"].is_null(), "{answer:?}");
                acknowledged.push(n);
            }
            acknowledged
        }
    });
    let acknowledged: usize = futures::future::join_all(writers).await.iter().map(Vec::len).sum();
    server.kill();
    let server = start(&state);
    let count = json!([{ "sql": "SELECT count(*) FROM note" }]);
    let answer = Client::new(server.address()).post("/sqlite/run", &count).await;
    assert_eq!(answer.body["outcomes"][0]["rows"], json!([[{ "integer": acknowledged }]]));
}

#[tokio::test]
async fn what_guests_print_and_why_they_fail_is_in_the_log_under_the_request_id() {
    let state = tempfile::tempdir().unwrap();
    let server = start(&state);
    let address = server.address();
    wire::ask(address, wire::get(address, "/hostile/print?lines=2")).await;
    let failed = wire::ask(address, wire::get(address, "/hostile/trap")).await;
    let id = failed.headers["x-request-id"].to_str().unwrap().to_owned();
    for words in ["output line 1", "error line 1", &id] {
        eventually(&format!("{words:?} is in the log"), || async { server.log().contains(words) })
            .await;
    }
}

/// The most memory that the process has needed since the last call of [`forget_peak`], in bytes.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// `man 5 proc_pid_clear_refs`: 5 sets the peak to what is resident now.
fn forget_peak(server: &Server) -> u64 {
    fs::write(format!("/proc/{}/clear_refs", server.id()), "5").unwrap();
    peak(server)
}

#[tokio::test]
async fn large_bodies_and_results_pass_without_being_kept() {
    let state = tempfile::tempdir().unwrap();
    let server = start(&state);
    let address = server.address();
    let client = Client::new(address);
    // Everything is touched once, so that what is measured is the growth by the data alone.
    client.get("/echo/status").await;
    client.post("/sqlite/count", &json!({ "sql": "SELECT 1" })).await;
    let before = forget_peak(&server);

    for path in ["/echo/copy", "/echo/splice"] {
        let (sender, body) = wire::channel();
        let writing = tokio::spawn(async move {
            for _ in 0..1024 {
                sender.send(vec![b'x'; 64 * 1024].into()).await.unwrap();
            }
        });
        let mut connection = Connection::open(address).await;
        let response = connection.answer(wire::post(address, path, body)).await;
        let mut body = response.into_body();
        let mut bytes = 0;
        while let Some(piece) = wire::next(&mut body).await {
            bytes += piece.unwrap().len() as u64;
        }
        assert_eq!(bytes, 64 * MIB, "{path}");
        writing.await.unwrap();
    }
    let rows = json!({
        "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                SELECT i, printf('%0640d', i) FROM n",
    });
    let counted = client.post("/sqlite/count", &rows).await;
    assert_eq!(counted.body["rows"], 100_000, "{counted:?}");

    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 40 * MIB, "64 MB passed through three times; the host kept {grown} bytes");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_guest_back() {
    let state = tempfile::tempdir().unwrap();
    let server = start(&state);
    let address = server.address();
    Client::new(address).get("/hostile/well").await;
    let before = forget_peak(&server);
    let request = format!("GET /hostile/endless HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut unread = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.readable().await.unwrap();
        unread.push(stream);
    }
    // A guest that nobody holds back writes hundreds of megabytes in this time.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = peak(&server).saturating_sub(before);
    assert!(grown < 64 * MIB, "eight unread responses take {grown} bytes");
    drop(unread);
}
