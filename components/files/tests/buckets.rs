//! `/api/buckets`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod support;

use axum::http::StatusCode;
use database::Statement;
use serde_json::{Value, json};
use support::{PATH, download, setup, upload};

const BUCKETS: &str = "/api/buckets";

#[tokio::test]
async fn only_administrators_of_the_platform_make_and_change_buckets() {
    let setup = setup().await;
    let body = json!({"name": "archives", "file_bytes_max": 10, "mime_types": ["application/zip"]});
    assert_eq!(setup.anonymous.get(BUCKETS).await.status.as_u16(), 401);
    for client in [&setup.anonymous, &setup.ada] {
        let status = client.post(BUCKETS, &body).await.status;
        assert!(matches!(status.as_u16(), 401 | 403));
        let status = client.patch(&format!("{BUCKETS}/user-files"), &json!({})).await.status;
        assert!(matches!(status.as_u16(), 401 | 403));
    }
    let buckets = setup.ada.get(BUCKETS).await;
    insta::assert_json_snapshot!(buckets.body, @r#"
    {
      "data": [
        {
          "file_bytes_max": 10485760,
          "mime_types": [
            "text/*",
            "application/json"
          ],
          "name": "generated-files",
          "visibility": "private"
        },
        {
          "file_bytes_max": 52428800,
          "mime_types": [
            "text/*",
            "application/pdf",
            "image/*"
          ],
          "name": "user-files",
          "visibility": "private"
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn a_bucket_takes_what_its_administrator_says() {
    let setup = setup().await;
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1");
    setup.database.query(promote.bind(setup.ada_person.user_id.to_string())).await.unwrap();
    let body = |name: &str, bytes: u64, types: &[&str]| json!({"name": name, "file_bytes_max": bytes, "mime_types": types, "visibility": "private"});
    for (body, pointer) in [
        (body("", 1, &["text/*"]), "/name"),
        (body("A", 1, &["text/*"]), "/name"),
        (body("-a", 1, &["text/*"]), "/name"),
        (body("a/b", 1, &["text/*"]), "/name"),
        (body(&"a".repeat(64), 1, &["text/*"]), "/name"),
        (body("a", 0, &["text/*"]), "/file_bytes_max"),
        (body("a", 1024 * 1024 * 1024 + 1, &["text/*"]), "/file_bytes_max"),
        (body("a", 1, &[]), "/mime_types"),
        (body("a", 1, &["text"]), "/mime_types"),
        (body("a", 1, &["*/png"]), "/mime_types"),
    ] {
        let answer = setup.ada.post(BUCKETS, &body).await;
        assert_eq!((answer.status.as_u16(), answer.pointers()), (422, vec![pointer]), "{body}");
    }
    let created = setup.ada.post(BUCKETS, &body("archives", 4, &["application/zip"])).await;
    assert_eq!(
        (created.status, created.body),
        (StatusCode::CREATED, body("archives", 4, &["application/zip"]))
    );
    let again = setup.ada.post(BUCKETS, &body("archives", 4, &["application/zip"])).await;
    assert_eq!((again.status.as_u16(), again.code()), (409, "bucket_taken"));
    let send = async |bytes: &[u8]| {
        upload(&setup.eve, "name=a.zip&bucket=archives", "application/zip", bytes.to_vec())
            .await
            .status
            .as_u16()
    };
    assert_eq!([send(b"PK\x03\x04").await, send(b"PK\x03\x04.").await], [201, 413]);
    let path = format!("{BUCKETS}/archives");
    let changed = setup.ada.patch(&path, &json!({"file_bytes_max": 5})).await;
    assert_eq!(
        (changed.status, changed.body),
        (StatusCode::OK, body("archives", 5, &["application/zip"]))
    );
    assert_eq!(send(b"PK\x03\x04.").await, 201);
    assert_eq!(
        setup.ada.patch(&format!("{BUCKETS}/nothing"), &json!({})).await.status,
        StatusCode::NOT_FOUND
    );
    let rows = setup
        .database
        .query(Statement::new("SELECT action FROM audit_entry ORDER BY seq"))
        .await
        .unwrap();
    let actions: Vec<Value> =
        rows.iter().map(|row| row.get::<String>("action").unwrap().into()).collect();
    assert_eq!(actions, ["bucket.created", "bucket.changed"]);
}

#[tokio::test]
async fn what_is_in_a_public_bucket_everybody_may_read_and_nobody_else_s_account_lists() {
    let setup = setup().await;
    let promote = Statement::new("UPDATE user SET is_admin = 1 WHERE id = ?1");
    setup.database.query(promote.bind(setup.ada_person.user_id.to_string())).await.unwrap();
    let body = json!({"name": "images", "file_bytes_max": 100, "mime_types": ["text/*"], "visibility": "nobody"});
    assert_eq!(setup.ada.post(BUCKETS, &body).await.status.as_u16(), 422);
    let body = json!({"name": "images", "file_bytes_max": 100, "mime_types": ["text/*"], "visibility": "public"});
    assert_eq!(setup.ada.post(BUCKETS, &body).await.body, body);
    let public = upload(&setup.ada, "name=a.txt&bucket=images", "text/plain", "abc").await;
    let private = upload(&setup.ada, "name=a.txt", "text/plain", "abc").await;
    let (ada, eve) = (setup.ada_person.account_id, setup.eve_person.account_id);
    let id = |answer: &testing::Answer| answer.body["id"].as_str().unwrap().to_owned();
    let path = |account: String, id: &str| format!("{PATH}/public/{account}.{id}");
    let shown = path(ada.to_string(), &id(&public));
    for hidden in [
        path(ada.to_string(), &id(&private)),
        path(eve.to_string(), &id(&public)),
        path(ada.to_string(), "file_01h455vb4pex5vsknk084sn02q"),
        format!("{PATH}/public/{}", id(&public)),
        format!("{PATH}/public/{ada}"),
        format!("{PATH}/public/."),
    ] {
        assert_eq!(download(&setup.anonymous, &hidden, &[]).await.status, 404, "{hidden}");
    }
    for client in [&setup.anonymous, &setup.ada, &setup.eve] {
        let seen = download(client, &shown, &[("range", "bytes=1-")]).await;
        assert_eq!((seen.status, seen.bytes.as_slice()), (206, &b"bc"[..]));
        assert!(seen.header("content-disposition").starts_with("attachment"));
    }
    assert_eq!(setup.eve.get(&format!("{PATH}/{}", id(&public))).await.status.as_u16(), 404);
    let change = json!({"visibility": "private"});
    let changed = setup.ada.patch(&format!("{BUCKETS}/images"), &change).await;
    assert_eq!(changed.body["visibility"], "private");
    assert_eq!(download(&setup.anonymous, &shown, &[]).await.status, 404);
}
