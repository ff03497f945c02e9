//! `/api/uploads`: files that arrive in parts.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures::future::join_all;
use serde_json::{Value, json};
use support::{Dice, MIB, PATH, Setup, download, pieces, seed, setup, setup_with};
use testing::{Answer, Client};

const UPLOADS: &str = "/api/uploads";
const PART: usize = 5 * MIB;

fn body(size: usize) -> Value {
    json!({"bucket": "user-files", "name": "a.txt", "mime_type": "text/plain", "size_bytes": size})
}

async fn begin(client: &Client, size: usize) -> String {
    let answer = client.post(UPLOADS, &body(size)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    format!("{UPLOADS}/{}", answer.body["id"].as_str().unwrap())
}

async fn put(client: &Client, path: &str, number: usize, bytes: &[u8]) -> Answer {
    let request = client.request(Method::PUT, &format!("{path}/parts/{number}"));
    client.send(request.body(pieces(bytes, 100_000, false)).unwrap()).await
}

async fn complete(client: &Client, path: &str) -> Answer {
    client.post(&format!("{path}/complete"), &Value::Null).await
}

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn what_is_malformed_too_large_or_not_one_s_own_is_refused() {
    let setup = setup().await;
    assert_eq!(setup.anonymous.post(UPLOADS, &body(1)).await.status.as_u16(), 401);
    let viewer = setup.colleague("viewer").await;
    assert_eq!(viewer.post(UPLOADS, &body(1)).await.status, StatusCode::FORBIDDEN);
    setup.ada.refuses(UPLOADS, ["", "{}", "[]", r#"{"bucket":"user-files","name":"a","mime_type":"text/plain","size_bytes":1,"x":1}"#]).await;
    let with = |name: &str, value: Value| {
        let mut body = body(1);
        body[name] = value;
        body
    };
    for (body, expected) in [
        (with("bucket", json!("nowhere")), 422),
        (with("name", json!("a/b")), 422),
        (with("mime_type", json!("text")), 422),
        (with("sha256", json!("xyz")), 422),
        (with("mime_type", json!("application/zip")), 415),
        (with("name", json!("a.png")), 415),
        (with("size_bytes", json!(50 * MIB + 1)), 413),
    ] {
        assert_eq!(setup.ada.post(UPLOADS, &body).await.status.as_u16(), expected, "{body}");
    }
    setup.assert_empty("refused").await;
    let path = begin(&setup.ada, PART + 1).await;
    for answer in [
        setup.eve.get(&path).await,
        put(&setup.eve, &path, 1, b"a").await,
        complete(&setup.eve, &path).await,
        setup.eve.delete(&path).await,
        put(&setup.ada, &path, 0, b"a").await,
        put(&setup.ada, &path, 3, b"a").await,
        setup.ada.get(&format!("{UPLOADS}/upload_01h455vb4pex5vsknk084sn02q")).await,
    ] {
        assert_eq!(told(&answer), (404, "not_found"));
    }
    for (number, size) in [(1, PART - 1), (2, 0), (2, 2)] {
        let answer = put(&setup.ada, &path, number, &vec![b'a'; size]).await;
        assert!(matches!(answer.status.as_u16(), 413 | 422), "{number} {size} {}", answer.body);
    }
    assert_eq!(
        told(&put(&setup.ada, &path, 1, &vec![b'a'; PART + 1]).await),
        (413, "content_too_large")
    );
    assert_eq!(told(&complete(&setup.ada, &path).await), (409, "upload_incomplete"));
    assert_eq!(setup.chunks.keys().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn parts_come_in_any_order_again_and_at_once() {
    let setup = setup().await;
    let mut dice = Dice(seed());
    let content = dice.text(4 * PART + 12_345);
    let path = begin(&setup.ada, content.len()).await;
    let parts: Vec<_> = content.chunks(PART).collect();
    for number in [5, 2] {
        // What was sent before is replaced.
        assert_eq!(
            put(&setup.ada, &path, number, &vec![b'x'; parts[number - 1].len()]).await.status,
            StatusCode::OK
        );
    }
    assert_eq!(setup.ada.get(&path).await.body["received"], json!([2, 5]));
    assert_eq!(setup.ada.get(PATH).await.body["data"], json!([]), "nobody sees it");
    assert_eq!(setup.usage().await, (1, i64::try_from(content.len()).unwrap()));
    let sent = [5, 4, 3, 2, 1].map(|number| put(&setup.ada, &path, number, parts[number - 1]));
    for answer in join_all(sent).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    assert_eq!(setup.ada.get(&path).await.body["received"], json!([1, 2, 3, 4, 5]));
    let file = complete(&setup.ada, &path).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.body);
    assert_eq!(complete(&setup.ada, &path).await.body, file.body, "once more changes nothing");
    let id = file.body["id"].as_str().unwrap();
    let seen = download(&setup.ada, &format!("{PATH}/{id}/content"), &[]).await;
    assert!(seen.bytes == content);
    let across = format!("bytes={}-{}", PART - 3, PART + 2);
    let seen = download(&setup.ada, &format!("{PATH}/{id}/content"), &[("range", &across)]).await;
    assert_eq!(seen.bytes, content[PART - 3..PART + 3]);
    let done = setup.ada.get(&path).await.body;
    assert_eq!((&done["status"], &done["file_id"]), (&json!("completed"), &json!(id)));
    assert_eq!(told(&put(&setup.ada, &path, 1, parts[0]).await), (404, "not_found"));
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NOT_FOUND, "it has become a file");
    assert_eq!(setup.ada.delete(&format!("{PATH}/{id}")).await.status, StatusCode::NO_CONTENT);
    setup.sweep().await;
    setup.assert_empty("deleted").await;
}

#[tokio::test]
async fn what_the_whole_must_be_is_checked_in_the_end() {
    let setup = setup().await;
    let other = json!({"bucket": "user-files", "name": "a.txt", "mime_type": "text/plain", "size_bytes": 3, "sha256": "00".repeat(32)});
    let answer = setup.ada.post(UPLOADS, &other).await;
    let path = format!("{UPLOADS}/{}", answer.body["id"].as_str().unwrap());
    put(&setup.ada, &path, 1, b"abc").await;
    assert_eq!(told(&complete(&setup.ada, &path).await), (422, "checksum_mismatch"));
    let path = begin(&setup.ada, 3).await;
    put(&setup.ada, &path, 1, b"a\0c").await;
    assert_eq!(told(&complete(&setup.ada, &path).await), (415, "file_type_refused"));
    put(&setup.ada, &path, 1, b"abc").await;
    assert_eq!(complete(&setup.ada, &path).await.status, StatusCode::OK);
    let request =
        setup.ada.request(Method::PUT, &format!("{}/parts/1", begin(&setup.ada, 3).await));
    let request =
        request.header("content-digest", "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:");
    assert_eq!(
        told(&setup.ada.send(request.body("abc".into()).unwrap()).await),
        (422, "checksum_mismatch")
    );
    let empty = begin(&setup.ada, 0).await;
    assert_eq!(put(&setup.ada, &empty, 1, b"").await.status, StatusCode::OK);
    assert_eq!(complete(&setup.ada, &empty).await.body["size_bytes"], 0);
}

#[tokio::test]
async fn room_is_reserved_at_once_and_free_again_when_it_is_given_up_or_expires() {
    let setup = setup_with(&[("file_quota_bytes", "100")]).await;
    let path = begin(&setup.ada, 60).await;
    assert_eq!(told(&setup.ada.post(UPLOADS, &body(41)).await), (409, "storage_quota_exceeded"));
    put(&setup.ada, &path, 1, &[b'a'; 60]).await;
    assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    setup.assert_empty("given up").await;
    let path = begin(&setup.ada, 60).await;
    put(&setup.ada, &path, 1, &[b'a'; 60]).await;
    setup.hand.advance(Duration::from_hours(24));
    setup.sweep().await;
    setup.assert_empty("expired").await;
}

#[tokio::test]
async fn an_expired_upload_is_gone_before_it_is_removed() {
    let setup = setup().await;
    let path = begin(&setup.ada, 3).await;
    put(&setup.ada, &path, 1, b"abc").await;
    setup.hand.advance(Duration::from_hours(24));
    let person = testing::Person::new(&setup.database, "owner", setup.clock.now()).await;
    let person = person
        .joins(&setup.database, setup.ada_person.account_id, "member", setup.clock.now())
        .await;
    let client = setup.anonymous.with_token(person.token);
    for answer in [
        client.get(&path).await,
        put(&client, &path, 1, b"abc").await,
        complete(&client, &path).await,
    ] {
        assert_eq!(told(&answer), (404, "not_found"));
    }
}

#[tokio::test]
async fn parts_that_break_off_leave_nothing() {
    let setup: Setup = setup().await;
    let mut dice = Dice(seed());
    let content = dice.text(PART);
    let path = begin(&setup.ada, PART).await;
    for _ in 0..50 {
        let at = dice.roll(PART);
        let request = setup.ada.request(Method::PUT, &format!("{path}/parts/1"));
        let answer =
            setup.ada.send(request.body(pieces(&content[..at], 300_000, true)).unwrap()).await;
        assert_eq!(told(&answer), (400, "invalid_request"));
        assert_eq!(setup.chunks.keys().await.unwrap(), [""; 0]);
        assert_eq!(setup.count("SELECT count(*) AS n FROM file_part").await, 0);
        assert_eq!(setup.count("SELECT count(*) AS n FROM chunk_removal").await, 0);
    }
    assert_eq!(setup.ada.get(&path).await.body["received"], json!([]));
}
