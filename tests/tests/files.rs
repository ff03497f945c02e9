//! Files at the real server: what was acknowledged is there after kill -9, what was not leaves nothing, and large files pass through little memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use e2e::server::Options;
use e2e::{Client, Server};
use http::StatusCode;
use rusqlite::Connection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const KILLS: usize = 50;
const SIZE: usize = 3 * 1024 * 1024;
const LARGE: usize = 50 * 1024 * 1024;

const AT_ONCE: usize = 8;

/// How much memory an instance may take above idle while files of 50 MB pass (SECURITY R75).
const GROWTH_BYTES_MAX: u64 = 32 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_killed_leave_nothing_and_what_was_acknowledged_stays() {
    let state = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..SIZE).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let mut acknowledged = Vec::new();
    let mut signed_up: Option<(Client, String)> = None;
    for kill in 0..KILLS {
        let server = Server::start(state.path());
        let address = server.address();
        if signed_up.is_none() {
            let (ada, answer) = Client::new(address).sign_up("ada@example.com").await;
            signed_up = Some((ada, answer.body["access_token"].as_str().unwrap().to_owned()));
        }
        let token = signed_up.as_ref().unwrap().1.clone();
        let whole = upload(address, &token, &content, SIZE).await;
        acknowledged.push(file_id(&whole.unwrap()));
        // The bytes that have gone out differ each time; the answer is never waited for.
        let cut = SIZE * kill / KILLS;
        let (token, bytes) = (token.clone(), content.clone());
        let cut_off = tokio::spawn(async move { upload(address, &token, &bytes, cut).await });
        tokio::time::sleep(Duration::from_millis(u64::try_from(kill % 10).unwrap() * 5)).await;
        assert!(!server.kill().success());
        drop(cut_off.await);
    }
    let server = Server::start(state.path());
    let (ada, token) = signed_up.unwrap();
    let page = ada.at(server.address()).get("/api/files?limit=200").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let mut listed: Vec<_> = page.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["id"].as_str().unwrap().to_owned())
        .collect();
    listed.sort();
    acknowledged.sort();
    assert_eq!(listed, acknowledged, "what is seen is what was acknowledged");
    for id in &acknowledged {
        assert!(download_is(server.address(), &token, id, &content).await, "{id}");
    }
    server.terminate();
    give_up_at_once(state.path());
    let swept = Command::new(e2e::workspace::selvage())
        .arg("sweep")
        .arg("--state-dir")
        .arg(state.path())
        .current_dir(e2e::workspace::root())
        .status();
    assert!(swept.unwrap().success());
    let chunks = rows(&state.path().join("kv.db"), "SELECT count(*) FROM key_value");
    assert_eq!(
        chunks,
        i64::try_from(KILLS * SIZE.div_ceil(512 * 1024)).unwrap(),
        "no chunk is an orphan"
    );
    let database = state.path().join("selvage.db");
    assert_eq!(rows(&database, "SELECT count(*) FROM file WHERE state = 'pending'"), 0);
    assert_eq!(
        rows(&database, "SELECT size_bytes FROM file_usage"),
        i64::try_from(KILLS * SIZE).unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_large_files_at_once_pass_through_little_memory() {
    let state = tempfile::tempdir().unwrap();
    let server = Options::new(state.path()).arg("--admin-listen").arg("127.0.0.1:0").start();
    let address = server.address();
    let (_, answer) = Client::new(address).sign_up("ada@example.com").await;
    let token: Arc<str> = answer.body["access_token"].as_str().unwrap().into();
    let content: Arc<[u8]> = (0..LARGE).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let small = file_id(&upload(address, &token, b"abc", 3).await.unwrap());
    assert!(download_is(address, &token, &small, b"abc").await);
    let idle = instance_peak(&server).await;

    let uploads: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (token, content) = (token.clone(), content.clone());
            tokio::spawn(async move { upload(address, &token, &content, LARGE).await })
        })
        .collect();
    let mut ids = Vec::new();
    for sent in uploads {
        ids.push(file_id(&sent.await.unwrap().unwrap()));
    }
    let after_uploads = instance_peak(&server).await;
    let downloads: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let (token, content) = (token.clone(), content.clone());
            tokio::spawn(async move { download_is(address, &token, &id, &content).await })
        })
        .collect();
    for received in downloads {
        assert!(received.await.unwrap(), "what comes is what was sent");
    }
    let after_downloads = instance_peak(&server).await;
    assert!(after_downloads - idle <= GROWTH_BYTES_MAX, "{idle} {after_uploads} {after_downloads}");
}

/// The most memory that any instance of the component ever had.
async fn instance_peak(server: &Server) -> u64 {
    let log = server.log();
    let said = "metrics and health on http://";
    let admin = log.split(said).nth(1).unwrap().split_whitespace().next().unwrap();
    let metrics = Client::new(admin.parse().unwrap()).get("/metrics").await.body;
    let name = "host_instance_memory_peak_bytes{component=\"files\"} ";
    let line = metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().parse().unwrap()
}

/// Sends the first `sent` bytes of a file and reads the answer, if there is to be one.
async fn upload(
    address: SocketAddr,
    token: &str,
    content: &[u8],
    sent: usize,
) -> std::io::Result<Vec<u8>> {
    let mut stream = ask(address, token, "POST /api/files?name=a.txt", content.len()).await?;
    stream.write_all(&content[..sent]).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Whether a file has this content. It is compared as it comes.
async fn download_is(address: SocketAddr, token: &str, id: &str, content: &[u8]) -> bool {
    let line = format!("GET /api/files/{id}/content");
    let mut stream = ask(address, token, &line, 0).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    let (mut at, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        if read == 0 {
            return at == content.len();
        }
        if content.get(at..at + read) != Some(&buffer[..read]) {
            return false;
        }
        at += read;
    }
}

/// Sends the head of a request.
async fn ask(
    address: SocketAddr,
    token: &str,
    line: &str,
    length: usize,
) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    Ok(stream)
}

fn file_id(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    let body: serde_json::Value =
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

/// Sets back the leases of unfinished files, as if five minutes had passed.
fn give_up_at_once(state: &Path) {
    let connection = Connection::open(state.join("selvage.db")).unwrap();
    connection
        .execute_batch("UPDATE file SET pending_until = 0 WHERE state = 'pending'; UPDATE file_part SET touched_at = 0 WHERE state = 'writing'; UPDATE chunk_removal SET due_at = 0;")
        .unwrap();
}

fn rows(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}
