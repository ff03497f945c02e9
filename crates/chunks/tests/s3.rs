//! The body on S3 against a server that says what it is told to. `tests/tests/s3` has one that checks signatures.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex};

use ambient::Clock;
use bytes::Bytes;
use chunks::{CHUNK_BYTES_MAX, ChunkError, ChunkStore, Prefix, S3Bucket};
use egress::Egress;
use http::{Method, Request, Response};
use testing::{HttpServer, NOW};

/// `None` breaks the connection.
type Answer = Option<Response<Bytes>>;

fn answer(status: u16, body: &[u8]) -> Answer {
    Response::builder().status(status).body(Bytes::copy_from_slice(body)).ok()
}

fn reason(status: u16, code: &str) -> Answer {
    answer(
        status,
        format!("<Error><Code>{code}</Code><Message>hunter2</Message></Error>").as_bytes(),
    )
}

fn store(server: &HttpServer, members: &str) -> ChunkStore {
    let origin = server.origin();
    let text = format!(
        r#"{{"type":"s3","bucket":"chunks","region":"eu-central-1","access_key_id":"AKIA","secret_access_key":"s","endpoint":"{origin}"{members}}}"#
    );
    let bucket = S3Bucket::parse(&text, &origin.parse().unwrap()).unwrap();
    ChunkStore::s3(bucket, Egress::new().unwrap(), Clock::manual(NOW).0)
}

async fn with(
    members: &str,
    serve: impl Fn(&Request<Bytes>) -> Answer + Send + Sync + 'static,
) -> (HttpServer, ChunkStore) {
    let server = HttpServer::start(serve).await;
    let store = store(&server, members);
    (server, store)
}

fn prefix() -> Prefix {
    Prefix::new("acct_1", "file_1", "part_1")
}

fn cause(error: &ChunkError) -> String {
    match error {
        ChunkError::Unavailable(_) => error.source().unwrap().to_string(),
        ChunkError::Damaged { .. } => panic!("{error}"),
    }
}

#[tokio::test]
async fn refusals_and_what_is_no_answer_are_a_store_that_is_away() {
    type Serve = fn(&Request<Bytes>) -> Answer;
    let cases: [(Serve, &str); 7] = [
        (
            |_| reason(403, "AccessDenied"),
            "the bucket answered with status 403 Forbidden (AccessDenied)",
        ),
        (
            |_| reason(404, "NoSuchBucket"),
            "the bucket answered with status 404 Not Found (NoSuchBucket)",
        ),
        (|_| reason(404, "hunter2 <b>"), "the bucket answered with status 404 Not Found"),
        (|_| answer(400, b"\xff"), "the bucket answered with status 400 Bad Request"),
        (
            |_| reason(503, "SlowDown"),
            "the bucket answered with status 503 Service Unavailable (SlowDown)",
        ),
        (|_| reason(301, "PermanentRedirect"), "the bucket could not be asked"),
        (|_| None, "the bucket could not be asked"),
    ];
    for (serve, expected) in cases {
        let (_server, store) = with("", serve).await;
        let put = store.put(&prefix(), 0, b"a".to_vec()).await.unwrap_err();
        let get = store.get(&prefix(), 0, &[0; 32]).await.unwrap_err();
        let removed = store.remove(&prefix(), 1).await.unwrap_err();
        for error in [put, get, removed] {
            assert_eq!(cause(&error), expected);
        }
    }
    let large = |_: &Request<Bytes>| answer(200, &vec![0; CHUNK_BYTES_MAX + 1]);
    let (_server, store) = with("", large).await;
    let error = store.get(&prefix(), 0, &[0; 32]).await.unwrap_err();
    assert_eq!(cause(&error), "the bucket could not be asked");
}

#[tokio::test]
async fn what_is_missing_changed_or_cut_off_is_no_data() {
    for (serve, expected) in [
        ((|_| reason(404, "NoSuchKey")) as fn(&Request<Bytes>) -> Answer, true),
        (|_| answer(200, b""), false),
        (|_| answer(200, b"firs"), false),
        (|_| answer(200, b"First"), false),
    ] {
        let (_server, store) = with("", serve).await;
        let digest = ChunkStore::in_memory().unwrap().put(&prefix(), 0, b"first".to_vec()).await;
        let got = store.get(&prefix(), 0, &digest.unwrap()).await;
        assert!(
            matches!(got, Err(ChunkError::Damaged { is_missing, .. }) if is_missing == expected),
            "{got:?}"
        );
    }
}

#[tokio::test]
async fn chunks_are_objects_under_their_keys() {
    let objects = Arc::<Mutex<BTreeMap<String, Bytes>>>::default();
    let kept = Arc::clone(&objects);
    let (_server, store) = with(r#","prefix":"a/b","session_token":"temporary""#, move |request| {
        let path = request.uri().path().to_owned();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert!(header("authorization").contains("/eu-central-1/s3/aws4_request"));
        assert!(
            header("authorization")
                .contains("x-amz-content-sha256;x-amz-date;x-amz-security-token")
        );
        assert_eq!(header("x-amz-security-token"), "temporary");
        assert_eq!(header("x-amz-content-sha256").len(), 64);
        let mut objects = kept.lock().unwrap();
        match *request.method() {
            Method::PUT => {
                objects.insert(path, request.body().clone());
                answer(200, b"")
            }
            Method::DELETE => {
                objects.remove(&path);
                answer(204, b"")
            }
            _ => objects.get(&path).map_or_else(|| reason(404, "NoSuchKey"), |it| answer(200, it)),
        }
    })
    .await;
    let chunk = vec![7; CHUNK_BYTES_MAX];
    let digest = store.put(&prefix(), 0, chunk.clone()).await.unwrap();
    store.put(&prefix(), 1, b"second".to_vec()).await.unwrap();
    let keys: Vec<_> = objects.lock().unwrap().keys().cloned().collect();
    let folder = "/chunks/a/b/acct_1/file_1/part_1";
    assert_eq!(keys, [format!("{folder}/0"), format!("{folder}/1")]);
    assert_eq!(store.get(&prefix(), 0, &digest).await.unwrap(), chunk);
    store.remove(&prefix(), 20).await.unwrap();
    assert!(objects.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again() {
    for failing in [0, 1, 2, 3] {
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let (_server, store) = with("", move |_| {
            let mut asked = count.lock().unwrap();
            *asked += 1;
            match *asked {
                n if failing < n => answer(200, b""),
                1 => None,
                _ => reason(500, "InternalError"),
            }
        })
        .await;
        let put = store.put(&prefix(), 0, b"a".to_vec()).await;
        assert_eq!(put.is_ok(), failing < 3, "{put:?}");
        assert_eq!(*asked.lock().unwrap(), 3.min(failing + 1));
    }
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let (_server, store) = with("", move |_| {
        *count.lock().unwrap() += 1;
        reason(403, "AccessDenied")
    })
    .await;
    store.put(&prefix(), 0, b"a".to_vec()).await.unwrap_err();
    assert_eq!(*asked.lock().unwrap(), 1, "a refusal is an answer");
}
