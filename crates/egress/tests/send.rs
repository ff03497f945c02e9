//! `Egress::send` against a real server.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use egress::{Egress, EgressError, Limits, Request, Target, UrlPolicy};
use http::{Response, header};
use testing::{HttpServer, RawServer, Step};

fn target(server: &HttpServer, path: &str) -> Target {
    let policy: UrlPolicy = server.origin().parse().unwrap();
    policy.check(&format!("{}{path}", server.origin())).unwrap()
}

/// A server with a path for each way to behave; it counts the requests.
async fn server() -> (HttpServer, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let requests = Arc::clone(&count);
    let server = HttpServer::start(move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = Response::builder();
        match request.uri().path() {
            "/echo" => {
                let name = header::AUTHORIZATION;
                let text = format!(
                    "{} {} {:?} {}",
                    request.method(),
                    request.uri(),
                    request.headers().get(name).map(|value| value.to_str().unwrap()),
                    String::from_utf8_lossy(request.body())
                );
                Some(answer.status(418).body(text.into()).unwrap())
            }
            "/redirect" => {
                let to = (header::LOCATION, "/echo");
                Some(answer.status(302).header(to.0, to.1).body("".into()).unwrap())
            }
            "/large" => Some(answer.body(vec![b'x'; 2000].into()).unwrap()),
            "/headers" => {
                let headers = (0..101).fold(answer, |answer, n| answer.header("x-n", n));
                Some(headers.body("".into()).unwrap())
            }
            _ => None,
        }
    })
    .await;
    (server, requests)
}

async fn fails(server: &HttpServer, path: &str, error: EgressError) {
    let limits = Limits { body_bytes_max: 1999, ..Limits::default() };
    let outcome = Egress::new().unwrap().send(Request::get(target(server, path)), limits).await;
    assert_eq!(outcome.unwrap_err(), error, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_has_a_class_and_nothing_is_followed() {
    let (server, requests) = server().await;
    fails(&server, "/redirect", EgressError::Redirected).await;
    assert_eq!(requests.load(Ordering::SeqCst), 1, "the redirect was not followed");
    fails(&server, "/large", EgressError::TooLarge).await;
    fails(&server, "/headers", EgressError::TooLarge).await;
    fails(&server, "/drop", EgressError::Interrupted).await;
    let gone = target(&server, "/echo");
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let outcome = Egress::new().unwrap().send(Request::get(gone), Limits::default()).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Unreachable);
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let server = RawServer::start(|_| vec![Step::Hold]).await;
    let policy: UrlPolicy = server.origin().parse().unwrap();
    let target = policy.check(&server.origin()).unwrap();
    let limits = Limits { total: Duration::from_millis(300), ..Limits::default() };
    let outcome = Egress::new().unwrap().send(Request::get(target), limits).await;
    assert_eq!(outcome.unwrap_err(), EgressError::Timeout);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let (server, _) = server().await;
    let request = Request::post(target(&server, "/echo?a=b%20c"), "text/plain", "body")
        .with_secret(header::AUTHORIZATION, "Bearer hunter2")
        .unwrap();
    assert!(!format!("{request:?}").contains("hunter2"));
    let response = Egress::new().unwrap().send(request, Limits::default()).await.unwrap();
    assert_eq!(response.status, 418);
    assert_eq!(response.body, "POST /echo?a=b%20c Some(\"Bearer hunter2\") body");
    let request = Request::get(target(&server, "/echo"));
    assert!(request.with_secret(header::AUTHORIZATION, "a\r\nb: c").is_err());
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let (server, _) = server().await;
    let limits = Limits { body_bytes_max: 2000, ..Limits::default() };
    let request = Request::get(target(&server, "/large"));
    let response = Egress::new().unwrap().send(request, limits).await.unwrap();
    assert_eq!(response.body.len(), 2000);
}
