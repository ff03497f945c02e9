//! Bodies flow in both directions at once, whole and unchanged.

use bytes::Bytes;
use e2e::conformance::{Application, Connection, Running, Upstream, wire};
use tokio::sync::mpsc::Sender;

const MIB: u64 = 1 << 20;
const TOTAL: u64 = 64 * MIB;

async fn echo() -> Running {
    Application::of("echo", "").start().await
}

/// The bytes of the pattern from `offset` on: the byte at n is n modulo 251.
fn pattern(offset: u64, length: u64) -> Bytes {
    (offset..offset + length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// Writes `total` bytes of the pattern.
async fn write(sender: Sender<Bytes>, total: u64) {
    let piece = 64 * 1024;
    for offset in (0..total).step_by(64 * 1024) {
        sender.send(pattern(offset, piece.min(total - offset))).await.expect("the server reads");
    }
}

/// Reads a response and checks every byte of it against the pattern.
async fn check(response: http::Response<hyper::body::Incoming>) -> u64 {
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let mut offset = 0;
    while let Some(bytes) = wire::next(&mut body).await {
        let bytes = bytes.expect("the body does not break off");
        assert_eq!(bytes, pattern(offset, bytes.len() as u64), "at {offset}");
        offset += bytes.len() as u64;
    }
    offset
}

#[tokio::test]
async fn sixty_four_megabytes_pass_through_the_guest() {
    let application = echo().await;
    let address = application.address();
    for path in ["/echo/copy", "/echo/splice"] {
        let (sender, body) = wire::channel();
        let writing = tokio::spawn(write(sender, TOTAL));
        let mut connection = Connection::open(address).await;
        let response = connection.answer(wire::post(address, path, body)).await;
        assert_eq!(check(response).await, TOTAL, "{path}");
        writing.await.unwrap();
    }
}

#[tokio::test]
async fn sixty_four_megabytes_pass_over_http_2() {
    let application = echo().await;
    let address = application.address();
    let (sender, body) = wire::channel();
    let writing = tokio::spawn(write(sender, TOTAL));
    let mut connection = Connection::open_h2(address).await;
    let response = connection.answer(wire::post(address, "/echo/splice", body)).await;
    assert_eq!(check(response).await, TOTAL);
    writing.await.unwrap();
}

#[tokio::test]
async fn sixty_four_megabytes_arrive_at_the_guest_and_leave_it() {
    let application = echo().await;
    let address = application.address();
    let (sender, body) = wire::channel();
    let writing = tokio::spawn(write(sender, TOTAL));
    let answer = wire::ask(address, wire::post(address, "/echo/count", body)).await.json();
    writing.await.unwrap();
    assert_eq!(answer["bytes"], TOTAL);
    // SHA-256 of the 64 MiB of the pattern, computed with sha256sum.
    assert_eq!(answer["sha256"], PATTERN_SHA256);
    let mut connection = Connection::open(address).await;
    let path = format!("/echo/pattern?bytes={TOTAL}");
    let response = connection.answer(wire::get(address, &path)).await;
    assert_eq!(check(response).await, TOTAL);
}

const PATTERN_SHA256: &str = "98dc891b284e4d84ac25b0c0a24fdbe39a7f0dbd643ad5e8aa06e02fc6258254";

#[tokio::test]
async fn sixty_four_megabytes_pass_through_the_guest_to_an_upstream_and_back() {
    let upstream = Upstream::start().await;
    let application =
        Application::of("outbound", r#"allowed_outbound_hosts = ["http://127.0.0.1:*"]"#)
            .allow_origin("http://127.0.0.1:*")
            .start()
            .await;
    let address = application.address();
    let (sender, body) = wire::channel();
    let writing = tokio::spawn(write(sender, TOTAL));
    let target = format!("/outbound/through?url={}", upstream.url("/echo"));
    let mut connection = Connection::open(address).await;
    let response = connection.answer(wire::post(address, &target, body)).await;
    assert_eq!(check(response).await, TOTAL);
    writing.await.unwrap();
}

#[tokio::test]
async fn each_piece_comes_back_before_the_next_is_sent() {
    let application = echo().await;
    let address = application.address();
    for path in ["/echo/copy", "/echo/splice"] {
        for h2 in [false, true] {
            let mut connection = if h2 {
                Connection::open_h2(address).await
            } else {
                Connection::open(address).await
            };
            let (sender, body) = wire::channel();
            let response = connection.answer(wire::post(address, path, body)).await;
            let mut body = response.into_body();
            for piece in ["a", "bc", "def"] {
                sender.send(piece.into()).await.unwrap();
                assert_eq!(wire::next(&mut body).await.unwrap().unwrap(), piece, "{path} {h2}");
            }
            drop(sender);
            assert!(wire::next(&mut body).await.is_none(), "{path} {h2}");
        }
    }
}

#[tokio::test]
async fn events_arrive_one_by_one() {
    let application = echo().await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let response = connection.answer(wire::get(address, "/echo/events?count=5&pause_ms=100")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    for id in 1..=5 {
        let event = wire::next(&mut body).await.unwrap().unwrap();
        assert_eq!(event, format!("id: {id}\ndata: event {id}\n\n"), "events were put together");
    }
    assert!(wire::next(&mut body).await.is_none());
}

#[tokio::test]
async fn the_head_arrives_before_the_first_byte_of_the_body() {
    let application = echo().await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let (sender, body) = wire::channel();
    let response = connection.answer(wire::post(address, "/echo/copy", body)).await;
    assert_eq!(response.status(), 200);
    sender.send("now".into()).await.unwrap();
    drop(sender);
    assert_eq!(wire::read(response).await.unwrap().text(), "now");
}

#[tokio::test]
async fn a_guest_that_reads_slowly_gets_everything() {
    let application = echo().await;
    let address = application.address();
    let body = wire::full(vec![b'x'; 1 << 20]);
    let answer = wire::ask(address, wire::post(address, "/echo/slow?pause_ms=1", body)).await;
    assert_eq!(answer.json()["bytes"], 1 << 20);
}

#[tokio::test]
async fn an_empty_body_is_an_empty_body() {
    let application = echo().await;
    let address = application.address();
    for path in ["/echo/copy", "/echo/splice"] {
        let answer = wire::ask(address, wire::post(address, path, wire::empty())).await;
        assert!(answer.bytes.is_empty(), "{path}");
    }
}
