//! The parts of serving that need no guest, over real sockets.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use host::{Host, HostError, Limits, Options};
use http::{StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const MANIFEST: &str = r#"
spin_manifest_version = 2
[application]
name = "static"
[[trigger.http]]
id = "hello"
route = "/hello/..."
static_response = { status_code = 203, headers = { "x-own" = "1" }, body = "hello" }
"#;

struct Served {
    address: SocketAddr,
    admin: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), HostError>>,
    _folder: tempfile::TempDir,
}

fn options(folder: &tempfile::TempDir, manifest: &str) -> Options {
    let path = folder.path().join("spin.toml");
    fs::write(&path, manifest).unwrap();
    let mut options = Options::new(path, folder.path().join("state"), loopback());
    options.admin_listen = Some(loopback());
    options
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn serve(limits: Limits) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder, MANIFEST);
    options.limits = limits;
    let ready = Host::prepare(options).unwrap().compile(|_| {}).unwrap();
    let (address, admin) = (ready.local_addr(), ready.admin_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(ready.serve(async move {
        stopped.await.unwrap_or_default();
    }));
    Served { address, admin, stop: Some(stop), task, _folder: folder }
}

async fn get(http2: bool, uri: String) -> (StatusCode, Version, http::HeaderMap, Bytes) {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.version, head.headers, body.collect().await.unwrap().to_bytes())
}

async fn raw(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset after the answer has still answered.
    _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn both_protocols_are_spoken_on_one_port() {
    let served = serve(Limits::default());
    for (http2, expected) in [(false, Version::HTTP_11), (true, Version::HTTP_2)] {
        let uri = format!("http://{}/hello/you?x", served.address);
        let (status, version, headers, body) = get(http2, uri).await;
        assert_eq!((status, version), (StatusCode::NON_AUTHORITATIVE_INFORMATION, expected));
        assert_eq!(headers["x-own"], "1");
        assert!(headers.contains_key("x-request-id"));
        assert_eq!(body, "hello");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_with_the_clients_request_id() {
    let served = serve(Limits::default());
    let text =
        "GET /nowhere HTTP/1.1\r\nhost: h\r\nx-request-id: mine\r\nconnection: close\r\n\r\n";
    let answer = raw(served.address, text).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(head.contains("x-request-id: mine"), "{head}");
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert!(body.contains(r#""code":"not_found","request_id":"mine""#), "{body}");
}

#[tokio::test]
async fn heads_are_limited() {
    let served = serve(Limits::default());
    let many = "x-more: 1\r\n".repeat(120);
    let large = format!("x: {}\r\n", "y".repeat(40_000));
    for fields in [many, large] {
        let answer =
            raw(served.address, &format!("GET /hello HTTP/1.1\r\nhost: h\r\n{fields}\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    for fields in ["", "host: a\r\nhost: b\r\n", "host: auth.spin.internal\r\n"] {
        let text = format!("GET /hello HTTP/1.1\r\n{fields}connection: close\r\n\r\n");
        let answer = raw(served.address, &text).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn a_head_must_come_in_time() {
    let limits = Limits { header_read_timeout: Duration::from_millis(100), ..Limits::default() };
    let served = serve(limits);
    for begun in ["", "PRI * HTTP/2", "GET /hello HTTP/1.1\r\nhost:"] {
        let answer = tokio::time::timeout(Duration::from_secs(5), raw(served.address, begun));
        let answer = answer.await.unwrap();
        assert!(!answer.contains("hello"), "{begun}: {answer}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_told_to_come_back() {
    let served = serve(Limits { connections_max: 1, ..Limits::default() });
    let first = TcpStream::connect(served.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = raw(served.address, "").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer =
        raw(served.address, "GET /hello HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 203 "), "{answer}");
}

#[tokio::test]
async fn metrics_and_health_are_on_their_own_listener() {
    let served = serve(Limits::default());
    get(false, format!("http://{}/hello", served.address)).await;
    let (status, _, _, body) = get(false, format!("http://{}/metrics", served.admin)).await;
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, StatusCode::OK);
    let line = r#"host_requests_total{component="static",route="/hello/...",status="203"} 1"#;
    assert!(text.contains(line), "{text}");
    for path in ["healthz", "readyz"] {
        let (status, ..) = get(false, format!("http://{}/{path}", served.admin)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let (status, ..) = get(false, format!("http://{}/metrics", served.address)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_shutdown_closes_idle_connections_and_frees_the_port() {
    let mut served = serve(Limits::default());
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).await.unwrap();
    assert_eq!(&some, b"HTTP/1.1 203");
    served.stop.take().unwrap().send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), served.task).await;
    ended.unwrap().unwrap().unwrap();
    std::net::TcpListener::bind(served.address).unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_said_before_anything_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind(loopback()).unwrap();
    let mut options = options(&folder, MANIFEST);
    options.listen = taken.local_addr().unwrap();
    let error = Host::prepare(options).err().unwrap().to_string();
    assert!(error.contains(&taken.local_addr().unwrap().to_string()), "{error}");
    assert!(error.contains("choose another address"), "{error}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let component = "\n[[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";
    let error = Host::prepare(options(&folder, &format!("{MANIFEST}{component}"))).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("a.wasm of component a"), "{text}");
    assert!(text.contains("build the components first"), "{text}");
    let databases = format!("{MANIFEST}{component}sqlite_databases = [\"other\"]\n");
    fs::write(folder.path().join("a.wasm"), "not wasm").unwrap();
    let error = Host::prepare(options(&folder, &databases)).err().unwrap().to_string();
    assert!(error.contains("[sqlite_database.other]"), "{error}");
    let prepared = Host::prepare(options(&folder, &format!("{MANIFEST}{component}"))).unwrap();
    let error = prepared.compile(|_| {}).err().unwrap().to_string();
    assert!(error.starts_with("component a does not compile"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}
