//! What the host makes of requests: the headers a guest can trust, the problems a client is told, both protocols.

use e2e::conformance::{Application, Connection, Running, wire};
use http::{HeaderMap, Method};
use serde_json::Value;

async fn echo() -> Running {
    Application::of("echo", "").start().await
}

/// All values of a header in what guest-echo says of its request.
fn values(request: &Value, name: &str) -> Vec<String> {
    let headers = request["headers"].as_array().unwrap();
    headers
        .iter()
        .filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name))
        .map(|header| header[1].as_str().unwrap().to_owned())
        .collect()
}

/// The JSON body of a raw HTTP/1.1 answer.
fn body(raw: &str) -> Value {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {raw:?}"));
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{head}\n\n{body}"))
}

/// A problem as RFC 9457 has it, with the host's code.
fn assert_problem(answer: &wire::Whole, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["code"], code, "{problem}");
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    assert_eq!(problem["request_id"], answer.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn the_guest_learns_the_route_and_the_client() {
    let application = Application::of("echo", "")
        .routed("route = \"/users/:user_id/files/...\"\ncomponent = \"echo\"")
        .start()
        .await;
    let address = application.address();
    let mut connection = Connection::open(address).await;
    let path = "/users/a%20b/files/request?x=1";
    let response = connection.answer(wire::get(address, path)).await;
    let request = wire::read(response).await.unwrap();
    // The guest answers by `spin-path-info`, so the answer alone shows that it is right.
    let request = request.json();
    assert_eq!(values(&request, "spin-path-info"), ["/request"]);
    assert_eq!(values(&request, "spin-full-url"), [format!("http://{address}{path}")]);
    assert_eq!(values(&request, "spin-base-path"), ["/"]);
    assert_eq!(values(&request, "spin-component-route"), ["/users/:user_id/files"]);
    assert_eq!(values(&request, "spin-raw-component-route"), ["/users/:user_id/files/..."]);
    assert_eq!(values(&request, "spin-path-match-user-id").len(), 1);
    let client = values(&request, "spin-client-addr");
    assert!(client.len() == 1 && client[0].starts_with("127.0.0.1:"), "{client:?}");
    assert_eq!(request["method"], "GET");
    assert_eq!(request["query"], "x=1");
    assert_eq!(request["authority"], address.to_string());
}

#[tokio::test]
async fn what_clients_claim_in_spin_headers_is_dropped() {
    let application = echo().await;
    let address = application.address();
    let raw = wire::raw(
        address,
        format!(
            "GET /echo/request HTTP/1.1\r\nhost: {address}\r\n\
             spin-client-addr: 6.6.6.6:1\r\nspin-client-addr: 6.6.6.7:1\r\n\
             Spin-Client-Addr: 6.6.6.8:1\r\nSPIN-PATH-INFO: /pattern\r\n\
             spin-path-match-user: root\r\nspin-invented: x\r\nspin-full-url: http://evil/\r\n\
             connection: close\r\n\r\n"
        )
        .as_bytes(),
    )
    .await;
    let request = body(&raw);
    let client = values(&request, "spin-client-addr");
    assert!(client.len() == 1 && client[0].starts_with("127.0.0.1:"), "{client:?}");
    assert_eq!(values(&request, "spin-path-info"), ["/request"]);
    assert_eq!(values(&request, "spin-full-url"), [format!("http://{address}/echo/request")]);
    for name in ["spin-path-match-user", "spin-invented"] {
        assert!(values(&request, name).is_empty(), "{name} came through");
    }
}

#[tokio::test]
async fn spin_headers_are_dropped_from_http_2_as_well() {
    let application = echo().await;
    let address = application.address();
    let mut connection = Connection::open_h2(address).await;
    let mut request = wire::get(address, "/echo/request");
    for value in ["6.6.6.6:1", "6.6.6.7:1"] {
        request.headers_mut().append("spin-client-addr", value.parse().unwrap());
    }
    let request = wire::read(connection.answer(request).await).await.unwrap().json();
    let client = values(&request, "spin-client-addr");
    assert!(client.len() == 1 && client[0].starts_with("127.0.0.1:"), "{client:?}");
}

#[tokio::test]
async fn headers_for_one_connection_do_not_reach_the_guest() {
    let application = echo().await;
    let address = application.address();
    let raw = wire::raw(
        address,
        format!(
            "GET /echo/request HTTP/1.1\r\nhost: {address}\r\nconnection: close, x-private\r\n\
             x-private: 1\r\nkeep-alive: timeout=5\r\nte: trailers\r\nx-public: 2\r\n\r\n"
        )
        .as_bytes(),
    )
    .await;
    let request = body(&raw);
    for name in ["connection", "x-private", "keep-alive", "te"] {
        assert!(values(&request, name).is_empty(), "{name} came through");
    }
    assert_eq!(values(&request, "x-public"), ["2"]);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_guest_has_the_same() {
    let application = echo().await;
    let address = application.address();
    let first = wire::ask(address, wire::get(address, "/echo/request")).await;
    let id = first.headers["x-request-id"].to_str().unwrap();
    assert_eq!(values(&first.json(), "x-request-id"), [id]);
    let second = wire::ask(address, wire::get(address, "/echo/request")).await;
    assert_ne!(id, second.headers["x-request-id"]);
    let mut own = wire::get(address, "/echo/request");
    own.headers_mut().insert("x-request-id", "client-chosen.1".parse().unwrap());
    let third = wire::ask(address, own).await;
    assert_eq!(third.headers["x-request-id"], "client-chosen.1");
    let mut bad = wire::get(address, "/echo/request");
    bad.headers_mut().insert("x-request-id", "a b<c>".parse().unwrap());
    let fourth = wire::ask(address, bad).await;
    assert_ne!(fourth.headers["x-request-id"], "a b<c>");
}

#[tokio::test]
async fn a_trace_is_continued_or_begun() {
    let application = echo().await;
    let address = application.address();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut request = wire::get(address, "/echo/request");
    request.headers_mut().insert("traceparent", parent.parse().unwrap());
    request.headers_mut().insert("tracestate", "vendor=1".parse().unwrap());
    let continued = wire::ask(address, request).await.json();
    assert_eq!(values(&continued, "traceparent"), [parent]);
    assert_eq!(values(&continued, "tracestate"), ["vendor=1"]);
    let begun = wire::ask(address, wire::get(address, "/echo/request")).await.json();
    let begun = values(&begun, "traceparent");
    assert!(begun.len() == 1 && begun[0].len() == parent.len(), "{begun:?}");
}

#[tokio::test]
async fn an_unknown_path_is_a_problem() {
    let application = echo().await;
    let address = application.address();
    for path in ["/", "/nowhere", "/echoes", "/ECHO/request"] {
        let answer = wire::ask(address, wire::get(address, path)).await;
        assert_problem(&answer, 404, "not_found");
    }
}

#[tokio::test]
async fn the_host_answers_its_own_paths() {
    let application = echo()
        .await
        .stop()
        .await
        .routed("route = \"/static\"\nstatic_response = { status_code = 203, headers = { \"x-kind\" = \"static\" }, body = \"served by the host\" }")
        .start()
        .await;
    let address = application.address();
    let health = wire::ask(address, wire::get(address, "/.well-known/spin/health")).await;
    assert_eq!((health.status.as_u16(), health.text().as_str()), (200, "OK"));
    let answer = wire::ask(address, wire::get(address, "/static")).await;
    assert_eq!(answer.status, 203);
    assert_eq!(answer.headers["x-kind"], "static");
    assert_eq!(answer.text(), "served by the host");
}

#[tokio::test]
async fn connect_is_no_method_for_a_component() {
    let application = echo().await;
    let address = application.address();
    let raw = wire::raw(
        address,
        format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
            .as_bytes(),
    )
    .await;
    assert!(raw.starts_with("HTTP/1.1 405 "), "{raw}");
    assert_eq!(body(&raw)["code"], "method_not_allowed");
}

#[tokio::test]
async fn every_other_method_reaches_the_guest() {
    let application = echo().await;
    let address = application.address();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        let mut request = wire::get(address, "/echo/request");
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = wire::ask(address, request).await;
        assert_eq!(answer.json()["method"], method);
    }
    let mut head = wire::get(address, "/echo/request");
    *head.method_mut() = Method::HEAD;
    let answer = wire::ask(address, head).await;
    assert_eq!(answer.status, 200);
    assert!(answer.bytes.is_empty());
}

#[tokio::test]
async fn a_host_that_contradicts_itself_is_refused() {
    let application = echo().await;
    let address = application.address();
    for head in [
        "GET /echo/request HTTP/1.1\r\n".to_owned(),
        format!("GET /echo/request HTTP/1.1\r\nhost: {address}\r\nhost: other\r\n"),
        format!("GET http://other/echo/request HTTP/1.1\r\nhost: {address}\r\n"),
        "GET /echo/request HTTP/1.1\r\nhost: user@host\r\n".to_owned(),
        "GET /echo/request HTTP/1.1\r\nhost: echo.spin.internal\r\n".to_owned(),
    ] {
        let raw = wire::raw(address, format!("{head}connection: close\r\n\r\n").as_bytes()).await;
        assert!(raw.starts_with("HTTP/1.1 400 "), "{head:?}: {raw}");
    }
}

#[tokio::test]
async fn requests_that_could_be_read_in_two_ways_are_refused() {
    let application = echo().await;
    let address = application.address();
    for framing in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: +4\r\n",
        "content-length: 4, 5\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "x-bad name: 1\r\n",
    ] {
        let request = format!(
            "POST /echo/count HTTP/1.1\r\nhost: {address}\r\n{framing}connection: close\r\n\r\n\
             0\r\n\r\nGET /echo/status?code=299 HTTP/1.1\r\nhost: {address}\r\n\r\n"
        );
        let raw = wire::raw(address, request.as_bytes()).await;
        assert!(!raw.contains("HTTP/1.1 299"), "a request was smuggled by {framing:?}: {raw}");
    }
}

