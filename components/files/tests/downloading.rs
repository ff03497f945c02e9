//! `…/{id}/content`, links, and what else is done with files that are there.
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

use axum::body::Body;
use axum::http::{Method, StatusCode};
use database::Statement;
use serde_json::{Value, json};
use support::{Dice, MIB, PATH, download, fetch, pieces, seed, setup, text, upload};

const CHUNK: usize = 512 * 1024;

#[tokio::test]
async fn what_is_not_the_account_s_looks_like_what_does_not_exist() {
    let setup = setup().await;
    let own = text(&setup.ada, "a.txt", b"abc").await;
    let mut first: Option<Value> = None;
    let strange = [
        "file_01h455vb4pex5vsknk084sn02q",
        "acct_01h455vb4pex5vsknk084sn02q",
        "file_",
        "1",
        "%00",
        "..%2f..%2fetc",
    ];
    for (client, id) in
        strange.iter().map(|id| (&setup.ada, *id)).chain([(&setup.eve, own.as_str())])
    {
        let path = format!("{PATH}/{id}");
        for answer in [
            client.get(&path).await,
            client.get(&format!("{path}/content")).await,
            client.patch(&path, &json!({"name": "b.txt"})).await,
            client.post(&format!("{path}/signed-url"), &json!({})).await,
            client.delete(&format!("{path}?force=true")).await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            let mut body = answer.body;
            body["request_id"] = Value::Null;
            assert_eq!(*first.get_or_insert(body.clone()), body, "{path}");
        }
    }
    assert_eq!(setup.eve.get(PATH).await.body["data"], json!([]));
    assert_eq!(setup.ada.get(&format!("{PATH}/{own}")).await.status, StatusCode::OK);
    let viewer = setup.colleague("viewer").await;
    assert_eq!(download(&viewer, &format!("{PATH}/{own}/content"), &[]).await.bytes, b"abc");
    assert_eq!(viewer.delete(&format!("{PATH}/{own}")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(setup.anonymous.get(&format!("{PATH}/{own}/content")).await.status.as_u16(), 401);
}

#[tokio::test]
async fn a_download_says_what_it_is_and_that_nothing_may_be_done_with_it() {
    let setup = setup().await;
    let answer = upload(&setup.ada, "name=gr%C3%BCn.html", "text/html", "<html>").await;
    let path = format!("{PATH}/{}/content", answer.body["id"].as_str().unwrap());
    let seen = download(&setup.ada, &path, &[]).await;
    let headers = [
        ("content-type", "text/html"),
        ("content-length", "6"),
        (
            "content-disposition",
            "attachment; filename=\"gr_n.html\"; filename*=UTF-8''gr%C3%BCn.html",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cache-control", "private, no-store"),
        ("accept-ranges", "bytes"),
    ];
    for (name, value) in headers {
        assert_eq!(seen.header(name), value, "{name}");
    }
    assert_eq!(seen.header("etag"), format!("\"{}\"", answer.body["sha256"].as_str().unwrap()));
    let head = setup.ada.request(Method::HEAD, &path).body(Body::empty()).unwrap();
    let (head, _) = fetch(&setup.ada, head).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    for (name, value) in headers {
        assert_eq!(head.header(name), value, "{name}");
    }
    let tag = seen.header("etag").to_owned();
    let known = download(&setup.ada, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.bytes.len(), known.header("etag")), (304, 0, tag.as_str()));
    assert_eq!(download(&setup.ada, &path, &[("if-none-match", "\"x\"")]).await.status, 200);
}

#[tokio::test]
async fn ranges_are_the_bytes_that_stand_there() {
    let setup = setup().await;
    let mut dice = Dice(seed());
    let content = dice.text(3 * CHUNK + 1000);
    let path = format!("{PATH}/{}/content", text(&setup.ada, "a.txt", &content).await);
    let size = content.len();
    let outside = download(&setup.ada, &path, &[("range", &format!("bytes={size}-"))]).await;
    assert_eq!(
        (outside.status, outside.json()["code"].as_str()),
        (416, Some("range_not_satisfiable"))
    );
    assert_eq!(outside.header("content-range"), format!("bytes */{size}"));
    for range in ["bytes=5-4", "lines=1-2", "bytes=0-9,5-14"] {
        assert_eq!(
            download(&setup.ada, &path, &[("range", range)]).await.bytes,
            content,
            "{range}"
        );
    }
    let edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, size - 1];
    let random: Vec<_> = (0..60).map(|_| (dice.roll(size), dice.roll(size))).collect();
    let pairs = edges.iter().flat_map(|a| edges.iter().map(move |b| (*a, *b))).chain(random);
    for (first, last) in pairs.filter(|(first, last)| first <= last) {
        let seen =
            download(&setup.ada, &path, &[("range", &format!("bytes={first}-{last}"))]).await;
        assert_eq!(seen.status, 206);
        assert_eq!(seen.header("content-range"), format!("bytes {first}-{last}/{size}"));
        assert_eq!(seen.header("content-length"), (last - first + 1).to_string());
        assert!(seen.bytes == content[first..=last], "{first}-{last}");
    }
    let tail =
        download(&setup.ada, &path, &[("range", "bytes=-5"), ("if-range", "\"other\"")]).await;
    assert_eq!((tail.status, tail.bytes.len()), (200, size));
}

#[tokio::test]
async fn several_ranges_come_in_one_answer() {
    let setup = setup().await;
    let content: Vec<u8> = (0..2 * CHUNK).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let path = format!("{PATH}/{}/content", text(&setup.ada, "a.txt", &content).await);
    let seen = download(&setup.ada, &path, &[("range", "bytes=524286-524289, 0-1, -1")]).await;
    assert_eq!(seen.status, 206);
    assert_eq!(seen.header("content-length"), seen.bytes.len().to_string());
    let boundary =
        seen.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    let body = String::from_utf8(seen.bytes.clone()).unwrap();
    let part = |range: &str, bytes: &[u8]| {
        let bytes = String::from_utf8_lossy(bytes).into_owned();
        format!(
            "\r\n--{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes {range}/1048576\r\n\r\n{bytes}"
        )
    };
    let expected = [
        part("524286-524289", &content[524_286..=524_289]),
        part("0-1", b"ab"),
        part("1048575-1048575", &content[1_048_575..]),
        format!("\r\n--{boundary}--\r\n"),
    ];
    assert_eq!(body, expected.concat());
}

/// SECURITY R81: every size comes back as it was, and sizes around a chunk's edge most of all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_1000_sizes_come_back_byte_for_byte() {
    let setup = setup().await;
    let seed = seed();
    let mut dice = Dice(seed);
    let largest = dice.text(50 * MIB);
    let mut total = 0;
    for n in 0..1_000 {
        let size = match n {
            0..20 => n,
            20..60 => (n - 19) / 4 * CHUNK + n % 4,
            60..64 => [50 * MIB, 50 * MIB - 1, 5 * MIB, 25 * MIB][n - 60],
            _ if n % 50 == 0 => dice.roll(20 * MIB),
            _ => dice.roll(300_000),
        };
        let size = size.min(50 * MIB);
        let start = dice.roll(largest.len() - size + 1);
        let content = &largest[start..start + size];
        let body = pieces(content, 1 + dice.roll(700_000), false);
        let answer = upload(&setup.ada, "name=a.txt", "text/plain", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "seed {seed}, size {size}");
        let path = format!("{PATH}/{}", answer.body["id"].as_str().unwrap());
        let seen = download(&setup.ada, &format!("{path}/content"), &[]).await;
        assert!(seen.bytes == content, "seed {seed}, size {size}");
        assert_eq!(setup.ada.delete(&path).await.status, StatusCode::NO_CONTENT);
        total += size;
    }
    println!("1000 sizes, {total} bytes");
    setup.assert_empty("after 1000 files").await;
}

