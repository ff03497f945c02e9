//! `POST /api/files`: what is refused, what is kept, and what is left of what broke off.
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
use database::Statement;
use futures::future::join_all;
use serde_json::{Value, json};
use support::{
    Dice, FORM_TYPE, MIB, PATH, Setup, download, form, pieces, seed, setup, setup_with, text,
    upload, upload_form,
};
use testing::Answer;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const FILE: &str = "name=\"file\"; filename=\"a.txt\"\r\ncontent-type: text/plain";

fn told(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn without_a_credential_or_the_right_nothing_is_taken() {
    let setup = setup().await;
    let anonymous = upload(&setup.anonymous, "name=a.txt", "text/plain", "abc").await;
    assert_eq!(told(&anonymous), (401, "unauthorized"));
    let viewer = setup.colleague("viewer").await;
    assert_eq!(told(&upload(&viewer, "name=a.txt", "text/plain", "abc").await), (403, "forbidden"));
    let key = setup.ada_person.api_key(&setup.database, "files:read", setup.now()).await;
    let reader = setup.anonymous.with_token(key);
    let answer = upload(&reader, "name=a.txt", "text/plain", "abc").await;
    assert_eq!(told(&answer), (403, "insufficient_scope"));
    setup.assert_empty("nobody may").await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_leaves_nothing() {
    let setup = setup().await;
    for query in [
        "",
        "name=a.txt&x=1",
        "name=a.txt&name=b.txt",
        "name=a.txt&metadata=1",
        "name=a.txt&metadata=%7B",
    ] {
        let answer = upload(&setup.ada, query, "text/plain", "abc").await;
        assert_eq!(told(&answer), (400, "invalid_request"), "{query}");
    }
    let answer = upload(&setup.ada, "name=a.txt&bucket=nowhere", "text/plain", "abc").await;
    assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/bucket"]));
    for body in [
        form(&[]),
        form(&[("name=\"data\"", b"abc")]),
        form(&[(FILE, b"abc"), (FILE, b"abc")]),
        form(&[(FILE, b"abc"), ("name=bucket", b"generated-files")]),
        form(&[("name=bucket", b"user-files"), ("name=bucket", b"user-files"), (FILE, b"abc")]),
        form(&[("name=metadata", b"[]"), (FILE, b"abc")]),
        form(&[(FILE, b"abc"), ("name=metadata", b"{")]),
        form(&[(FILE, b"abc"), ("name=purpose", b"batch")]),
        form(&[(FILE, b"abc")])[..40].to_vec(),
        b"no form".to_vec(),
    ] {
        let answer = upload_form(&setup.ada, body.clone()).await;
        assert_eq!(told(&answer), (400, "invalid_request"), "{}", String::from_utf8_lossy(&body));
    }
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024));
    let answer =
        upload_form(&setup.ada, form(&[(FILE, b"abc"), ("name=metadata", large.as_bytes())])).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    let encoded = setup.ada.request(Method::POST, &format!("{PATH}?name=a.txt"));
    let encoded = encoded.header("content-type", "text/plain").header("content-encoding", "gzip");
    let answer = setup.ada.send(encoded.body("abc".into()).unwrap()).await;
    assert_eq!(told(&answer), (400, "invalid_request"));
    setup.assert_empty("malformed").await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_whatever_its_length_was_said_to_be() {
    let setup = setup().await;
    let limit = 10 * MIB;
    let json = |size: usize| [b"\"", "x".repeat(size - 2).as_bytes(), b"\""].concat();
    let query = "name=a.json&bucket=generated-files";
    let exact =
        upload(&setup.ada, query, "application/json", pieces(&json(limit), 65_536, false)).await;
    assert_eq!(exact.status, StatusCode::CREATED);
    let over = json(limit + 1);
    for announced in [None, Some(limit + 1), Some(3)] {
        let request = setup.ada.request(Method::POST, &format!("{PATH}?{query}"));
        let mut request = request.header("content-type", "application/json");
        if let Some(announced) = announced {
            request = request.header("content-length", announced);
        }
        let answer = setup.ada.send(request.body(pieces(&over, 65_536, false)).unwrap()).await;
        assert_eq!(told(&answer), (413, "content_too_large"), "{announced:?}");
    }
    let parts =
        [("name=bucket", &b"generated-files"[..]), ("name=file; filename=\"a.json\"", &over)];
    assert_eq!(told(&upload_form(&setup.ada, form(&parts)).await), (413, "content_too_large"));
    let id = exact.body["id"].as_str().unwrap();
    assert_eq!(setup.usage().await, (1, i64::try_from(limit).unwrap()));
    assert_eq!(setup.ada.delete(&format!("{PATH}/{id}")).await.status, StatusCode::NO_CONTENT);
    setup.assert_empty("too large").await;
}

#[tokio::test]
async fn the_declared_type_the_name_and_the_bytes_must_agree() {
    let setup = setup().await;
    let zip_at_its_end = [PNG, b"PK\x05\x06", &[0; 18]].concat();
    let late = [vec![b'a'; 3 * MIB], vec![0]].concat();
    for (query, declared, bytes) in [
        ("name=a.zip", "application/zip", &b"PK\x03\x04"[..]),
        ("name=a.json", "application/json", b"{}"),
        ("name=a.exe", "application/octet-stream", b"MZ"),
        ("name=a.txt", "no type", b"abc"),
        ("name=a.png", "image/png", b"GIF89a/*"),
        ("name=a.png", "image/png", b"<html><script>alert(1)</script>"),
        ("name=a.png", "image/png", &zip_at_its_end),
        ("name=a.png", "text/plain", b"abc"),
        ("name=a.html", "text/plain", b"<html>"),
        ("name=a.svg", "text/plain", b"<svg>"),
        ("name=a.pdf.exe", "application/pdf", b"%PDF-1.7"),
        ("name=a.pdf", "application/pdf", b" %PDF-1.7"),
        ("name=a.gif", "text/javascript", b"GIF89a=1"),
        ("name=a.txt", "text/plain", PNG),
        ("name=a.txt", "text/plain", b"\x7fELF\x02\x01\x01"),
        ("name=a.txt", "text/plain", &late),
        ("name=a.md&bucket=generated-files", "image/png", PNG),
    ] {
        let answer = upload(&setup.ada, query, declared, bytes.to_vec()).await;
        assert_eq!(told(&answer), (415, "file_type_refused"), "{query} {declared}");
    }
    setup.assert_empty("wrong types").await;
    for (query, declared, stored) in [
        ("name=a.PNG", "image/png", "image/png"),
        ("name=a.png", "application/octet-stream", "image/png"),
        ("name=a", "image/png", "image/png"),
    ] {
        let answer = upload(&setup.ada, query, declared, PNG).await;
        assert_eq!(
            (told(&answer), &answer.body["mime_type"]),
            ((201, ""), &json!(stored)),
            "{query}"
        );
    }
}

/// Names that have led somewhere elsewhere (SECURITY R78).
fn hostile_names() -> Vec<String> {
    let bases = [
        "a.txt",
        "..",
        "passwd",
        "con",
        "a.txt.exe",
        "-rf",
        "~",
        "$(id)",
        "%s%n",
        "'; DROP TABLE file; --",
    ];
    let wrap: [&dyn Fn(&str) -> String; 30] = [
        &|b| format!("../{b}"),
        &|b| format!("..\\{b}"),
        &|b| format!("/etc/{b}"),
        &|b| format!("C:\\{b}"),
        &|b| format!("{b}\0"),
        &|b| format!("{b}\0.png"),
        &|b| format!("{b}\r\nset-cookie: a=b"),
        &|b| format!("{b}\n\n<html>"),
        &|b| format!("\u{202e}{b}"),
        &|b| format!("{b}\u{200f}"),
        &|b| format!("{b}\"; filename=\"b.exe"),
        &|b| format!("\"{b}\""),
        &|b| format!("{b};x=y"),
        &|b| format!("%2e%2e%2f{b}"),
        &|b| format!("{b}%00"),
        &|b| format!("{b}%0d%0ax: y"),
        &|b| format!("....//{b}"),
        &|b| format!("./{b}"),
        &|b| b.repeat(820),
        &|b| format!("{b}\u{7f}"),
        &|b| format!("{b}\u{85}"),
        &|b| format!("{b}\u{2028}x"),
        &|b| format!("\u{feff}{b}"),
        &|b| format!("{b}:stream"),
        &|b| format!("{b}."),
        &|b| format!("{b} "),
        &|b| format!("<img src=x onerror={b}>"),
        &|b| format!("{b}\u{e0041}"),
        &|b| format!("file://{b}"),
        &|b| format!("\\\\?\\{b}"),
    ];
    bases.iter().flat_map(|base| wrap.iter().map(move |wrap| wrap(base))).collect()
}

#[tokio::test]
async fn hostile_names_lead_nowhere_and_inject_no_header() {
    let setup = setup().await;
    let names = hostile_names();
    assert_eq!(names.len(), 300);
    let (mut taken, mut refused) = (0, 0);
    for name in names {
        let encoded: String = form_encoded(&name);
        let answer = upload(&setup.ada, &format!("name={encoded}"), "text/plain", "abc").await;
        if answer.status != StatusCode::CREATED {
            assert!(matches!(answer.status.as_u16(), 415 | 422), "{name:?} {}", answer.body);
            refused += 1;
            continue;
        }
        taken += 1;
        assert_eq!(answer.body["name"], json!(name));
        let id = answer.body["id"].as_str().unwrap();
        let seen = download(&setup.ada, &format!("{PATH}/{id}/content"), &[]).await;
        let disposition = seen.header("content-disposition");
        assert!(disposition.starts_with("attachment; filename=\""), "{disposition}");
        assert_eq!(disposition.matches('"').count(), 2, "{disposition}");
        assert_eq!(seen.headers.get_all("content-disposition").iter().count(), 1);
        assert!(!seen.headers.contains_key("set-cookie") && !seen.headers.contains_key("x"));
    }
    let account = setup.ada_person.account_id.to_string();
    for key in setup.chunks.keys().await.unwrap() {
        let segments: Vec<_> = key.split('/').collect();
        assert_eq!((segments.len(), segments[0]), (4, account.as_str()), "{key}");
    }
    println!("taken {taken}, refused {refused}");
    assert!(50 < taken && 100 < refused);
}

fn form_encoded(text: &str) -> String {
    let escaped: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    escaped.concat()
}

#[tokio::test]
async fn a_file_is_kept_as_it_came_by_either_way() {
    let setup = setup().await;
    let raw = upload(
        &setup.ada,
        "name=a.txt&metadata=%7B%22a%22%3A1%7D",
        "text/plain; charset=utf-8",
        "abc",
    )
    .await;
    let parts =
        [("name=bucket", &b"user-files"[..]), (FILE, b"abc"), ("name=metadata", b"{\"a\":1}")];
    let formed = upload_form(&setup.ada, pieces(&form(&parts), 1, false)).await;
    assert_eq!(raw.redacted(), formed.redacted());
    insta::assert_json_snapshot!(raw.redacted(), @r#"
    {
      "body": {
        "bucket": "user-files",
        "created_at": "[time]",
        "id": "[file]",
        "metadata": {
          "a": 1
        },
        "mime_type": "text/plain",
        "name": "a.txt",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "size_bytes": 3
      },
      "status": 201
    }
    "#);
    assert_eq!(setup.usage().await, (2, 6));
    let path = format!("{PATH}/{}", raw.body["id"].as_str().unwrap());
    assert_eq!(setup.ada.get(&path).await.body, raw.body);
}

#[tokio::test]
async fn bytes_that_are_not_the_announced_ones_are_refused() {
    let setup = setup().await;
    let send = async |digest: &str, body: Vec<u8>| {
        let request = setup.ada.request(Method::POST, &format!("{PATH}?name=a.txt"));
        let request = request.header("content-type", "text/plain").header("content-digest", digest);
        setup.ada.send(request.body(body.into()).unwrap()).await
    };
    for digest in ["", "sha-256=", "sha-256=:AAAA:", "md5=:AAAA:"] {
        let answer = send(digest, b"abc".to_vec()).await;
        assert_eq!(told(&answer), (400, "invalid_request"), "{digest}");
    }
    let other = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
    for size in [3, 3 * MIB] {
        assert_eq!(told(&send(other, vec![b'a'; size]).await), (422, "checksum_mismatch"));
    }
    setup.assert_empty("other bytes").await;
    let right = "md5=:AAAA:, sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
    assert_eq!(send(right, b"abc".to_vec()).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_at_once_never_take_more_than_the_account_has() {
    let quota = (5 * MIB + 5).to_string();
    let setup = setup_with(&[("file_quota_bytes", &quota)]).await;
    let body = vec![b'a'; MIB + 1];
    let uploads = (0..50).map(|n| {
        let (client, body) = (setup.ada.clone(), body.clone());
        async move {
            let request = client.request(Method::POST, &format!("{PATH}?name={n}.txt"));
            let mut request = request.header("content-type", "text/plain");
            if n % 2 == 0 {
                request = request.header("content-length", body.len());
            }
            client.send(request.body(pieces(&body, 50_000, false)).unwrap()).await
        }
    });
    let answers = join_all(uploads).await;
    let taken = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    for answer in &answers {
        assert!(
            matches!(told(answer), (201, "") | (409, "storage_quota_exceeded")),
            "{}",
            answer.body
        );
    }
    // How many get in depends on who reserves when, but those who did fit to the byte.
    assert!((1..=5).contains(&taken), "{taken}");
    let used = i64::try_from(taken * body.len()).unwrap();
    assert_eq!(setup.usage().await, (i64::try_from(taken).unwrap(), used));
    // One after the other the room is used to its last byte.
    for _ in taken..5 {
        text(&setup.ada, "more.txt", &body).await;
    }
    assert_eq!(setup.usage().await, (5, i64::try_from(5 * MIB + 5).unwrap()));
    let over = upload(&setup.ada, "name=a.txt", "text/plain", "a").await;
    assert_eq!(told(&over), (409, "storage_quota_exceeded"));
    assert_eq!(setup.count("SELECT count(*) AS n FROM chunk_removal").await, 0);
    // Others have their own.
    text(&setup.eve, "a.txt", b"abc").await;
}

#[tokio::test]
async fn files_are_counted_too() {
    let setup = setup_with(&[("file_quota_count", "2")]).await;
    text(&setup.ada, "a.txt", b"").await;
    let second = text(&setup.ada, "a.txt", b"").await;
    let third = upload(&setup.ada, "name=a.txt", "text/plain", "").await;
    assert_eq!(told(&third), (409, "storage_quota_exceeded"));
    setup.ada.delete(&format!("{PATH}/{second}")).await;
    text(&setup.ada, "a.txt", b"").await;
    assert_eq!(setup.usage().await, (2, 0));
}

#[tokio::test]
async fn what_breaks_off_at_any_offset_leaves_nothing() {
    let setup = setup().await;
    let seed = seed();
    let mut dice = Dice(seed);
    let content = dice.text(3 * MIB + 17);
    let body = form(&[(FILE, &content), ("name=metadata", b"{}")]);
    for cut in 0..200 {
        let at = dice.roll(body.len());
        let size = 1 + dice.roll(400_000);
        let answer = if cut % 2 == 0 {
            upload_form(&setup.ada, pieces(&body[..at], size, true)).await
        } else {
            upload(
                &setup.ada,
                "name=a.txt",
                "text/plain",
                pieces(&content[..at.min(content.len())], size, true),
            )
            .await
        };
        assert_eq!(told(&answer), (400, "invalid_request"), "cut {cut} at {at}");
        setup.assert_empty(&format!("cut {cut} at {at}")).await;
    }
}

/// A process that dies cannot clean up: the future is dropped where it stands.
#[tokio::test]
async fn what_is_dropped_at_any_offset_is_gone_after_the_sweep() {
    let setup = setup().await;
    let mut dice = Dice(seed());
    let content = dice.text(2 * MIB);
    for _ in 0..50 {
        let at = dice.roll(content.len());
        let stalled = futures::stream::StreamExt::chain(
            futures::stream::iter(vec![Ok::<_, std::io::Error>(content[..at].to_vec())]),
            futures::stream::pending(),
        );
        let body = axum::body::Body::from_stream(stalled);
        let sent = upload(&setup.ada, "name=a.txt", "text/plain", body);
        assert!(tokio::time::timeout(Duration::from_millis(150), sent).await.is_err());
        let page = setup.ada.get(PATH).await;
        assert_eq!(page.body["data"], json!([]), "nobody sees it");
    }
    assert!(0 < setup.usage().await.0);
    assert!(!setup.chunks.keys().await.unwrap().is_empty());
    setup.hand.advance(Duration::from_secs(59));
    setup.sweep().await;
    assert!(0 < setup.usage().await.0, "the leases are not over");
    setup.hand.advance(Duration::from_secs(1));
    setup.sweep().await;
    assert_eq!(setup.usage().await.0, 0, "the account has its room again");
    // A writer that is alive after all notices by then that its part is gone.
    setup.hand.advance(Duration::from_mins(4));
    setup.sweep().await;
    setup.assert_empty("after the sweep").await;
}

#[tokio::test]
async fn the_next_upload_gives_back_what_was_given_up() {
    let setup = setup().await;
    let stalled = axum::body::Body::from_stream(futures::stream::StreamExt::chain(
        futures::stream::iter(vec![Ok::<_, std::io::Error>(vec![b'a'; MIB])]),
        futures::stream::pending(),
    ));
    let sent = upload(&setup.ada, "name=a.txt", "text/plain", stalled);
    assert!(tokio::time::timeout(Duration::from_millis(300), sent).await.is_err());
    setup.hand.advance(Duration::from_mins(6));
    let person = testing::Person::new(&setup.database, "owner", setup.now()).await;
    let person =
        person.joins(&setup.database, setup.ada_person.account_id, "member", setup.now()).await;
    text(&setup.anonymous.with_token(person.token), "b.txt", b"abc").await;
    assert_eq!(setup.usage().await, (1, 3));
    assert_eq!(setup.chunks.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_end_of_an_account_takes_its_chunks_along() {
    let setup = setup().await;
    text(&setup.ada, "a.txt", &vec![b'a'; MIB]).await;
    text(&setup.eve, "b.txt", b"abc").await;
    let delete = Statement::new("DELETE FROM account WHERE id = ?1")
        .bind(setup.ada_person.account_id.to_string());
    setup.database.query(delete).await.unwrap();
    setup.sweep().await;
    assert_eq!(setup.chunks.keys().await.unwrap().len(), 1);
    assert_eq!(setup.count("SELECT count(*) AS n FROM file").await, 1);
    assert_eq!(setup.count("SELECT count(*) AS n FROM chunk_removal").await, 0);
}

#[tokio::test]
async fn a_chunk_store_that_is_away_is_said_to_be() {
    let setup = setup().await;
    let id = text(&setup.ada, "a.txt", b"abc").await;
    setup.chunks.close().await.unwrap();
    let answer = upload(&setup.ada, "name=a.txt", "text/plain", "abc").await;
    assert_eq!(told(&answer), (503, "unavailable"));
    assert_eq!(setup.ada.get(&format!("{PATH}/{id}/content")).await.status.as_u16(), 503);
    assert_eq!(setup.ada.get(&format!("{PATH}/{id}")).await.status, StatusCode::OK);
    assert_eq!(setup.usage().await, (1, 3), "the room of what failed is free again");
}

#[tokio::test]
async fn a_repeated_upload_is_stored_once() {
    let setup = setup().await;
    let send = async |setup: &Setup, body: &[u8]| {
        let request = setup.ada.request(Method::POST, PATH).header("content-type", FORM_TYPE);
        let request = request.header("idempotency-key", "a-key");
        setup.ada.send(request.body(pieces(body, 10, false)).unwrap()).await
    };
    let body = form(&[(FILE, b"abc")]);
    let first = send(&setup, &body).await;
    let again = send(&setup, &body).await;
    assert_eq!(
        (first.status, again.status, &first.body),
        (StatusCode::CREATED, StatusCode::CREATED, &again.body)
    );
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let boundary = String::from_utf8(body.clone()).unwrap().replace("b0undary", "an0ther");
    let request = setup.ada.request(Method::POST, PATH).header("idempotency-key", "a-key");
    let request = request.header("content-type", FORM_TYPE.replace("b0undary", "an0ther"));
    let again = setup.ada.send(request.body(boundary.into()).unwrap()).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    let other = send(&setup, &form(&[(FILE, b"abd")])).await;
    assert_eq!(told(&other), (422, "idempotency_key_reused"));
    assert_eq!((setup.usage().await, setup.chunks.keys().await.unwrap().len()), ((1, 3), 1));
    let id = first.body["id"].as_str().unwrap();
    setup.ada.delete(&format!("{PATH}/{id}")).await;
    assert_eq!(send(&setup, &body).await.status, StatusCode::NOT_FOUND);
    assert_eq!(first.body["metadata"], Value::Object(serde_json::Map::new()));
}
