//! Limits on what clients may ask for: bodies, requests at once, connections.

use std::time::Duration;

use e2e::conformance::{Application, Connection, HANG, Running, eventually, wire};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const KIB: usize = 1024;

async fn limited() -> Running {
    Application::of("echo", "[component.echo.tool.selvage]\nmax_request_body = \"64KiB\"")
        .start()
        .await
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_taken() {
    let application = limited().await;
    let address = application.address();
    let body = wire::full(vec![b'x'; 64 * KIB]);
    let answer = wire::ask(address, wire::post(address, "/echo/count", body)).await;
    assert_eq!(answer.json()["bytes"], 64 * KIB);
}

#[tokio::test]
async fn a_declared_body_over_the_limit_is_413_before_it_is_sent() {
    let application = limited().await;
    let address = application.address();
    let head = format!(
        "POST /echo/count HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        64 * KIB + 1
    );
    let raw = wire::raw(address, head.as_bytes()).await;
    assert!(raw.starts_with("HTTP/1.1 413 "), "{raw}");
    assert!(raw.contains("application/problem+json"), "{raw}");
    assert!(!raw.contains("100 Continue"), "{raw}");
}

#[tokio::test]
async fn a_body_that_declares_no_length_is_counted() {
    let application = limited().await;
    let address = application.address();
    for path in ["/echo/count", "/echo/splice", "/echo/copy"] {
        let (sender, body) = wire::channel();
        let writing = tokio::spawn(async move {
            // The server stops reading somewhere beyond the limit, and then nobody takes any more.
            for _ in 0..64 {
                if sender.send(vec![b'x'; 4 * KIB].into()).await.is_err() {
                    break;
                }
            }
        });
        let mut connection = Connection::open(address).await;
        match connection.send(wire::post(address, path, body)).await {
            // The guest had not answered yet: the client learns why.
            Ok(response) if response.status() == 413 => {
                let answer = wire::read(response).await.unwrap();
                assert_eq!(answer.json()["code"], "body_too_large", "{path}");
            }
            // The guest had begun to answer: all that is left is to break off.
            Ok(response) => {
                assert_eq!(response.status(), 200, "{path}");
                let read = wire::read(response).await;
                assert!(read.is_err(), "{path}: the response ends as if it were whole: {read:?}");
            }
            Err(_) => assert_ne!(path, "/echo/count", "a refused body has an answer"),
        }
        writing.abort();
    }
}

#[tokio::test]
async fn a_body_shorter_than_declared_is_no_complete_body() {
    let application = limited().await;
    let address = application.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /echo/count HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\nonly this"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await;
    read.expect("the server lets go of the connection").ok();
    let answer = String::from_utf8_lossy(&answer);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(application.client().get("/echo/status").await.status, 200);
}

#[tokio::test]
async fn a_body_that_the_guest_ignores_does_not_disturb_the_next_request() {
    let application = limited().await;
    let address = application.address();
    for _ in 0..3 {
        let mut connection = Connection::open(address).await;
        let body = wire::full(vec![b'x'; 60 * KIB]);
        let response = connection.answer(wire::post(address, "/echo/ignore", body)).await;
        assert_eq!(wire::read(response).await.unwrap().text(), "ignored");
        // The server may close the connection instead of reading on; it may not mix the bytes up.
        if let Ok(response) = connection.send(wire::get(address, "/echo/status?code=204")).await {
            assert_eq!(response.status(), 204);
        }
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_503_and_say_when_to_come_again() {
    let application =
        Application::of("hostile", "[component.hostile.tool.selvage]\nmax_concurrent_requests = 2")
            .limits(|limits| limits.queue_timeout = Duration::from_millis(50))
            .start()
            .await;
    let address = application.address();
    let mut holding = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(address).await;
        let response = connection.answer(wire::get(address, "/hostile/silent")).await;
        assert_eq!(response.status(), 200);
        holding.push((connection, response));
    }
    let refused = wire::ask(address, wire::get(address, "/hostile/well")).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["code"], "overloaded");
    let seconds: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0);
    drop(holding.pop());
    eventually("a place gets free", || async {
        wire::ask(address, wire::get(address, "/hostile/well")).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_request_waits_a_moment_for_its_turn() {
    let application =
        Application::of("echo", "[component.echo.tool.selvage]\nmax_concurrent_requests = 1")
            .limits(|limits| limits.queue_timeout = HANG)
            .start()
            .await;
    let requests = (0..20).map(|_| {
        let client = application.client();
        async move { client.get("/echo/status").await.status }
    });
    let statuses = futures::future::join_all(requests).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused_at_once() {
    let application =
        Application::of("hostile", "[component.hostile.tool.selvage]\nmax_concurrent_requests = 1")
            .limits(|limits| {
                limits.queue_timeout = HANG;
                limits.queued_requests_max = 0;
            })
            .start()
            .await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let _holding = connection.answer(wire::get(address, "/hostile/silent")).await;
    let refused = wire::ask(address, wire::get(address, "/hostile/well")).await;
    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn one_component_at_its_limit_leaves_the_others_alone() {
    let application =
        Application::of("hostile", "[component.hostile.tool.selvage]\nmax_concurrent_requests = 1")
            .with("echo", "")
            .start()
            .await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let _holding = connection.answer(wire::get(address, "/hostile/silent")).await;
    assert_eq!(application.client().get("/echo/status").await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_so() {
    let application =
        Application::of("echo", "").limits(|limits| limits.connections_max = 3).start().await;
    let address = application.address();
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut connection = Connection::open(address).await;
        connection.answer(wire::get(address, "/echo/status")).await;
        open.push(connection);
    }
    let raw = wire::raw(address, b"").await;
    assert!(raw.starts_with("HTTP/1.1 503 "), "{raw:?}");
    assert!(raw.contains("retry-after"), "{raw:?}");
    drop(open);
    eventually("connections get free", || async {
        let mut connection = Connection::open(address).await;
        let response = connection.send(wire::get(address, "/echo/status")).await;
        response.is_ok_and(|response| response.status() == 200)
    })
    .await;
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_given_up() {
    let application = Application::of("echo", "")
        .limits(|limits| limits.header_read_timeout = Duration::from_millis(200))
        .start()
        .await;
    let address = application.address();
    for beginning in ["", "GET /echo/status HTTP/1.1\r\nhost: a\r\nx-slow: ", "PRI * HT"] {
        // `raw` waits for the server to close the connection; what it says before does not matter.
        let raw = wire::raw(address, beginning.as_bytes()).await;
        assert!(!raw.contains(" 200 "), "{beginning:?}: {raw}");
    }
    assert_eq!(application.client().get("/echo/status").await.status, 200);
}