#[tokio::test]
async fn a_flipped_or_missing_byte_is_an_error_and_no_data() {
    let setup = setup().await;
    let mut dice = Dice(seed());
    let content = dice.text(2 * CHUNK + 10);
    let path = format!("{PATH}/{}/content", text(&setup.ada, "a.txt", &content).await);
    let keys = setup.chunks.keys().await.unwrap();
    assert_eq!(keys.len(), 3);
    for (n, key) in keys.iter().enumerate() {
        let stored = setup.chunks.read(key).await.unwrap().unwrap();
        let mut flipped = stored.clone();
        let at = dice.roll(flipped.len());
        flipped[at] ^= 1 << dice.roll(8);
        for damaged in [flipped, stored[..stored.len() - 1].to_vec(), Vec::new()] {
            setup.chunks.set(key, damaged).await.unwrap();
            let request = setup.ada.request(Method::GET, &path).body(Body::empty()).unwrap();
            let (seen, is_whole) = fetch(&setup.ada, request).await;
            if n == 0 {
                assert_eq!(
                    (seen.status, seen.json()["code"].as_str()),
                    (500, Some("internal_error"))
                );
            } else {
                assert!(!is_whole && seen.bytes == content[..n * CHUNK], "chunk {n}");
            }
        }
        // What does not touch the damage is still there.
        let (first, last) = if n == 0 { (CHUNK, CHUNK + 5) } else { (0, 5) };
        let seen =
            download(&setup.ada, &path, &[("range", &format!("bytes={first}-{last}"))]).await;
        assert!(seen.bytes == content[first..=last]);
        setup.chunks.set(key, stored).await.unwrap();
    }
    // Nor may one chunk stand for another.
    let (first, second) = (
        setup.chunks.read(&keys[0]).await.unwrap().unwrap(),
        setup.chunks.read(&keys[1]).await.unwrap().unwrap(),
    );
    setup.chunks.set(&keys[0], second).await.unwrap();
    setup.chunks.set(&keys[1], first).await.unwrap();
    assert_eq!(setup.ada.get(&path).await.status.as_u16(), 500);
}

