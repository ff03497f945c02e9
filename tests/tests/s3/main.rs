//! The chunk store in a bucket of S3, at the real server, against moto. `tests/peers/s3.test` installs it and says where it is.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod moto;
mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use e2e::server::Options;
use e2e::{Bare, Client, Server, workspace};
use http::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::moto::{BUCKET, Moto, REGION};
use crate::wire::Wire;

const MIB: usize = 1024 * 1024;

/// A name whose subdomain of the bucket leads to this machine too.
const HOST: &str = "S3_TEST_HOST";

struct Setup {
    moto: Moto,
    wire: Wire,
    state: tempfile::TempDir,
    /// What the server and the sweep are given.
    store: String,
    origin: String,
}

impl Setup {
    /// `host` is where the endpoint is, `called` where requests go.
    async fn new(style: &str, host: &str, called: &str, prefix: &str) -> Option<Self> {
        let moto = Moto::start().await?;
        let wire = Wire::lay(moto.address).await;
        let store = json!({
            "type": "s3", "bucket": BUCKET, "region": REGION, "access_key_id": moto.key_id,
            "secret_access_key": moto.secret, "endpoint": format!("http://{host}:{}", wire.port()), "style": style, "prefix": prefix,
        });
        let origin = format!("http://{called}:{}", wire.port());
        let state = tempfile::tempdir().unwrap();
        Some(Self { moto, wire, state, store: store.to_string(), origin })
    }

    fn serve(&self) -> Server {
        Options::new(self.state.path())
            .arg("--allow-origin")
            .arg(&self.origin)
            .variable("chunk_store", &self.store)
            .start()
    }

    fn sweep(&self) {
        let swept = Command::new(workspace::selvage())
            .args(["sweep", "--state-dir"])
            .arg(self.state.path())
            .current_dir(workspace::root())
            .env("SPIN_VARIABLE_CHUNK_STORE", &self.store)
            .env("SPIN_VARIABLE_EGRESS_ALLOW", &self.origin)
            .status();
        assert!(swept.unwrap().success());
    }

    fn database(&self) -> PathBuf {
        self.state.path().join("selvage.db")
    }
}

/// Text that is nowhere the same.
fn text(size: usize) -> Bytes {
    let lines = (0_u64..).flat_map(|n| format!("{n:015}\n").into_bytes());
    lines.take(size).collect::<Vec<_>>().into()
}

async fn upload(client: &Client, content: &Bytes) -> Bare {
    let headers = [("content-type", "text/plain")];
    client.exchange(Method::POST, "/api/files?name=a.txt", &headers, content.clone()).await.unwrap()
}

fn id(answer: &Bare) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

async fn content(client: &Client, id: &str, range: Option<&str>) -> Bare {
    let headers = range.map(|range| ("range", range));
    let path = format!("/api/files/{id}/content");
    client.exchange(Method::GET, &path, headers.as_slice(), Bytes::new()).await.unwrap()
}

async fn delete(client: &Client, id: &str) {
    let path = format!("/api/files/{id}");
    let gone = client.exchange(Method::DELETE, &path, &[], Bytes::new()).await.unwrap();
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
}

fn is_unavailable(answer: &Bare) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap();
    assert_eq!(body["code"], "unavailable", "{body}");
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
}

/// How many files the account has, how many bytes are reserved for them, and how many words of chunks to be removed there are.
fn counted(database: &Path) -> (i64, i64, i64) {
    let connection = Connection::open(database).unwrap();
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (
        number("SELECT sum(files) FROM file_usage"),
        number("SELECT sum(size_bytes) FROM file_usage"),
        number("SELECT count(*) FROM chunk_removal"),
    )
}

