//! The Hrana client over real HTTP against the Hrana server, and the server by itself.

#![expect(
    clippy::unwrap_used,
    reason = "a failed set-up fails the test, also in the functions that tests share"
)]

mod access;
mod cursor;
mod faults;
mod protocol;
mod transactions;
mod values;

use std::time::Duration;

use hrana::{Client, Endpoint, HyperOptions, HyperTransport, Limits, Plaintext, Secret, Value};
use testing::{HranaOptions, HranaServer};

type HyperClient = Client<HyperTransport>;

/// A server with an empty database that anyone may use.
async fn server() -> HranaServer {
    HranaServer::start(HranaOptions::default()).await.unwrap()
}

fn client(server: &HranaServer) -> HyperClient {
    client_with(server, None, Limits::default())
}

fn client_with(server: &HranaServer, token: Option<&str>, limits: Limits) -> HyperClient {
    let transport = HyperTransport::new(HyperOptions::default()).unwrap();
    let endpoint = Endpoint::parse(&server.url(), Plaintext::LoopbackOnly).unwrap();
    Client::new(transport, endpoint, token.map(Secret::new), limits)
}

/// A table with a key and a text that must be unique.
async fn create_user(client: &HyperClient) {
    let sql = "CREATE TABLE user (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE) STRICT";
    client.execute(sql, vec![]).await.unwrap();
}

async fn count_users(client: &HyperClient) -> i64 {
    let result = client.execute("SELECT count(*) FROM user", vec![]).await.unwrap();
    let [row] = &result.rows[..] else { return -1 };
    let [Value::Integer(count)] = row[..] else { return -1 };
    count
}

/// Waits until the server has no stream open, as it has soon after a stream was dropped.
async fn all_streams_close(server: &HranaServer) {
    for _ in 0..200 {
        if server.open_streams() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.open_streams(), 0, "streams are still open");
}
