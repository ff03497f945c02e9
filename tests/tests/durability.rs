//! What was acknowledged is there after kill -9.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use e2e::{Client, Server};
use http::{Method, StatusCode};
use serde_json::json;

const WRITERS: usize = 64;

/// A key may send 600 requests a minute.
const KEYS: usize = 32;

/// The server is killed while all writers are busy; which writes were acknowledged by then differs from run to run, and that is the
/// point. Each is looked up afterwards by its own text.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_message_of_64_writers_is_there_after_kill_9() {
    let state = tempfile::tempdir().unwrap();
    let server = Server::start(state.path());
    let (ada, _) = Client::new(server.address()).sign_up("ada@example.com").await;
    let created = ada.post("/api/conversations", &json!({})).await;
    let path = format!("/api/conversations/{}/messages", created.body["id"].as_str().unwrap());

    let acknowledged_total = Arc::new(AtomicUsize::new(0));
    let keys = ada.api_keys(KEYS).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (ada, path) = (keys[writer % KEYS].clone(), path.clone());
            let total = Arc::clone(&acknowledged_total);
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let text = format!("writer {writer} message {number}");
                    let body = json!({ "role": "user", "content": text });
                    match ada.send(Method::POST, &path, Some(&body)).await {
                        Ok(answer) if answer.status == StatusCode::CREATED => {
                            acknowledged.push((answer.body["seq"].as_u64().unwrap(), text));
                            total.fetch_add(1, Ordering::Relaxed);
                        }
                        // Overload is an honest refusal; the message then may not be there.
                        Ok(answer) => {
                            assert_eq!(
                                answer.status,
                                StatusCode::SERVICE_UNAVAILABLE,
                                "{answer:?}"
                            );
                        }
                        Err(_) => break,
                    }
                }
                acknowledged
            })
        })
        .collect();
    while acknowledged_total.load(Ordering::Relaxed) < 2_000 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(!server.kill().success());
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert!(2_000 <= acknowledged.len());

    let server = Server::start(state.path());
    let stored = read_all(&ada.at(server.address()), &path).await;
    for (seq, text) in &acknowledged {
        let index = usize::try_from(*seq).unwrap().checked_sub(1).unwrap();
        assert_eq!(stored.get(index), Some(text), "message {seq} was acknowledged");
    }
    let distinct: BTreeSet<_> = stored.iter().collect();
    assert_eq!(distinct.len(), stored.len(), "no message is there twice");
}

/// All texts in order; asserts that `seq` counts 1, 2, 3, … without a gap.
async fn read_all(client: &Client, path: &str) -> Vec<String> {
    let mut texts = Vec::new();
    loop {
        let page = client.get(&format!("{path}?limit=200&after={}", texts.len())).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        let messages = page.body["data"].as_array().unwrap();
        if messages.is_empty() {
            return texts;
        }
        for message in messages {
            assert_eq!(message["seq"].as_u64(), Some(texts.len() as u64 + 1));
            texts.push(message["content"].as_str().unwrap().to_owned());
        }
    }
}
