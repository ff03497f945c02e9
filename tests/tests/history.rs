//! A history that many write and that the server is killed under: each seq is there once, and each page says the same as before.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use e2e::server::Options;
use e2e::{Client, Server};
use http::{Method, StatusCode};
use serde_json::json;

const WRITERS: usize = 64;
const APPENDS: usize = 200;

/// A key may send 600 requests a minute: as many writers share one as stay below that, with room for repetitions.
const KEYS: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_writers_with_200_appends_each_nothing_is_missing_after_kill_9() {
    let state = tempfile::tempdir().unwrap();
    let server = start(state.path());
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let created = ada.post("/api/conversations", &json!({})).await;
    let path = format!("/api/conversations/{}/messages", created.body["id"].as_str().unwrap());
    let keys = ada.api_keys(KEYS).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (ada, path) = (keys[writer % KEYS].clone(), path.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0..APPENDS {
                    let text = format!("writer {writer} message {number}");
                    let body = json!({ "role": "user", "content": text });
                    acknowledged.push((append(&ada, &path, &body).await, text));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let seqs: Vec<_> = acknowledged.keys().copied().collect();
    assert_eq!(seqs, (1..=WRITERS * APPENDS).collect::<Vec<_>>());
    let commits = commits(&server);
    assert!(
        commits * 2 < WRITERS * APPENDS,
        "{commits} commits: those who write at once share their waits for the disk"
    );
    assert!(!server.kill().success());

    let server = start(state.path());
    let ada = ada.at(server.address());
    let mut stored = BTreeMap::new();
    let mut next = Some(format!("{path}?limit=200&after=0"));
    while let Some(url) = next {
        let page = ada.get(&url).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        for message in page.body["data"].as_array().unwrap() {
            let seq = usize::try_from(message["seq"].as_u64().unwrap()).unwrap();
            let text = message["content"].as_str().unwrap().to_owned();
            assert!(stored.insert(seq, text).is_none(), "{seq} is there twice");
        }
        let cursor = page.body["next_cursor"].as_str();
        next = cursor.map(|cursor| format!("{path}?limit=200&cursor={cursor}"));
    }
    assert_eq!(stored, acknowledged);
    let found = ada.get("/api/search?q=%22writer+63+message+199%22").await;
    assert_eq!(found.body["data"].as_array().unwrap().len(), 1, "{found:?}");
}

/// Appends, again and again while the server says that it has too much to do.
async fn append(client: &Client, path: &str, body: &serde_json::Value) -> usize {
    loop {
        let answer = client.send(Method::POST, path, Some(body)).await.unwrap();
        if answer.status == StatusCode::CREATED {
            return usize::try_from(answer.body["seq"].as_u64().unwrap()).unwrap();
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn start(state: &Path) -> Server {
    Options::new(state).arg("--admin-listen").arg("127.0.0.1:0").start()
}

/// How often the server has committed, as it tells the operator.
fn commits(server: &Server) -> usize {
    let log = server.log();
    let (_, rest) = log.split_once("metrics and health on http://").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    let name = "host_database_commit_writes_count{database=\"default\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    assert!(line.is_some(), "{metrics}");
    line.unwrap().parse().unwrap()
}
