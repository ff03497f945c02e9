//! Files at the real server: what was acknowledged is there after kill -9, what was not leaves nothing, and large files pass through little memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
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

/// How much memory the server may take above idle for each of eight files of 50 MB that pass at once, and for its own buffers beside.
const GROWTH_KIB_MAX: u64 = 8 * 32 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_killed_leave_nothing_and_what_was_acknowledged_stays() {
    let state = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..SIZE).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let mut acknowledged = Vec::new();
    let mut signed_up: Option<(Client, String)> = None;
    for kill in 0..KILLS {
        let server = unlimited(state.path());
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
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!server.kill().success());
        drop(cut_off.await);
    }
    let server = unlimited(state.path());
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
        let answer =
            request(server.address(), &token, &format!("GET /api/files/{id}/content"), b"", 0)
                .await
                .unwrap();
        assert!(answer.ends_with(&content), "{id}");
    }
    server.terminate();
    give_up_at_once(state.path());
    let swept = Command::new(e2e::workspace::selvage())
        .arg("sweep")
        .arg("--state-dir")
        .arg(state.path())
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
    let server = unlimited(state.path());
    let (_, answer) = Client::new(server.address()).sign_up("ada@example.com").await;
    let token = answer.body["access_token"].as_str().unwrap().to_owned();
    let small = upload(server.address(), &token, b"abc", 3).await.unwrap();
    assert!(small.starts_with(b"HTTP/1.1 201"));
    let idle = resident_kib(server.id());
    let uploads: Vec<_> = (0..8)
        .map(|_| {
            let (address, token) = (server.address(), token.clone());
            tokio::spawn(async move { upload(address, &token, &vec![b'a'; LARGE], LARGE).await })
        })
        .collect();
    let mut largest = idle;
    while !uploads.iter().all(tokio::task::JoinHandle::is_finished) {
        largest = largest.max(resident_kib(server.id()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for sent in uploads {
        assert!(sent.await.unwrap().unwrap().starts_with(b"HTTP/1.1 201"));
    }
    let growth = largest - idle;
    assert!(growth < GROWTH_KIB_MAX, "{growth} KiB");
}

fn unlimited(state: &Path) -> Server {
    Options::new(state).variable("limit_api", "off").start()
}

/// Sends the first `sent` bytes of a file and reads the answer, if there is to be one.
async fn upload(
    address: SocketAddr,
    token: &str,
    content: &[u8],
    sent: usize,
) -> std::io::Result<Vec<u8>> {
    request(address, token, "POST /api/files?name=a.txt", content, sent).await
}

async fn request(
    address: SocketAddr,
    token: &str,
    line: &str,
    content: &[u8],
    sent: usize,
) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&content[..sent]).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn file_id(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    assert!(text.starts_with("HTTP/1.1 201"), "{text}");
    let body: serde_json::Value =
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

/// Sets back the times after which unfinished files are given up, as if five minutes had passed.
fn give_up_at_once(state: &Path) {
    let connection = Connection::open(state.join("selvage.db")).unwrap();
    connection
        .execute_batch("UPDATE file SET pending_until = 0 WHERE state = 'pending'; UPDATE file_part SET touched_at = 0 WHERE state = 'writing'; UPDATE chunk_removal SET due_at = 0;")
        .unwrap();
}

fn rows(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn resident_kib(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