#[tokio::test]
async fn both_protocols_serve_many_requests_on_one_connection() {
    let application = echo().await;
    let address = application.address();
    let mut one = Connection::open(address).await;
    let mut two = Connection::open_h2(address).await;
    for round in 0..10 {
        for connection in [&mut one, &mut two] {
            let body = wire::full(format!("round {round}"));
            let response = connection.answer(wire::post(address, "/echo/copy", body)).await;
            assert_eq!(wire::read(response).await.unwrap().text(), format!("round {round}"));
        }
    }
}

#[tokio::test]
async fn requests_of_one_http_2_connection_do_not_wait_for_each_other() {
    let application = echo().await;
    let address = application.address();
    let mut connection = Connection::open_h2(address).await;
    let (sender, body) = wire::channel();
    let slow = connection.answer(wire::post(address, "/echo/copy", body)).await;
    let quick = connection.answer(wire::get(address, "/echo/status?code=204")).await;
    assert_eq!(quick.status(), 204);
    sender.send("late".into()).await.unwrap();
    drop(sender);
    assert_eq!(wire::read(slow).await.unwrap().text(), "late");
}

#[tokio::test]
async fn trailers_of_a_response_arrive() {
    let application = echo().await;
    let address = application.address();
    let mut connection = Connection::open_h2(address).await;
    let response = connection.answer(wire::get(address, "/echo/trailers")).await;
    let answer = wire::read(response).await.unwrap();
    assert_eq!(answer.text(), "a body with trailers");
    let trailers: HeaderMap = answer.trailers.expect("there are trailers");
    assert_eq!(trailers["x-checksum"], "of-the-body");
}

#[tokio::test]
async fn answers_without_content_have_none() {
    let application = echo().await;
    let address = application.address();
    for code in [204, 304] {
        let path = format!("/echo/status?code={code}");
        let answer = wire::ask(address, wire::get(address, &path)).await;
        assert_eq!(answer.status, code);
        assert!(answer.bytes.is_empty());
    }
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_431() {
    let application = echo().await;
    let address = application.address();
    let many: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "v".repeat(100_000));
    for headers in [many, large] {
        let request = format!(
            "GET /echo/request HTTP/1.1\r\nhost: {address}\r\n{headers}connection: close\r\n\r\n"
        );
        let raw = wire::raw(address, request.as_bytes()).await;
        assert!(raw.starts_with("HTTP/1.1 431 "), "{}", &raw[..raw.len().min(200)]);
    }
}