/// A file comes whole and in parts, goes whole and in ranges, and leaves nothing.
async fn files_come_and_go(setup: &Setup) {
    let server = setup.serve();
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let sent = text(2 * MIB + 1);
    let file = id(&upload(&ada, &sent).await);
    let keys = setup.moto.keys().await;
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(keys.iter().all(|key| key.starts_with("some/where/acct_")), "{keys:?}");
    assert_eq!(content(&ada, &file, None).await.bytes, sent);
    let part = content(&ada, &file, Some("bytes=524287-1048576")).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes, sent[524_287..=1_048_576]);
    let last = content(&ada, &file, Some("bytes=-1")).await;
    assert_eq!(last.bytes, sent[2 * MIB..]);

    let large = text(6 * MIB);
    let body = json!({ "bucket": "user-files", "name": "b.txt", "mime_type": "text/plain", "size_bytes": large.len() });
    let begun = ada.post("/api/uploads", &body).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{begun:?}");
    let path = format!("/api/uploads/{}", begun.body["id"].as_str().unwrap());
    for (number, bytes) in [(2, large.slice(5 * MIB..)), (1, large.slice(..5 * MIB))] {
        let headers = [("content-type", "application/octet-stream")];
        let part = format!("{path}/parts/{number}");
        let put = ada.exchange(Method::PUT, &part, &headers, bytes).await.unwrap();
        assert!(put.status.is_success(), "{put:?}");
    }
    let done = ada.send(Method::POST, &format!("{path}/complete"), None).await.unwrap();
    assert!(done.status.is_success(), "{done:?}");
    let whole = done.body["id"].as_str().unwrap();
    assert_eq!(content(&ada, whole, None).await.bytes, large);
    assert_eq!(setup.moto.keys().await.len(), 5 + 12);
    assert!(!setup.state.path().join("kv.db").exists() || chunks_in_file(setup) == 0);
    for file in [file.as_str(), whole] {
        delete(&ada, file).await;
    }
    assert_eq!(setup.moto.keys().await, [""; 0]);
    assert_eq!(counted(&setup.database()), (0, 0, 0));
    server.terminate();
}

fn chunks_in_file(setup: &Setup) -> i64 {
    let connection = Connection::open(setup.state.path().join("kv.db")).unwrap();
    connection.query_row("SELECT count(*) FROM key_value", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go_with_the_bucket_in_the_path() {
    let Some(setup) = Setup::new("path", "127.0.0.1", "127.0.0.1", "some/where").await else {
        return;
    };
    files_come_and_go(&setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go_with_the_bucket_in_the_host() {
    let Some(host) = std::env::var_os(HOST) else { return };
    let host = host.into_string().unwrap();
    let called = format!("{BUCKET}.{host}");
    let Some(setup) = Setup::new("virtual-host", &host, &called, "some/where").await else {
        return;
    };
    files_come_and_go(&setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bucket_is_away_nothing_is_seen_and_nothing_is_lost() {
    let Some(mut setup) = Setup::new("path", "127.0.0.1", "127.0.0.1", "").await else { return };
    let server = setup.serve();
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let sent = text(MIB);
    let (kept, deleted) = (id(&upload(&ada, &sent).await), id(&upload(&ada, &sent).await));
    assert_eq!(counted(&setup.database()), (2, 2 * 1024 * 1024, 0));

    setup.wire.cut().await;
    is_unavailable(&upload(&ada, &sent).await);
    is_unavailable(&content(&ada, &kept, None).await);
    let listed = ada.get("/api/files").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2, "{listed:?}");
    // What is in the database alone can be done; the bytes are removed later.
    delete(&ada, &deleted).await;
    let (files, bytes, removals) = counted(&setup.database());
    assert_eq!((files, bytes), (1, 1024 * 1024));
    assert!(0 < removals, "word of the chunks is left");
    assert_eq!(setup.moto.keys().await.len(), 4);

    setup.wire.mend().await;
    assert_eq!(content(&ada, &kept, None).await.bytes, sent);
    let again = id(&upload(&ada, &sent).await);
    assert_eq!(content(&ada, &again, None).await.bytes, sent);
    let log = server.whole_log();
    assert!(log.contains("the chunk store"), "{log}");

    let connection = Connection::open(setup.database()).unwrap();
    connection.execute("UPDATE chunk_removal SET due_at = 0", []).unwrap();
    drop(connection);
    setup.sweep();
    assert_eq!(setup.moto.keys().await.len(), 4);
    assert_eq!(counted(&setup.database()), (2, 2 * 1024 * 1024, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_refuses_is_away_and_the_log_says_why() {
    let Some(mut setup) = Setup::new("path", "127.0.0.1", "127.0.0.1", "").await else { return };
    setup.store = setup.store.replace(&setup.moto.secret, "not/the/secret");
    let server = setup.serve();
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    is_unavailable(&upload(&ada, &text(3)).await);
    let log = server.whole_log();
    assert!(log.contains("SignatureDoesNotMatch"), "{log}");
    assert!(!log.contains("not/the/secret"));
    assert_eq!(counted(&setup.database()).0, 0);
}