#[tokio::test]
async fn links_are_made_for_a_while_and_open_without_a_credential() {
    let setup = setup().await;
    let id = text(&setup.ada, "a.txt", b"abc").await;
    let path = format!("{PATH}/{id}/signed-url");
    for seconds in [0, 3601] {
        let answer = setup.ada.post(&path, &json!({"expires_in": seconds})).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/expires_in"]));
    }
    assert_eq!(setup.ada.post(&path, &json!({"expires_in": -1})).await.status.as_u16(), 422);
    let viewer = setup.colleague("viewer").await;
    assert_eq!(viewer.post(&path, &json!({})).await.status, StatusCode::FORBIDDEN);
    let answer = setup.ada.post(&path, &json!({"expires_in": 60})).await;
    let link =
        answer.body["url"].as_str().unwrap().strip_prefix(testing::ISSUER).unwrap().to_owned();
    let seen = download(&setup.anonymous, &link, &[("range", "bytes=1-")]).await;
    assert_eq!((seen.status, seen.bytes.as_slice()), (206, &b"bc"[..]));
    assert_eq!(seen.header("content-security-policy"), "sandbox; default-src 'none'");
    for other in [
        format!("{link}x"),
        link.replace("file_", "FILE_"),
        format!("{PATH}/signed/x"),
        link[..link.len() - 4].to_owned(),
    ] {
        assert_eq!(setup.anonymous.get(&other).await.status, StatusCode::NOT_FOUND, "{other}");
    }
    setup.hand.advance(Duration::from_mins(1));
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_link_to_a_file_that_is_gone_leads_nowhere() {
    let setup = setup().await;
    let id = text(&setup.ada, "a.txt", b"abc").await;
    let answer = setup.ada.post(&format!("{PATH}/{id}/signed-url"), &json!({})).await;
    let link =
        answer.body["url"].as_str().unwrap().strip_prefix(testing::ISSUER).unwrap().to_owned();
    setup.ada.delete(&format!("{PATH}/{id}")).await;
    assert_eq!(setup.anonymous.get(&link).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_that_conversations_have_is_deleted_only_with_force() {
    let setup = setup().await;
    let id = text(&setup.ada, "a.txt", b"abc").await;
    let account = setup.ada_person.account_id.to_string();
    let batch = vec![
        Statement::new("INSERT INTO conversation (account_id, id, created_at, updated_at, active_at) VALUES (?1, 'conv', 1, 1, 1)")
            .bind(account.as_str()),
        Statement::new("INSERT INTO conversation_file (account_id, conversation_id, file_id, attached_at) VALUES (?1, 'conv', ?2, 1)")
            .bind(account.as_str())
            .bind(id.as_str()),
    ];
    setup.database.batch(batch).await.unwrap();
    let path = format!("{PATH}/{id}");
    for query in ["", "?force=false"] {
        let answer = setup.ada.delete(&format!("{path}{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "file_attached"));
    }
    assert_eq!(
        setup.ada.delete(&format!("{path}?force=yes")).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        setup.ada.delete(&format!("{path}?force=true")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(setup.count("SELECT count(*) AS n FROM conversation_file").await, 0);
    setup.assert_empty("deleted").await;
}

#[tokio::test]
async fn name_and_metadata_change_and_nothing_else_does() {
    let setup = setup().await;
    let id = text(&setup.ada, "a.txt", b"abc").await;
    let path = format!("{PATH}/{id}");
    for body in [
        json!({"size_bytes": 1}),
        json!({"sha256": "x"}),
        json!({"metadata": []}),
        json!({"bucket": "user-files"}),
    ] {
        assert_eq!(setup.ada.patch(&path, &body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    for name in ["", "a/b", "..", "a\n"] {
        let answer = setup.ada.patch(&path, &json!({"name": name})).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec!["/name"]), "{name:?}");
    }
    let other_type = setup.ada.patch(&path, &json!({"name": "a.html"})).await;
    assert_eq!((other_type.status.as_u16(), other_type.code()), (415, "file_type_refused"));
    let large = json!({"metadata": {"a": "x".repeat(64 * 1024)}});
    assert_eq!(setup.ada.patch(&path, &large).await.pointers(), ["/metadata"]);
    let changed = setup.ada.patch(&path, &json!({"name": "b.md", "metadata": {"a": [1]}})).await;
    assert_eq!(
        (changed.status, &changed.body["name"], &changed.body["metadata"]),
        (StatusCode::OK, &json!("b.md"), &json!({"a": [1]}))
    );
    assert_eq!(setup.ada.get(&path).await.body, changed.body);
}

#[tokio::test]
async fn the_list_goes_from_new_to_old_page_by_page() {
    let setup = setup().await;
    for query in ["limit=0", "limit=201"] {
        assert_eq!(setup.ada.get(&format!("{PATH}?{query}")).await.status.as_u16(), 422, "{query}");
    }
    assert_eq!(setup.ada.get(&format!("{PATH}?cursor=x")).await.pointers(), ["/cursor"]);
    assert_eq!(setup.ada.get(&format!("{PATH}?x=1")).await.status, StatusCode::BAD_REQUEST);
    for n in 0..5 {
        text(&setup.ada, &format!("{n}.txt"), b"abc").await;
        setup.hand.advance(Duration::from_millis(5));
    }
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = setup.ada.get(&format!("{PATH}?limit=2&bucket=user-files{cursor}")).await;
        names.extend(page.body["data"].as_array().unwrap().iter().map(|file| file["name"].clone()));
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["4.txt", "3.txt", "2.txt", "1.txt", "0.txt"]);
    let none = setup.ada.get(&format!("{PATH}?bucket=generated-files")).await;
    assert_eq!(none.body, json!({"data": [], "next_cursor": null}));
}
