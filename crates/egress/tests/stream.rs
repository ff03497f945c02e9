//! `Egress::stream` against a server that writes what the test says.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use egress::{Egress, EgressError, Request, StreamLimits, StreamedResponse, UrlPolicy, within};
use testing::{RawServer, Step};

const LIMITS: StreamLimits = StreamLimits {
    head: Duration::from_millis(300),
    idle: Duration::from_millis(200),
    total: Duration::from_millis(900),
    body_bytes_max: 2000,
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn write(text: &str) -> Step {
    Step::Write(text.into())
}

fn pause(milliseconds: u64) -> Step {
    Step::Pause(Duration::from_millis(milliseconds))
}

/// What the server does, by path.
fn steps(path: &str) -> Vec<Step> {
    match path {
        "/redirect" => vec![write("HTTP/1.1 307 Go\r\nlocation: /\r\ncontent-length: 0\r\n\r\n")],
        "/headers" => {
            let headers = "x: y\r\n".repeat(101);
            vec![write(&format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n"))]
        }
        "/garbage" => vec![write("220 mail.example ESMTP\r\n")],
        "/silent" => vec![Step::Hold],
        "/slow-head" => vec![Step::Drip(CHUNKED.into(), Duration::from_millis(50))],
        "/stall" => vec![write(CHUNKED), write("1\r\na\r\n"), Step::Hold],
        "/cut" => vec![write(CHUNKED), write("1\r\na\r\n5\r\nb")],
        "/loris" => {
            let chunks = (0..100).flat_map(|_| [write("1\r\na\r\n"), pause(50)]);
            [write(CHUNKED)].into_iter().chain(chunks).collect()
        }
        "/endless" => vec![
            write(CHUNKED),
            Step::Repeat(format!("3e8\r\n{}\r\n", "x".repeat(1000)).into(), usize::MAX),
        ],
        "/exact" => {
            vec![write("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n"), write(&"x".repeat(2000))]
        }
        _ => vec![
            write(CHUNKED),
            write("1\r\na\r\n"),
            pause(100),
            write("2\r\nbc\r\n"),
            pause(100),
            write("0\r\nx-trailer: y\r\n\r\n"),
        ],
    }
}

async fn open(server: &RawServer, path: &str) -> Result<StreamedResponse, EgressError> {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&format!("{}{path}", server.origin())).unwrap();
    Egress::new().unwrap().stream(Request::get(target), LIMITS).await
}

/// Reads until the end, and says how many bytes there were.
async fn read(server: &RawServer, path: &str) -> (usize, Result<(), EgressError>) {
    let mut response = match open(server, path).await {
        Ok(response) => response,
        Err(error) => return (0, Err(error)),
    };
    let mut bytes = 0;
    let outcome = loop {
        match response.body.next().await {
            Ok(Some(piece)) => bytes += piece.len(),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert_eq!(response.body.next().await, Ok(None), "what has failed is over");
    (bytes, outcome)
}

#[tokio::test]
async fn what_goes_wrong_has_a_class() {
    let server = RawServer::start(|request| steps(&request.path)).await;
    for (path, error) in [
        ("/redirect", EgressError::Redirected),
        ("/headers", EgressError::TooLarge),
        ("/garbage", EgressError::Interrupted),
        ("/silent", EgressError::Timeout),
        ("/slow-head", EgressError::Timeout),
        ("/stall", EgressError::Timeout),
        ("/cut", EgressError::Interrupted),
        ("/loris", EgressError::Timeout),
        ("/endless", EgressError::TooLarge),
    ] {
        let (bytes, outcome) = read(&server, path).await;
        assert_eq!(outcome, Err(error), "{path}");
        assert!(bytes <= LIMITS.body_bytes_max, "{path}");
    }
}

#[tokio::test]
async fn pieces_come_when_they_are_sent() {
    let server = RawServer::start(|request| steps(&request.path)).await;
    let mut response = open(&server, "/").await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body.next().await.unwrap().unwrap(), "a");
    // Nothing is lost by giving up on a piece.
    let early = within(Duration::from_millis(10), response.body.next()).await;
    assert_eq!(early, Err(EgressError::Timeout));
    assert_eq!(response.body.next().await.unwrap().unwrap(), "bc");
    assert_eq!(response.body.next().await, Ok(None));
    assert_eq!(read(&server, "/exact").await, (2000, Ok(())));
}

#[tokio::test]
async fn a_body_that_is_dropped_closes_the_connection() {
    let (left, mut gone) = tokio::sync::mpsc::channel::<()>(1);
    let server = RawServer::start(move |_| {
        let left = left.clone();
        let (sender, steps) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let _left = left;
            while sender.send(write("1\r\na\r\n")).is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        vec![write(CHUNKED), Step::Follow(steps)]
    })
    .await;
    let mut response = open(&server, "/").await.unwrap();
    assert!(response.body.next().await.unwrap().is_some());
    drop(response);
    let writes_fail = async {
        // The server's own sender is one of two: what ends is the other's task.
        while gone.sender_strong_count() != 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        gone.close();
    };
    within(Duration::from_secs(2), writes_fail).await.unwrap();
}
